from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.warehouse.notices.makers import alert
from tests.warehouse.notices.office import Office
from warehouse.ledger import Ledger
from warehouse.notices import NoticeSettings, Receivers, bring_out


def test_a_dead_receiver_fails_nothing_and_the_notice_waits_for_it_alone(office: Office) -> None:
    office.web.code, office.mail.answer = 503, "451 later"
    office.alerts([alert(1), alert(2, "tier_rose")])
    assert len(office.waiting()) == 6
    assert len(office.web.got) == 2, "a receiver that is down is asked once a round"
    office.mail.answer = "250 OK"
    assert office.bring_out() == 2
    assert {channel for channel, _ in office.waiting()} == {"slack", "webhook"}
    office.web.code = 200
    assert office.bring_out() == 4
    assert office.bring_out() == 0
    assert len(office.mail.letters) == 2
    said = " ".join(office.said)
    assert "the mail server answered 451" in said
    assert "@" not in said
    assert office.web.url not in said


def test_nobody_there_fails_nothing(office: Office) -> None:
    told = office.told()
    assert told.mail_server
    nowhere = replace(
        told,
        mail_server=replace(told.mail_server, port=9),
        service=Receivers(("a@shop.example",), "", "http://127.0.0.1:9/x"),
    )
    assert office.alerts([alert(1)], nowhere) == 2
    assert office.waiting() == [
        ("email", "the mail server could not be used (ConnectionRefusedError)"),
        ("webhook", "no answer (ConnectionRefusedError), 1 times"),
    ]


def test_what_waited_a_week_is_old_news_and_a_month_later_forgotten(office: Office) -> None:
    office.web.code = 503
    hook = replace(office.told(), service=Receivers(webhook_url=f"{office.web.url}/service/hook"))
    office.alerts([alert(1)], hook)
    office.web.code = 200
    office.clock.now += timedelta(days=8)
    assert office.bring_out(hook) == 0
    kept = office.ledger.notices("tiny_shop", "risk_alerts", "complaint")
    assert [one.state for one in kept] == ["given_up"]
    office.clock.now += timedelta(days=30)
    office.bring_out(hook)
    assert office.ledger.notices("tiny_shop", "risk_alerts", "complaint") == ()


def test_where_nobody_is_to_be_told_nothing_is_kept(office: Office) -> None:
    assert office.alerts([alert(1)], NoticeSettings()) == 0
    assert office.waiting() == []


def test_two_processes_that_bring_out_at_once_send_a_notice_once(office: Office) -> None:
    office.web.code = 503
    office.alerts([alert(1)])
    office.web.code, office.web.got = 200, []

    def bring(_: int) -> int:
        with Ledger.open(office.settings, office.clock) as own:
            return bring_out(office.settings, own, office.told(), progress=office.said.append)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(bring, range(2))) == [0, 2]
    assert len(office.web.got) == 2


def test_a_channel_that_was_taken_away_is_not_used_for_what_waits(office: Office) -> None:
    office.web.code = 503
    office.alerts([alert(1)])
    office.web.code, office.web.got = 200, []
    office.bring_out(NoticeSettings())
    assert office.web.got == []
    assert "not set any more" in " ".join(office.said)


def test_an_audience_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="engineers or service"):
        NoticeSettings().receivers("everybody")
