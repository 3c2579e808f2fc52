"""Who let a large campaign go, or did not: the ledger knows, also where the answer was no or silence."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk.exceptions import DownstreamTasksSkipped

from dags.wiring import campaign_tasks
from dags.wiring.approval import Approval, who_answered
from warehouse.ledger import CampaignLaunch, Ledger
from warehouse.settings import Settings

DAY = date(2026, 7, 1)
SOON = datetime.now(UTC) + timedelta(hours=12)


class Values:
    """Stands for the task instance: what tasks tell each other."""

    map_index = -1

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        assert task_ids == campaign_tasks.APPROVAL
        return self.pushed.get(key)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("HOLDFAST_HOME", str(tmp_path))
    with Ledger.open(Settings.from_environment()) as opened:
        yield opened


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    found: dict[str, Any] = {"ti": Values()}
    monkeypatch.setattr(campaign_tasks, "get_current_context", lambda: found)
    return found


def answer(context: dict[str, Any], option: str, name: str | None) -> None:
    """Let the approval task go on as Airflow does after an answer, or after its deadline."""
    asking = Approval(task_id=campaign_tasks.APPROVAL, subject="Campaigns wait", defaults="Reject")
    after = EmptyOperator(task_id="release_approved")
    asking.downstream_task_ids = {after.task_id}
    asking.get_direct_relatives = lambda upstream: [after]  # type: ignore[method-assign,assignment]
    event = {
        "chosen_options": [option],
        "params_input": {},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": name, "name": name} if name else None,
    }
    asking.execute_complete(context | {"task": asking}, event)


def waiting(ledger: Ledger) -> list[dict[str, str]]:
    """Record a launch that waits; returns its run as tasks hand it on."""
    run = ledger.begin_run("campaigns", "sample_shop", DAY)
    launch = CampaignLaunch(
        source="sample_shop",
        run_id=run.run_id,
        campaign_id="coupon",
        as_of_date=DAY,
        experiment_id="coupon_1",
        users_chosen=10,
        users_treated=9,
        users_held_out=1,
        expected_cost=27.0,
        state="awaiting_approval",
        deadline_at=SOON,
    )
    with ledger.writing() as connection:
        ledger.record_launch(connection, launch)
    return [{"run_id": run.run_id, "as_of_date": DAY.isoformat(), "kind": "campaigns"}]


def decided(ledger: Ledger) -> tuple[str, str | None]:
    (launch,) = ledger.launches("sample_shop")
    return launch.state, launch.decided_by


def test_whoever_approves_is_kept_with_the_launch(ledger: Ledger, context: dict[str, Any]) -> None:
    opened = waiting(ledger)
    answer(context, "Approve", "ada")
    campaign_tasks.release_approved.function(opened)
    assert decided(ledger) == ("released", "ada")


@pytest.mark.parametrize(("name", "told"), [("ada", "ada"), (None, "nobody")])
def test_whoever_rejects_is_kept_and_silence_is_nobody(
    ledger: Ledger, context: dict[str, Any], name: str | None, told: str
) -> None:
    opened = waiting(ledger)
    with pytest.raises(DownstreamTasksSkipped):
        answer(context, "Reject", name)
    campaign_tasks.close_unapproved.function(opened)
    assert decided(ledger) == ("rejected", told)


def test_where_nobody_was_asked_nobody_answered(context: dict[str, Any]) -> None:
    assert who_answered(context, campaign_tasks.APPROVAL) is None
