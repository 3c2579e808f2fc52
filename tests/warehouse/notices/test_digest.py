from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from tests.warehouse.notices.office import Office
from tests.warehouse.publish.tiny_build import begin_and_build
from warehouse.connections import open_build
from warehouse.ledger import Alarm, CampaignLaunch, GateResult
from warehouse.notices import alerts_raised_by, tell_digest
from warehouse.publish import publish

MARCH_1 = date(2024, 3, 1)


def digest(office: Office, **changes: str) -> int:
    return tell_digest(
        office.settings, office.ledger, told=office.told(**changes), progress=office.said.append
    )


def test_a_day_is_told_once_on_one_page_to_both_teams(office: Office) -> None:
    office.clock.now = datetime(2024, 3, 2, 8, 0, tzinfo=UTC)
    run = begin_and_build(office.settings, office.ledger)
    with open_build(office.settings) as connection:
        connection.execute(
            "create or replace table alerts.risk_alerts as select 'u' || i as user_id, "
            "date '2024-03-01' as as_of_date, 'a' || i as alert_id, 'complaint' as alert_kind, "
            "'high' as risk_tier, timestamp '2024-03-02 07:00:00' - interval (i * 10) hour as raised_at, "
            "$run as run_id from range(5) as numbers(i)",
            {"run": run.run_id},
        )
    done = publish(office.settings, office.ledger, run)
    assert [one["alert_id"] for one in alerts_raised_by(office.settings, run)] == [
        "a0",
        "a1",
        "a2",
        "a3",
        "a4",
    ]
    assert alerts_raised_by(office.settings, replace(run, as_of_date=date(2024, 2, 29))) == []
    results = [GateResult("risk", "s", "rule_1", True), GateResult("risk", "s", "rule_2", False)]
    office.ledger.record_gate_results(run.run_id, results)
    office.ledger.record_alarms([Alarm("tiny_shop", MARCH_1, "model_age", "m", "Old.")])
    failed = office.ledger.begin_run("train", "tiny_shop", MARCH_1)
    office.ledger.fail_run(failed, "out of memory")
    _waits_for_approval(office, run.run_id)
    assert done.pointer_moved

    assert digest(office) == 6
    assert digest(office) == 0
    by_recipient = dict(zip([to[0] for to in office.mail.recipients], office.mail.texts, strict=True))
    service, engineers = by_recipient["service@shop.example"], by_recipient["on-call@shop.example"]
    for text in (service, engineers):
        assert "The day at tiny_shop, 2024-03-02" in text
        assert "The list is of 2024-03-01" in text
        assert "2 users at high risk, 1 at medium" in text
        assert "win_back waits for approval until 2024-03-02 20:00 UTC: 900 users, 1,234.50" in text
    assert "Gates of 2024-03-01: 2 rules checked, 1 broken." in engineers
    assert "Alarms of 2024-03-01: model_age 1." in engineers
    assert "Failed and not run again since: train 2024-03-01" in engineers
    assert "Gates" not in service
    office.clock.now += timedelta(days=1)
    assert digest(office) == 6, "the next day is told, too"


def _waits_for_approval(office: Office, run_id: str) -> None:
    launch = CampaignLaunch(
        source="tiny_shop",
        run_id=run_id,
        campaign_id="win_back",
        as_of_date=MARCH_1,
        experiment_id="win_back_1",
        users_chosen=1000,
        users_treated=900,
        users_held_out=100,
        expected_cost=1234.5,
        state="awaiting_approval",
        deadline_at=datetime(2024, 3, 2, 20, 0, tzinfo=UTC),
        created_at=office.clock(),
    )
    with office.ledger.writing() as connection:
        office.ledger.record_launch(connection, launch)


def test_before_anything_is_published_the_digest_says_so(office: Office) -> None:
    digest(office, HOLDFAST_NOTICE_LANGUAGE="zh")
    assert "尚未发布名单" in office.mail.texts[0]
