"""Choose at most one campaign per user for a day, within every cap: by what was learnt, else by the seed.

Campaigns with a model in force come first: their users are chosen by expected net value, as a linear
programme (`ml.uplift.budgeted_policy`). The others follow in the order of their priority, the riskiest users
first, of equals the most valuable, with the places, contacts and money that are left.

Users are chosen whatever their arm. Holdouts take no place of a call team and cost nothing, so a cap counts
users by their chance of being treated: capacity / (1 − holdout share) users fill it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from campaigns.choosing import LEARNED, SEED, CampaignChoices, ChosenOptions, OptionTable, choose_options
from campaigns.policy import Policy, load_policy
from ml.tables import ACTION_CHOICE_COLUMNS, ACTION_CHOICES, prepare_tables
from ml.uplift.options import Options
from warehouse.connections import open_build
from warehouse.errors import ContractBreach
from warehouse.ledger import Run
from warehouse.settings import Settings

Progress = Callable[[str], None]
ELIGIBILITY = "campaigns.campaign_eligibility"
CONTACTS = "control.campaign_contacts"
# Messages that cost something, or may still: what was given up costs nothing.
SPENT_STATES = ("held", "pending", "claimed", "unknown", "sent")


@dataclass(frozen=True)
class Choices:
    """What was chosen for a day.

    Attributes
    ----------
    as_of_date : date
        The day.
    users_chosen : int
        Over all campaigns; nobody twice.
    campaigns : tuple of CampaignChoices
        In the order of their priority.
    loss_at_most : float
        Share of the learned campaigns' value by which no other choice could be better.
    """

    as_of_date: date
    users_chosen: int
    campaigns: tuple[CampaignChoices, ...]
    loss_at_most: float


def choose_actions(
    settings: Settings, run: Run, as_of_date: date, *, progress: Progress = lambda _line: None
) -> Choices:
    """Choose the day's actions from `campaigns.campaign_eligibility` and replace them in `ml.action_choices`.

    Money that earlier days spent is read from `control.campaign_contacts`; what the day itself spent before
    is not counted, so that a rerun chooses the same users.

    Parameters
    ----------
    settings : Settings
        Says where the build file and the seeds are.
    run : Run
        Written on every row.
    as_of_date : date
        The day; its eligibility must be built.
    progress : callable
        Takes one line per campaign.

    Raises
    ------
    ContractBreach
        If the day's eligibility is not built, or an eligible user has no expected net value.
    SettingsError
        If a seed cannot be used.
    """
    policy = load_policy(settings.dbt_project)
    with open_build(settings) as connection:
        prepare_tables(connection)
        table = _read_options(connection, policy, as_of_date)
        spent = _spent(connection, as_of_date)
        chosen = choose_options(table, policy, spent)
        _write(connection, chosen, run, as_of_date)
    for one in chosen.campaigns:
        progress(
            f"{one.campaign_id} ({one.policy_mode}): {one.users_chosen} of {one.users_eligible} chosen, "
            f"expected net value {one.expected_net_value:.2f}, cost {one.expected_cost:.2f}"
            + (f"; dropped: {one.dropped}" if one.dropped else "")
        )
    return Choices(as_of_date, len(chosen.order), chosen.campaigns, chosen.loss_at_most)


def _read_options(connection: duckdb.DuckDBPyConnection, policy: Policy, as_of_date: date) -> OptionTable:
    """Read the eligible options; their user ids stay in DuckDB, numbered in a temporary table."""
    numbers = {"campaign": list(policy.campaigns), "channel": list(policy.contacts)}
    try:
        built = connection.execute(
            f"select count(*) from {ELIGIBILITY} where as_of_date = ?", [as_of_date]
        ).fetchone()
    except duckdb.CatalogException as error:
        raise ContractBreach(
            f"{ELIGIBILITY} is not built", str(error), "build the day's campaigns"
        ) from error
    is_any_enabled = any(campaign.is_enabled for campaign in policy.campaigns.values())
    if is_any_enabled and (not built or not built[0]):
        raise ContractBreach(
            f"{ELIGIBILITY} holds nothing of {as_of_date}", None, "build the day's campaigns"
        )
    connection.execute(
        f"""
        create or replace temp table options_of_the_day as
        select
            row_number() over users - 1 as option_number,
            user_id is distinct from lag(user_id) over users as is_first,
            user_id,
            campaign_id,
            list_position($campaigns, campaign_id) - 1 as campaign_number,
            list_position($channels, channel) - 1 as channel_number,
            cast(expected_net_value as double) as expected_net_value,
            cast(expected_cost as double) as expected_cost,
            cast(1 - holdout_share as double) as treated,
            policy_mode = '{LEARNED}' as is_learned,
            cast(coalesce(churn_probability, 0) as double) as risk,
            cast(coalesce(value_if_staying, 0) as double) as worth
        from {ELIGIBILITY}
        where
            as_of_date = $as_of_date
            and is_eligible
            and list_contains($campaigns, campaign_id)
        window users as (order by user_id, list_position($campaigns, campaign_id))
        """,
        {"campaigns": numbers["campaign"], "channels": numbers["channel"], "as_of_date": as_of_date},
    )
    columns = connection.execute(
        """
        select * exclude (option_number, user_id, campaign_id)
        from options_of_the_day
        order by option_number
        """
    ).fetchnumpy()

    def numbers_of(name: str) -> NDArray[np.float64]:
        return np.ma.filled(np.ma.asarray(columns[name], dtype=np.float64), np.nan)

    return OptionTable(
        Options(
            user=np.cumsum(numbers_of("is_first")).astype(np.int64) - 1,
            campaign=numbers_of("campaign_number").astype(np.int64),
            channel=numbers_of("channel_number").astype(np.int64),
            value=numbers_of("expected_net_value"),
            cost=numbers_of("expected_cost"),
            treated=numbers_of("treated"),
        ),
        is_learned=numbers_of("is_learned").astype(bool),
        risk=numbers_of("risk"),
        worth=numbers_of("worth"),
    )


def _spent(connection: duckdb.DuckDBPyConnection, as_of_date: date) -> dict[str, float]:
    """Return the money that each campaign spent on days before, contacts still under way included."""
    rows = connection.execute(
        f"select campaign_id, sum(cost) from {CONTACTS} "
        "where as_of_date < ? and list_contains(?, state) group by campaign_id",
        [as_of_date, list(SPENT_STATES)],
    ).fetchall()
    return {str(campaign_id): float(cost) for campaign_id, cost in rows if cost is not None}


def _write(connection: duckdb.DuckDBPyConnection, chosen: ChosenOptions, run: Run, as_of_date: date) -> None:
    ranked = pa.table(
        {
            "option_number": chosen.order,
            "choice_rank": np.arange(1, len(chosen.order) + 1),
        }
    )
    connection.register("ranked_options", ranked)
    connection.execute("begin transaction")
    try:
        connection.execute(f"delete from {ACTION_CHOICES} where as_of_date = ?", [as_of_date])
        connection.execute(
            f"""
            insert into {ACTION_CHOICES} ({", ".join(ACTION_CHOICE_COLUMNS)})
            select
                $as_of_date,
                options_of_the_day.user_id,
                options_of_the_day.campaign_id,
                options_of_the_day.expected_net_value,
                case when options_of_the_day.is_learned then '{LEARNED}' else '{SEED}' end,
                ranked_options.choice_rank,
                $run_id
            from ranked_options
            inner join options_of_the_day using (option_number)
            order by ranked_options.choice_rank
            """,
            {"as_of_date": as_of_date, "run_id": run.run_id},
        )
        connection.execute("commit")
    except duckdb.Error:
        connection.execute("rollback")
        raise
    finally:
        connection.unregister("ranked_options")
