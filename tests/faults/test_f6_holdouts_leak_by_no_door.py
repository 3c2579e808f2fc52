"""F6: who is held out, or of the global control, appears in nothing that leaves by any door.

The day is decided by dbt, chosen, published, recorded and written as lists, as the line does it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from campaigns.arms import bucket
from campaigns.choose import choose_actions
from campaigns.lists import write_lists
from campaigns.policy import load_policy
from tests.campaigns.lists.makers import give_phones
from tests.campaigns.published_day import PublishedDay
from tests.warehouse.campaign_makers import DAY, consent, decide, prepare_decisions, score
from tests.warehouse.dbt_makers import Row, Shop
from warehouse.connections import open_build
from warehouse.control_campaigns import copy_campaign_facts
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.ledger.campaign_tables import coupons, outbox
from warehouse.settings import REPOSITORY

NOW = datetime(2026, 7, 1, 3, tzinfo=UTC)
POLICY = load_policy(REPOSITORY / "dbt_project")
PUBLISHED = ("campaign_actions", "campaign_assignments", "campaign_design", "campaign_eligibility")
LET_DOWN: Row = {
    "is_last_complaint_unanswered": True,
    "days_since_last_complaint": 3,
    "net_amount_365d": 900.0,
    "order_value_mean_365d": 500.0,
}
USERS: dict[str, Row] = {
    **{f"let_down{i}": LET_DOWN for i in range(60)},
    **{f"usual{i}": {"order_value_mean_365d": 500.0} for i in range(120)},
    **{f"new{i}": {"days_since_first_paid_order": 9, "days_since_last_paid_order": 9} for i in range(60)},
}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, PublishedDay]]:
    """A day that went the whole way: everything that may leave has left."""
    shop = Shop(tmp_path_factory.mktemp("f6") / "build")
    prepare_decisions(shop)
    score(shop, USERS)
    consent(shop, dict.fromkeys(USERS, ("email", "call", "push", "sms")))
    decide(shop)
    selected = ["int_tier_reasons_worded", "int_users_ranked", "int_users_at_risk_listed", "at_risk_users"]
    run_dbt(shop.settings, ["run", "--quiet", "--select", *selected], dbt_vars(shop.settings, [DAY]))
    with pytest.MonkeyPatch.context() as monkeypatch:
        home = PublishedDay(tmp_path_factory.mktemp("home"), monkeypatch)
    # from here on the project's own seeds hold
    run = home.ledger.begin_run("score", "sample_shop", DAY, "asset_triggered")
    choose_actions(shop.settings, run, DAY)
    act(shop, home)
    yield shop, home
    home.ledger.close()


def act(shop: Shop, home: PublishedDay) -> None:
    """Publish what was decided, record it, and write the lists of the service team."""
    build_file = str(shop.settings.build_file)
    copied = [f"create or replace table {name} as from build.campaigns.{name}" for name in PUBLISHED]
    snapshot = home.publish(
        [], day=DAY, extra=[f"attach '{build_file}' as build (read_only)", *copied, "detach build"]
    )
    run = home.begin(DAY)
    home.record(snapshot, run, now=NOW)
    give_phones(home.settings, {user: f"+86{number:011d}" for number, user in enumerate(USERS)})
    write_lists(home.settings, home.ledger, run, now=NOW, environment={})


def protected(shop: Shop) -> set[str]:
    rows = shop.rows(
        "select user_id from campaigns.campaign_assignments where arm in ('holdout', 'global_control')"
    )
    return {user for (user,) in rows}


def users_in(home: PublishedDay, table: sa.Table) -> set[str]:
    with home.ledger.reading() as connection:
        return set(connection.execute(sa.select(table.c.user_id)).scalars())


def texts_of_lists(home: PublishedDay) -> str:
    files = [path for path in Path(home.settings.home / "lists").rglob("*") if path.is_file()]
    assert files
    return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in files)


def test_nobody_held_out_is_in_anything_that_left(day: tuple[Shop, PublishedDay]) -> None:
    shop, home = day
    left_alone = protected(shop)
    assert len(left_alone) > 20
    messages, issued, listed = users_in(home, outbox), users_in(home, coupons), texts_of_lists(home)
    assert len(messages) > 40
    assert issued
    assert any(f'"{user}"' in listed or f",{user}," in listed for user in messages)
    assert not messages & left_alone
    assert not issued & left_alone
    assert not [user for user in left_alone if f'"{user}"' in listed or f",{user}," in listed]


def test_the_published_list_says_so_of_everybody_held_out(day: tuple[Shop, PublishedDay]) -> None:
    shop, _ = day
    may = dict(shop.rows("select user_id, may_be_contacted from reporting.at_risk_users"))
    assert {user for user, allowed in may.items() if not allowed} == protected(shop) & set(may)
    assert any(may.values())


def test_places_of_the_held_out_stay_empty(day: tuple[Shop, PublishedDay]) -> None:
    """Nobody moves up: treated and held out together are those who were chosen, and only treated ones get."""
    shop, home = day
    arms = shop.rows("select campaign_id, arm, count(*) from campaigns.campaign_actions group by all")
    by_campaign: dict[str, dict[str, int]] = {}
    for campaign, arm, users in arms:
        by_campaign.setdefault(campaign, {})[arm] = users
    assert {"service_call", "win_back_coupon"} <= set(by_campaign)
    with home.ledger.reading() as connection:
        sent = sa.select(outbox.c.campaign_id, sa.func.count()).group_by(outbox.c.campaign_id)
        handed = {str(campaign): int(number) for campaign, number in connection.execute(sent)}
    for campaign, counted in by_campaign.items():
        assert counted["holdout"] > 0, campaign
        assert handed[campaign] == counted["treatment"], campaign


def test_a_day_sent_again_by_hand_reaches_nobody_held_out(day: tuple[Shop, PublishedDay]) -> None:
    shop, home = day
    before = users_in(home, outbox)
    act(shop, home)
    assert users_in(home, outbox) == before


def test_contamination_is_counted_over_all_doors_and_is_none(day: tuple[Shop, PublishedDay]) -> None:
    shop, home = day
    with open_build(shop.settings) as connection:
        counts = copy_campaign_facts(connection, home.ledger, "sample_shop", DAY, "Asia/Shanghai")
    assert counts["campaign_contacts"] > 40
    told = "select sum(users_protected), sum(users_reached) from campaigns.campaign_contamination"
    ((everybody, reached),) = shop.rows(told)
    assert everybody >= len(protected(shop)) > 20
    assert reached == 0
    # and it would be seen: a resend by hand to one user held out
    (user, *_) = sorted(protected(shop))
    shop.write(
        f"insert into control.campaign_contacts by name select '{user}' as user_id, 'by hand' as message_id, "
        f"'education' as campaign_id, date '{DAY}' as as_of_date, 'sent' as state, "
        "timestamp '2026-07-01 05:00:00' as handed_over_at"
    )
    assert shop.rows(told)[0][1] >= 1


def test_who_was_held_out_is_eligible_for_no_other_campaign_on_the_next_days(
    day: tuple[Shop, PublishedDay],
) -> None:
    shop, _ = day
    held_out = {
        user
        for (user,) in shop.rows("select user_id from control.campaign_assignments where arm = 'holdout'")
    }
    assert held_out
    # four days later everything has arrived, and nothing rests any more
    shop.write(
        "update control.campaign_contacts set state = 'sent', "
        "handed_over_at = timestamp '2026-07-01 04:00:00'"
    )
    later = DAY + timedelta(days=5)
    score(shop, USERS, later)
    decide(shop, later)
    eligible = shop.rows("select distinct user_id from campaigns.campaign_eligibility where is_eligible")
    assert eligible
    rule = POLICY.global_control
    for (user,) in eligible:
        assert user not in held_out
        assert bucket(rule.salt, rule.experiment_id, user) >= rule.holdout_share
