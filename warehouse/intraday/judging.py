"""Tiers, list and alerts of the touched users, by the same SQL as every day's, among everybody else.

Who is high in value, and who is among the riskiest so many, depends on the others too. They stand there as
the list has them; only the touched users' rows are taken over.
"""

from collections.abc import Callable, Sequence

import duckdb

from warehouse.feature_program import FEATURES
from warehouse.intraday.memory import ALERTS, ALIAS, REFRESHED
from warehouse.intraday.risk_program import ALERTS as ALERTS_MADE
from warehouse.intraday.risk_program import BASKETS, LISTED, TIERS, RiskProgram
from warehouse.intraday.workplace import Workplace
from warehouse.ledger import ContactBlock, Run

SCORES = "ml.churn_scores"
TOUCHED_FEATURES = "features.touched"
TOUCHED_SCORES = "ml.touched"
EVERYBODY = "made.everybody"
# Views that are read again and again while everybody is judged.
READ_OFTEN = ("risk.int_users_scored", "risk.int_users_valued", "risk.int_tiers_judged")
# What a tier remembers (the macro tiers_decided).
TIER_MEMORY = (
    *("as_of_date", "user_id", "risk_tier", "model_tier", "tier_since"),
    *("previous_risk_tier", "previous_model_tier", "previous_tier_since", "previous_as_of_date"),
)
# Days of tiers that a tier may remember (the macro previous_day_reach).
REMEMBERED_DAYS = 7


def put_beside_everybody(place: Workplace) -> None:
    """Put the touched users' features and scores among those of everybody on the list.

    Afterwards ``features.user_features`` and ``ml.churn_scores`` are about everybody and on the refresh day,
    and the touched users' own are kept aside.
    """
    connection = place.connection
    connection.execute(f"alter table {FEATURES} rename to touched")
    connection.execute(f"alter table {SCORES} rename to touched")
    for relation, touched, published in (
        (FEATURES, TOUCHED_FEATURES, "user_features_latest"),
        (SCORES, TOUCHED_SCORES, "churn_scores_history"),
    ):
        connection.execute(f"create view {relation} as {_everybody(place, touched, published)}")
    connection.execute(f"create table {EVERYBODY} as select user_id, churn_probability from {SCORES}")


def judge(
    place: Workplace,
    program: RiskProgram,
    run: Run,
    blocks: Sequence[ContactBlock],
    progress: Callable[[str], None] = lambda _line: None,
) -> None:
    """Make the touched users' rows of the list's tables, and their alerts, in the schema ``made``.

    Parameters
    ----------
    place : Workplace
        Holds features and scores as `put_beside_everybody` left them.
    program : RiskProgram
        The compiled models.
    run : Run
        Named in the rows, and by its beginning the moment at which the alerts are raised.
    blocks : sequence of ContactBlock
        Standing blocks of the touched users: who objected to profiling gets no alert.
    progress : callable
        Takes one line per step.
    """
    connection, day = place.connection, place.ground.refresh_day
    program.create_seeds(connection)
    _tell_control(place, run, blocks)
    _remember(place)
    program.run(connection, day, TIERS, as_tables=READ_OFTEN)
    progress("everybody judged")
    connection.execute(f"delete from {TIERS} where user_id not in (select user_id from {TOUCHED_SCORES})")
    for relation, touched in ((FEATURES, TOUCHED_FEATURES), (SCORES, TOUCHED_SCORES)):
        connection.execute(f"create or replace view {relation} as from {touched}")
    given = [TIERS]
    program.run(connection, day, LISTED, given)
    program.run(connection, day, ALERTS_MADE, given)
    _take_over(place, run)


def _everybody(place: Workplace, touched: str, published: str) -> str:
    """Return the SQL of everybody's rows: touched now, else touched earlier, else as the list has them."""
    day, listed = place.ground.refresh_day, place.ground.base.as_of_date
    now = f"select user_id from {TOUCHED_SCORES}"
    parts = [f"select * from {touched} where user_id in ({now})"]
    on_the_day = f"select * replace (date '{day}' as as_of_date) from"
    left_out = now
    if place.memory.holds(published, place.ground):
        parts.append(f"{on_the_day} {ALIAS}.{published} where user_id not in ({now})")
        left_out = f"{now} union all select user_id from {ALIAS}.user_risk_tiers_history"
    parts.append(
        f"{on_the_day} base.{published} where as_of_date = date '{listed}' and user_id not in ({left_out})"
    )
    return " union all by name ".join(parts)


def _tell_control(place: Workplace, run: Run, blocks: Sequence[ContactBlock]) -> None:
    """Tell the models what they read of the ledger: the run, and who must be left alone."""
    connection = place.connection
    connection.execute("create schema if not exists control")
    connection.execute(
        "create or replace table control.run as select unnest(?::date[]) as as_of_date, ? as run_id, "
        "?::bigint as epoch, ? as source, ? as kind",
        [[place.ground.refresh_day], run.run_id, run.epoch, run.source, run.kind],
    )
    connection.execute(
        "create or replace table control.contact_blocks as "
        "select unnest(?::varchar[]) as user_id, unnest(?::varchar[]) as purpose",
        [[one.user_id for one in blocks], [one.purpose for one in blocks]],
    )
    connection.execute("create schema if not exists campaigns")
    connection.execute(
        "create or replace view campaigns.campaign_assignments as from base.campaign_assignments"
    )


def _remember(place: Workplace) -> None:
    """Give tiers and alerts their memory: the daily list, and what it warned of."""
    connection, day = place.connection, place.ground.refresh_day
    since = f"as_of_date between date '{day}' - {REMEMBERED_DAYS} and date '{day}' - 1"
    for relation, published, columns in (
        (TIERS, "user_risk_tiers_history", TIER_MEMORY),
        (ALERTS_MADE, ALERTS, ("as_of_date", "alert_id")),
    ):
        connection.execute(f"create schema if not exists {relation.split('.')[0]}")
        connection.execute(
            f"create or replace table {relation} as "
            f"select {', '.join(columns)} from base.{published} where {since}"
        )


def _take_over(place: Workplace, run: Run) -> None:
    """Shape what was made as the published tables are, under the list's day."""
    connection, listed = place.connection, place.ground.base.as_of_date
    made_of = {
        "user_features_latest": f"(from {TOUCHED_FEATURES} semi join {TOUCHED_SCORES} using (user_id))",
        "churn_scores_history": TOUCHED_SCORES,
        "user_risk_tiers_history": TIERS,
        "at_risk_users": LISTED,
    }
    for table in REFRESHED:
        columns = ", ".join(
            f"date '{listed}' as as_of_date" if name == "as_of_date" else f'"{name}"'
            for name in _columns(connection, table)
        )
        connection.execute(f"create or replace table made.{table} as select {columns} from {made_of[table]}")
    raised_at = run.started_at.replace(tzinfo=None).isoformat(sep=" ")
    connection.execute(
        f"create or replace table made.{ALERTS} as "
        f"select * replace (timestamp '{raised_at}' as raised_at) from {ALERTS_MADE}"
    )
    connection.execute(
        f"""
        create or replace table made.waiting as
        select distinct baskets.user_id
        from {BASKETS} as baskets
        inner join seeds.alert_rules as rules
            on
                rules.alert_kind = 'large_basket_abandoned' and rules.is_enabled
                and baskets.basket_value >= rules.threshold
                and baskets.quiet_minutes < rules.quiet_minutes
        semi join {TOUCHED_SCORES} using (user_id)
        """
    )


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    rows = connection.execute(f"describe base.{table}").fetchall()
    return [str(name) for name, *_ in rows]
