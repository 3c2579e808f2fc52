"""A published day with made-up decisions, and seeds that a test may change; nothing of dbt is needed."""

import csv
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from campaigns.record import Launch, record_decisions
from warehouse.ledger import Ledger, Publish, Run
from warehouse.ledger.campaign_records import CampaignAssignment
from warehouse.publish.durable import sha256_of
from warehouse.publish.manifest import DATABASE_NAME, MANIFEST_NAME, Manifest, facts_of_files
from warehouse.publish.pointer import snapshots_folder, swap_pointer
from warehouse.settings import REPOSITORY, Settings

DAY = date(2026, 6, 29)
# The morning after, in Shanghai, where sample_shop is.
NOW = datetime(2026, 6, 30, 2, 0, tzinfo=UTC)
COLUMNS = {
    **{"as_of_date": "date", "user_id": "varchar", "campaign_id": "varchar", "experiment_id": "varchar"},
    **{"arm": "varchar", "stratum": "varchar", "holdout_share": "double", "action": "varchar"},
    **{"offer_id": "varchar", "channel": "varchar", "language": "varchar", "time_zone": "varchar"},
    **{"preferred_hour": "integer", "trigger_code": "varchar", "risk_tier": "varchar"},
    **{"value_tier": "varchar", "expected_net_value": "double", "cost": "double"},
    **{"choice_rank": "bigint", "run_id": "varchar", "reason_1_sentence_en": "varchar"},
}
# action, offer, channel and cost of the campaigns in the seed
CAMPAIGNS = {
    "service_call": ("service_call", "care_call", "call", 3.0),
    "win_back_coupon": ("coupon", "coupon_20", "email", 3.02),
    "recommendation": ("recommendation", "picks_for_you", "email", 0.02),
    "education": ("education", "first_steps", "email", 0.02),
    "community": ("community", "community_invitation", "push", 0.01),
}
EXPERIMENTS = {
    **{"service_call": "service_call_1", "win_back_coupon": "win_back_coupon_1"},
    **{"recommendation": "recommendation_1", "education": "education_1", "community": "community_1"},
}
SEEDS = ("campaign_policy", "offers", "contact_policy", "country_time_zones", "churn_definitions")


def chosen(user_id: str, campaign_id: str = "recommendation", **changes: Any) -> dict[str, Any]:
    """Return one row of campaign_actions."""
    action, offer_id, channel, cost = CAMPAIGNS[campaign_id]
    row: dict[str, Any] = {
        "as_of_date": DAY,
        "user_id": user_id,
        "campaign_id": campaign_id,
        "experiment_id": EXPERIMENTS[campaign_id],
        "arm": "treatment",
        "stratum": "high/medium",
        "holdout_share": 0.1,
        "action": action,
        "offer_id": offer_id,
        "channel": channel,
        "language": "en",
        "time_zone": "UTC",
        "preferred_hour": None,
        "trigger_code": None,
        "risk_tier": "high",
        "value_tier": "medium",
        "expected_net_value": 5.0,
        "cost": cost,
        "choice_rank": 1,
        "run_id": "published",
        "reason_1_sentence_en": "No visit in the last 60 days (raises the risk)",
    }
    return row | changes


class PublishedDay:
    """A home whose decisions are published; its seeds are a copy that may be changed."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, ledger_url: str = "") -> None:
        self.project = home / "dbt_project"
        (self.project / "seeds").mkdir(parents=True)
        for seed in SEEDS:
            shutil.copy(REPOSITORY / "dbt_project" / "seeds" / f"{seed}.csv", self.project / "seeds")
        shutil.copytree(
            REPOSITORY / "dbt_project" / "models" / "staging" / "sample_shop",
            self.project / "models" / "staging" / "sample_shop",
        )
        monkeypatch.setattr(Settings, "dbt_project", self.project)
        self.settings = Settings(
            home=home,
            source="sample_shop",
            ledger_url=ledger_url or f"sqlite:///{home / 'ledger' / 'ledger.db'}",
            sending=True,
        )
        self.ledger = Ledger.open(self.settings, lambda: NOW)
        self.small_campaigns()

    def small_campaigns(self) -> None:
        """Let a handful of users be an audience; a test that asks for more sets it."""
        for campaign_id in CAMPAIGNS:
            self.set_seed("campaign_policy", campaign_id, minimum_audience=1)

    def set_seed(self, seed: str, key: str, **values: Any) -> None:
        """Change the line of a seed whose first value is `key`."""
        path = self.project / "seeds" / f"{seed}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            names, lines = list(reader.fieldnames or ()), list(reader)
        (line,) = [one for one in lines if one[names[0]] == key]
        line.update({name: str(value) for name, value in values.items()})
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)

    def publish(
        self,
        rows: Sequence[dict[str, Any]],
        *,
        day: date = DAY,
        move_pointer: bool = True,
        extra: Sequence[str] = (),
    ) -> Path:
        """Publish decisions of a day; `extra` are statements for further tables. Returns the snapshot."""
        run = self.ledger.begin_run("score", "sample_shop", day, "asset_triggered")
        folder = snapshots_folder(self.settings) / run.run_id
        folder.mkdir(parents=True, mode=0o700)
        with duckdb.connect(folder / DATABASE_NAME) as connection:
            declared = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
            connection.execute(f"create table campaign_actions ({declared})")
            if rows:
                connection.executemany(
                    f"insert into campaign_actions values ({', '.join('?' for _ in COLUMNS)})",
                    [[{**row, "as_of_date": day}[name] for name in COLUMNS] for row in rows],
                )
            for statement in extra:
                connection.execute(statement)
        Manifest(
            run_id=run.run_id,
            epoch=run.epoch,
            source="sample_shop",
            as_of_date=day,
            model_version=None,
            created_at=NOW,
            holdfast_version="0",
            tables={},
            files=facts_of_files(folder),
        ).write(folder)
        self.ledger.record_publish(
            Publish(
                run_id=run.run_id,
                source="sample_shop",
                as_of_date=day,
                epoch=run.epoch,
                snapshot_path=f"snapshots/{run.run_id}",
                manifest_sha256=sha256_of(folder / MANIFEST_NAME),
                model_version=None,
                state="prepared",
                pointer_moved=False,
                prepared_at=NOW,
            )
        )
        if move_pointer:
            swap_pointer(self.settings, run.run_id)
        self.ledger.finish_publish(run.run_id, pointer_moved=move_pointer, from_run_id=None)
        return folder

    def begin(self, day: date = DAY, trigger: str = "asset_triggered") -> Run:
        """Begin the run that acts on a day."""
        return self.ledger.begin_run("campaigns", "sample_shop", day, trigger)

    def record(
        self, snapshot: Path, run: Run | None = None, *, now: datetime = NOW, may_send: bool = True
    ) -> dict[str, Launch]:
        """Record a snapshot's decisions; launches by campaign."""
        launches = record_decisions(
            self.settings, self.ledger, run or self.begin(), snapshot, now=now, may_send=may_send
        )
        return {launch.campaign_id: launch for launch in launches}

    def decide(self, *rows: dict[str, Any], **more: Any) -> dict[str, Launch]:
        """Publish decisions and record them."""
        return self.record(self.publish(rows, **more))

    def payload(self, user_id: str) -> dict[str, Any]:
        """Return what is said to a user who has one message."""
        (message,) = self.ledger.messages("sample_shop", user_id=user_id)
        return dict(json.loads(message.payload_json))

    def states(self) -> dict[str, str]:
        """Return the state of each user's message, or states where there are several."""
        found: dict[str, str] = {}
        for message in self.ledger.messages("sample_shop"):
            before = found.get(message.user_id)
            found[message.user_id] = f"{before} {message.state}" if before else message.state
        return found

    def assign(self, user_id: str, arm: str, experiment_id: str, assigned_on: date = DAY) -> None:
        """Record an arm."""
        with self.ledger.writing() as connection:
            self.ledger.record_assignments(
                connection,
                [
                    CampaignAssignment(
                        source="sample_shop",
                        experiment_id=experiment_id,
                        user_id=user_id,
                        campaign_id=experiment_id.removesuffix("_1"),
                        arm=arm,
                        stratum="high/medium",
                        holdout_share=0.1,
                        salt="s",
                        assigned_on=assigned_on,
                        run_id="r",
                    )
                ],
            )


@contextmanager
def published_day(
    home: Path, monkeypatch: pytest.MonkeyPatch, ledger_url: str = ""
) -> Iterator[PublishedDay]:
    """Yield a home without decisions yet."""
    shop = PublishedDay(home, monkeypatch, ledger_url)
    try:
        yield shop
    finally:
        shop.ledger.close()


NEXT_DAY = DAY + timedelta(days=1)
