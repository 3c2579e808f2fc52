"""Whose outcome a campaign changed, and what became of users who were scored."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from ml.health import campaign_touched, untouched
from ml.outcome_checks import FEWEST_PER_CLASS, judge_outcomes
from ml.outcomes import matured_day, realised
from ml.tables import prepare_tables
from warehouse.definitions import Definition
from warehouse.errors import ContractBreach

SCORED_ON = date(2026, 3, 1)
HORIZON = 30
COMPLETE = SCORED_ON + timedelta(days=HORIZON)
PAID = Definition("paid_order_30d", "paid_order", HORIZON, 180, 1, None, True, "no paid order in 30 days")
ANY = Definition("any_activity_30d", "any_activity", HORIZON, 180, 1, None, False, "nothing in 30 days")
OWN = Definition("personal", "personal", HORIZON, 180, 4, None, False, "no paid order in the own window")


@pytest.fixture
def build() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for schema in ("features", "intermediate", "ml"):
            connection.execute(f"create schema {schema}")
        prepare_tables(connection)
        connection.execute(
            "create table ml.churn_scores (as_of_date date, user_id varchar, churn_probability double, "
            "horizon_days integer, model_version varchar)"
        )
        connection.execute(
            "create table intermediate.int_user_days (user_id varchar, activity_date date, "
            "active_days integer, paid_days integer, touches_sent integer, known_on date, superseded_on date)"
        )
        connection.execute(
            "create table features.user_features "
            "(as_of_date date, user_id varchar, days_since_last_paid_order integer, "
            "paid_days_lifetime integer, personal_window_days integer)"
        )
        for definition in (PAID, ANY, OWN):
            reported(connection, f"m-{definition.definition_id}", definition.definition_id)
        yield connection


def reported(connection: duckdb.DuckDBPyConnection, model_version: str, definition_id: str) -> None:
    connection.execute(
        "insert into ml.model_report by name select ? as model_version, date '2026-02-01' as trained_as_of, "
        "? as definition_id, 'boosted_trees' as candidate, 'is_chosen' as metric, 1.0 as value, "
        "30 as horizon_days, '' as note",
        [model_version, definition_id],
    )


def scored(
    connection: duckdb.DuckDBPyConnection,
    *users: str,
    day: date = SCORED_ON,
    horizon: int = HORIZON,
    definition: Definition = PAID,
) -> None:
    for user in users:
        connection.execute(
            "insert into ml.churn_scores values (?, ?, 0.5, ?, ?)",
            [day, user, horizon, f"m-{definition.definition_id}"],
        )


def acted(
    connection: duckdb.DuckDBPyConnection,
    user: str,
    after_days: int,
    *,
    paid: int = 0,
    active: int = 1,
    mailed: int = 0,
    known_after: int | None = None,
    superseded_after: int | None = None,
) -> None:
    day = SCORED_ON + timedelta(days=after_days)
    known_on = day if known_after is None else SCORED_ON + timedelta(days=known_after)
    superseded_on = None if superseded_after is None else SCORED_ON + timedelta(days=superseded_after)
    connection.execute(
        "insert into intermediate.int_user_days values (?, ?, ?, ?, ?, ?, ?)",
        [user, day, active, paid, mailed, known_on, superseded_on],
    )


def churners(connection: duckdb.DuckDBPyConnection, definition: Definition = PAID) -> set[str]:
    frame = realised(connection, SCORED_ON, definition, COMPLETE)
    return set(frame.loc[frame["churned"], "user_id"])


def test_an_absent_user_is_churned_and_a_buyer_is_not(build: duckdb.DuckDBPyConnection) -> None:
    scored(build, "absent", "buyer")
    acted(build, "buyer", 5, paid=1)
    assert churners(build) == {"absent"}


def test_the_window_begins_after_the_day_and_ends_with_its_last_day(
    build: duckdb.DuckDBPyConnection,
) -> None:
    scored(build, "on the day", "first", "last", "too late")
    for user, after in (("on the day", 0), ("first", 1), ("last", HORIZON), ("too late", HORIZON + 1)):
        acted(build, user, after, paid=1, known_after=0)
    assert churners(build) == {"on the day", "too late"}


def test_visits_keep_a_user_only_where_any_activity_is_waited_for(build: duckdb.DuckDBPyConnection) -> None:
    scored(build, "visitor", "mailed only")
    acted(build, "visitor", 3)
    acted(build, "mailed only", 3, active=0, mailed=1)
    assert churners(build, PAID) == {"visitor", "mailed only"}
    assert churners(build, ANY) == {"mailed only"}


def test_only_what_the_evening_knew_counts(build: duckdb.DuckDBPyConnection) -> None:
    scored(build, "told late", "corrected", "corrected later")
    acted(build, "told late", 5, paid=1, known_after=HORIZON + 1)
    acted(build, "corrected", 5, paid=1, superseded_after=20)
    acted(build, "corrected later", 5, paid=1, superseded_after=HORIZON + 1)
    assert churners(build) == {"told late", "corrected"}


def test_a_personal_window_is_the_users_own_and_who_has_none_is_left_out(
    build: duckdb.DuckDBPyConnection,
) -> None:
    scored(build, "quick", "slow", "new")
    windows = [("quick", 7), ("slow", 90), ("new", None)]
    for user, window in windows:
        build.execute("insert into features.user_features values (?, ?, 5, 4, ?)", [SCORED_ON, user, window])
        acted(build, user, 10, paid=1)
    frame = realised(build, SCORED_ON, OWN, COMPLETE)
    assert dict(zip(frame["user_id"], frame["churned"], strict=True)) == {"quick": True, "slow": False}


def test_only_the_population_of_the_definition_is_judged(build: duckdb.DuckDBPyConnection) -> None:
    scored(build, "once", "twice", "unknown")
    for user, paid_days in (("once", 1), ("twice", 2)):
        values = [SCORED_ON, user, paid_days]
        build.execute("insert into features.user_features values (?, ?, 5, ?, null)", values)
    once = replace(PAID, definition_id="one_time_buyers_30d", most_paid_days=1)
    assert list(realised(build, SCORED_ON, once, COMPLETE)["user_id"]) == ["once"]
    assert len(realised(build, SCORED_ON, PAID, COMPLETE)) == 3


def test_an_immature_outcome_is_refused(build: duckdb.DuckDBPyConnection) -> None:
    scored(build, "anybody")
    with pytest.raises(ContractBreach, match="not complete"):
        realised(build, SCORED_ON, PAID, COMPLETE - timedelta(days=1))


def test_the_newest_mature_day_of_the_same_definition_is_judged(build: duckdb.DuckDBPyConnection) -> None:
    scored(build, "u", day=SCORED_ON - timedelta(days=1))
    scored(build, "u")
    scored(build, "u", day=SCORED_ON + timedelta(days=1), definition=ANY)
    scored(build, "u", day=SCORED_ON + timedelta(days=2), horizon=90)
    assert matured_day(build, PAID, COMPLETE - timedelta(days=2)) is None
    assert matured_day(build, PAID, COMPLETE - timedelta(days=1)) == SCORED_ON - timedelta(days=1)
    assert matured_day(build, PAID, COMPLETE + timedelta(days=5)) == SCORED_ON
    assert matured_day(build, ANY, COMPLETE + timedelta(days=5)) == SCORED_ON + timedelta(days=1)


def contacts(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create schema if not exists control")
    connection.execute(
        "create or replace table control.campaign_contacts (user_id varchar, as_of_date date, state varchar, "
        "handed_over_at timestamp)"
    )


def contacted(
    connection: duckdb.DuckDBPyConnection,
    user: str,
    after: int,
    *,
    decided: int | None = None,
    state: str = "sent",
    is_handed_over: bool = True,
) -> None:
    day = SCORED_ON + timedelta(days=after)
    decided_on = day - timedelta(days=1) if decided is None else SCORED_ON + timedelta(days=decided)
    handed_over_at = datetime.combine(day, time(9)) if is_handed_over else None
    values = [user, decided_on, state, handed_over_at]
    connection.execute("insert into control.campaign_contacts values (?, ?, ?, ?)", values)


def touched(connection: duckdb.DuckDBPyConnection, known_on: date = COMPLETE) -> list[str]:
    frame = campaign_touched(connection, [SCORED_ON], HORIZON, known_on)
    assert list(frame.columns) == ["as_of_date", "user_id"]
    return list(frame["user_id"])


def test_nobody_is_touched_before_there_are_campaigns(build: duckdb.DuckDBPyConnection) -> None:
    frame = pd.DataFrame({"as_of_date": [SCORED_ON], "user_id": ["u"]})
    assert touched(build) == []
    assert untouched(build, frame, horizon_days=HORIZON, known_on=COMPLETE) is frame
    contacts(build)
    assert touched(build) == []


def test_whoever_was_or_may_have_been_reached_is_touched_and_nobody_else(
    build: duckdb.DuckDBPyConnection,
) -> None:
    contacts(build)
    for state in ("sent", "unknown", "held", "pending", "dead", "suppressed", "expired", "cancelled"):
        contacted(build, state, 5, state=state)
    contacted(build, "answer lost", 5, state="unknown", is_handed_over=False)
    assert touched(build) == ["answer lost", "sent", "unknown"]


def test_only_contacts_in_the_window_that_are_known_touch(build: duckdb.DuckDBPyConnection) -> None:
    contacts(build)
    for user, after in (("same day", 0), ("next day", 1), ("last day", HORIZON), ("after", HORIZON + 1)):
        contacted(build, user, after)
    assert touched(build, COMPLETE + timedelta(days=9)) == ["last day", "next day"]
    assert touched(build, COMPLETE - timedelta(days=1)) == ["next day"]


def test_a_message_counts_from_the_day_it_went_out_and_never_before_its_decision(
    build: duckdb.DuckDBPyConnection,
) -> None:
    contacts(build)
    contacted(build, "sent late", 4, decided=-9)
    contacted(build, "sent the same evening", 0, decided=0)
    assert touched(build) == ["sent late", "sent the same evening"]


def test_a_user_is_touched_once_per_snapshot(build: duckdb.DuckDBPyConnection) -> None:
    contacts(build)
    contacted(build, "u", 5)
    contacted(build, "u", 6)
    days = [SCORED_ON, SCORED_ON + timedelta(days=5), SCORED_ON + timedelta(days=28)]
    frame = campaign_touched(build, days, HORIZON, COMPLETE)
    assert list(frame["as_of_date"]) == days[:2]


def test_training_rows_of_touched_users_are_left_out_of_that_snapshot_only(
    build: duckdb.DuckDBPyConnection,
) -> None:
    contacts(build)
    contacted(build, "u", 5)
    later = SCORED_ON + timedelta(days=28)
    rows = [(SCORED_ON, "u"), (SCORED_ON, "v"), (later, "u")]
    frame = pd.DataFrame(rows, columns=["as_of_date", "user_id"]).assign(churned=[0, 1, 1])
    kept = untouched(build, frame, horizon_days=HORIZON, known_on=COMPLETE)
    assert list(zip(kept["as_of_date"], kept["user_id"], strict=True)) == rows[1:]
    assert list(kept.index) == [0, 1]


def outcomes(users: int = 2_000, *, shift: float = 0.0, seed: int = 1) -> pd.DataFrame:
    """Return scores whose users churn as often as said, or by `shift` more often in log-odds."""
    random = np.random.default_rng(seed)
    log_odds = random.normal(0.0, 1.2, users)
    churned = random.random(users) < 1 / (1 + np.exp(-log_odds - shift))
    return pd.DataFrame(
        {
            "user_id": [f"u{number}" for number in range(users)],
            "churn_probability": 1 / (1 + np.exp(-log_odds)),
            "model_version": "churn-1",
            "churned": churned,
            "is_mailed": False,
            "is_treated": False,
        }
    )


def by_subject(frame: pd.DataFrame, promised: float | None = 0.78) -> dict:
    return {found.subject: found for found in judge_outcomes(frame, SCORED_ON, promised)}


def test_scores_that_come_true_are_no_alarm() -> None:
    found = by_subject(outcomes())
    assert found["churn_probability"].statistic == pytest.approx(1.0, abs=0.06)
    assert not any(finding.is_alarm for finding in found.values())
    assert {finding.model_version for finding in found.values()} == {"churn-1"}


def test_scores_that_come_true_alarm_on_fewer_than_five_days_in_a_hundred() -> None:
    alarms = sum(
        finding.is_alarm
        for seed in range(60)
        for finding in judge_outcomes(outcomes(200, seed=seed), SCORED_ON, 0.78)
    )
    assert alarms < 3


@pytest.mark.parametrize(("shift", "limit"), [(0.6, 1.1), (-0.6, 0.9)])
def test_more_or_fewer_churners_than_expected_are_an_alarm(shift: float, limit: float) -> None:
    found = by_subject(outcomes(shift=shift))["churn_probability"]
    assert found.is_alarm
    assert found.threshold == pytest.approx(limit)
    assert found.p_value is not None
    assert found.p_value < 1e-9


def test_a_small_excess_is_no_alarm_however_many_the_users() -> None:
    found = by_subject(outcomes(60_000, shift=0.1))["churn_probability"]
    assert found.p_value is not None
    assert found.p_value < 0.01
    assert not found.is_alarm


def test_scores_that_no_longer_rank_are_an_alarm() -> None:
    shuffled = outcomes()
    shuffled["churned"] = shuffled["churned"].sample(frac=1.0, random_state=1).to_numpy()
    found = by_subject(shuffled)
    assert found["roc_auc"].is_alarm
    assert found["roc_auc"].threshold == pytest.approx(0.73)
    assert not by_subject(shuffled, promised=None)["roc_auc"].is_alarm
    assert found["lift_at_10"].statistic == pytest.approx(1.0, abs=0.3)


def test_the_treated_are_not_judged() -> None:
    frame = outcomes()
    saved = frame["churned"] & (np.arange(len(frame)) % 2 == 0)
    campaign = frame.assign(churned=frame["churned"] & ~saved, is_treated=saved)
    assert by_subject(campaign.assign(is_treated=False))["churn_probability"].is_alarm
    found = by_subject(campaign)["churn_probability"]
    assert found.sample_size == len(frame) - saved.sum()
    assert f"{saved.sum()} that a campaign touched are left out" in found.message


@pytest.mark.parametrize(("share", "judged"), [(0.3, 1_400), (0.9, 2_000)])
def test_the_mailed_are_left_out_unless_mailing_is_the_rule(share: float, judged: int) -> None:
    frame = outcomes().assign(is_mailed=np.arange(2_000) < 2_000 * share)
    found = by_subject(frame)["churn_probability"]
    assert found.sample_size == judged
    assert ("as a rule" in found.message) == (judged == 2_000)


def test_too_few_outcomes_are_told_and_not_judged() -> None:
    frame = outcomes(200)
    frame["churned"] = np.arange(200) < FEWEST_PER_CLASS - 1
    found = by_subject(frame)
    assert {finding.statistic for finding in found.values()} == {None}
    assert all(finding.message.startswith("Not judged") for finding in found.values())
