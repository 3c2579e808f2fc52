from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.warehouse.notices.makers import alert
from tests.warehouse.notices.office import Office
from warehouse.alarms import raise_alarms
from warehouse.errors import ContractBreach
from warehouse.ledger import Alarm


def test_the_service_team_gets_one_message_per_run_and_kind_on_every_channel(office: Office) -> None:
    assert office.alerts([alert(1), alert(2, tier="low"), alert(3, "tier_rose"), alert(4)]) == 6
    complaint, rose = office.mail.texts
    assert complaint.startswith("[tiny_shop] 3 users complained: 2 at high risk, 1 at low risk\n")
    assert rose.startswith("[tiny_shop] 1 user rose to a higher risk tier")
    assert office.mail.recipients[0] == ["service@shop.example", "lead@shop.example"]
    assert "- u1, high risk, since 2026-06-29. Why: A complaint is unanswered. To do: Answer the" in complaint
    assert "https://holdfast.shop.example/at-risk" in complaint
    assert sorted(path for path, _ in office.web.got) == ["/service/hook"] * 2 + ["/service/slack"] * 2
    (hook, *_) = office.web.bodies("/service/hook")
    assert (hook["source"], hook["kind"], hook["subject"]) == ("tiny_shop", "risk_alerts", "complaint")
    assert [line.split(",")[0] for line in hook["lines"]] == ["u1", "u4", "u2"], "the highest risk first"
    (slack, *_) = office.web.bodies("/service/slack")
    assert slack["text"].startswith("3 users complained")
    assert [block["type"] for block in slack["blocks"]] == ["header", "section"]


def test_the_same_alerts_are_told_once_however_often_the_task_runs(office: Office) -> None:
    assert [office.alerts([alert(1)]) for _ in range(2)] == [3, 0]
    assert len(office.web.got) == 2


def test_an_alert_that_comes_again_with_others_is_not_told_again(office: Office) -> None:
    office.alerts([alert(1), alert(2)])
    office.alerts([alert(2), alert(3)])
    first, second = office.mail.texts
    assert "2 users complained" in first
    assert "1 user complained" in second
    assert "u3" in second
    assert "u2" not in second


def test_at_most_so_many_details_stand_in_a_message_and_the_rest_is_counted(office: Office) -> None:
    office.alerts([alert(number) for number in range(500)], office.told(HOLDFAST_NOTICE_DETAILS="3"))
    (text,) = office.mail.texts
    assert "500 users complained" in text
    assert text.count("\n- u") == 3
    assert "… and 497 more" in text


def test_where_users_are_not_to_be_named_they_are_only_counted(office: Office) -> None:
    office.alerts([alert(77), alert(78)], office.told(HOLDFAST_NOTICE_USERS="counts"))
    (text,) = office.mail.texts
    assert "2 users complained" in text
    assert "u77" not in text
    assert "more" not in text


def test_in_chinese_everything_is_chinese(office: Office) -> None:
    chinese = office.told(HOLDFAST_NOTICE_LANGUAGE="zh")
    office.alerts([alert(1)], chinese)
    office.fails("run1:1", None, chinese)
    alerted, failed = office.mail.texts
    assert "1 名用户提出投诉：高风险 1 名" in alerted
    assert "u1，高风险，自 2026-06-29 起。原因：有投诉未回复。建议：请今天回复投诉。" in alerted
    assert "失败（数据日期 2026-06-30）" in failed


def test_engineers_are_told_what_failed_why_since_when_and_what_to_do(office: Office) -> None:
    error = ContractBreach("The gate scores is red", "jane@example.org", "look at data_quality_report")
    assert office.fails("run1:1", error) == 3
    (text,) = office.mail.texts
    for words in (
        "[tiny_shop] score_churn_risk.score_users failed, as of 2026-06-30",
        "Why: The gate scores is red",
        "Since 2026-06-30 09:00 UTC",
        "To do: Look at data_quality_report.",
        "docs/runbook.md#score_churn_risk",
    ):
        assert words in text
    assert office.mail.recipients == [["on-call@shop.example"]]
    assert "jane" not in text + str(office.web.got)


def test_a_failure_that_comes_again_is_counted_and_told_after_the_quiet_hours(office: Office) -> None:
    for occasion in ("run1:1", "run1:1", "run2:1", "run3:1"):
        office.fails(occasion, None)
        office.clock.now += timedelta(hours=1)
    assert len(office.mail.letters) == 1
    office.clock.now += timedelta(hours=5)
    office.fails("run4:1", None)
    assert len(office.mail.letters) == 2
    assert "It happened 2 more times since 2026-06-30 09:00 UTC" in office.mail.texts[1]


def test_a_setting_that_cannot_be_read_keeps_no_alarm_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_NOTICE_LANGUAGE", "fr")
    found = [Alarm("tiny_shop", date(2026, 6, 30), "model_age", "churn-1", "57 days old.")]
    args = (office.settings, office.ledger, office.run, found)
    assert len(raise_alarms(*args, progress=office.said.append)) == 1
    assert "HOLDFAST_NOTICE_LANGUAGE must be en or zh" in office.said[-1]


def test_new_alarms_go_to_engineers_by_kind_and_those_of_a_replay_do_not(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in office.environment().items():
        monkeypatch.setenv(name, value)
    day = date(2026, 6, 30)
    found = [
        Alarm("tiny_shop", day, "feature_drift", f"input_{number}", "The index is .41.") for number in (1, 2)
    ]
    found.append(Alarm("tiny_shop", day, "model_age", "churn-1", "57 days old."))
    raise_alarms(office.settings, office.ledger, office.run, found, notify=False, progress=office.said.append)
    assert office.web.got == []
    again = [replace(one, as_of_date=date(2026, 7, 1)) for one in found]
    raise_alarms(office.settings, office.ledger, office.run, again, progress=office.said.append)
    assert [body["title"] for body in office.web.bodies("/engineers/hook")] == [
        "2 alarms of feature_drift, as of 2026-06-30",
        "1 alarm of model_age, as of 2026-06-30",
    ]
