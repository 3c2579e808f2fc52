"""Does the report's interval cover the truth? Many small worlds, lived twice each, read by dbt's own SQL.

Each world is lived with a campaign and without it, with the same luck: the difference among the treated is
the truth. Arms are drawn by the product's hash, outcomes are counted as `campaign_user_outcomes` counts them,
and the models behind `campaign_effects` estimate saved users and net margin for all worlds in one dbt run.
"""

import copy
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from campaigns.arms import TREATMENT, arm
from campaigns.policy import load_policy
from closed_loop.lives import Outcomes, outcomes_of
from closed_loop.shop import REST_DAYS
from sample_shop.behaviour import Life
from sample_shop.interventions import Interventions
from sample_shop.people import people_of
from sample_shop.shop import Shop
from sample_shop.world import World
from warehouse.connections import open_build
from warehouse.dbt_project import dbt_vars, run_dbt
from warehouse.settings import Settings

Tell = Callable[[int, str], None]
FIRST_DAY = dt.date(2025, 9, 1)
USERS, DECIDED_ON, GOAL_DAYS = 3_000, 180, REST_DAYS
CAMPAIGN, CHANNEL, HOLDOUT_SHARE = "win_back_coupon", "email", 0.3
ELIGIBLE_DAYS, RISKY_AFTER_DAYS = 180, 45
MODELS = (
    *("int_assignments_followed", "int_effect_cells", "int_effect_strata", "int_effects_estimated"),
    *("int_experiments_planned", "int_effects_judged", "campaign_effects"),
)
# columns of campaigns.campaign_user_outcomes that the effects read
OUTCOMES = {
    **{"as_of_date": "date", "experiment_id": "varchar", "campaign_id": "varchar", "user_id": "varchar"},
    **{"assigned_on": "date", "goal_ends_on": "date", "is_complete": "boolean", "arm": "varchar"},
    **{"stratum": "varchar", "risk_tier": "varchar", "value_tier": "varchar", "holdout_share": "double"},
    **{"action": "varchar", "churn_probability": "double", "orders_before": "integer"},
    **{"revenue_before": "double", "returned_amount_before": "double", "complaints_before": "integer"},
    **{"churned": "integer", "orders": "integer", "revenue": "double", "net_margin": "double"},
    **{"returned_amount": "double", "complaints": "integer", "unsubscribed": "integer"},
}
FIGURES = ("saved_users", "net_margin")


@dataclass(frozen=True)
class Coverage:
    """What the reports said of each world, and what was true.

    Attributes
    ----------
    worlds : pandas.DataFrame
        One row per world: seed, users, treated; for saved_users and net_margin: the truth (``_truth``), the
        estimate and its interval (``_low``, ``_high``) and whether it covers (``_covered``).
    """

    worlds: pd.DataFrame

    def covered(self, figure: str) -> int:
        """Count the worlds whose interval covers the truth."""
        return int(self.worlds[f"{figure}_covered"].sum())


def measure_coverage(settings: Settings, seeds: int, tell: Tell = lambda _done, _what: None) -> Coverage:
    """Live ``seeds`` small worlds twice each, and let the reports estimate what changed.

    Parameters
    ----------
    settings : Settings
        A home of its own: its build file is written.
    """
    policy = load_policy(settings.dbt_project)
    worlds, rows = [], []
    for seed in range(seeds):
        true, users = _one_world(seed, policy.contacts[CHANNEL].contact_cost)
        worlds.append(true)
        rows.append(users)
        tell(seed, "small worlds, lived twice")
    tell(seeds, "dbt estimates their effects")
    effects = _read_out(settings, pd.concat(rows, ignore_index=True))
    found = pd.DataFrame(worlds).merge(effects, on="experiment_id", how="left")
    for figure in FIGURES:
        truth = found[f"{figure}_truth"]
        found[f"{figure}_covered"] = (found[f"{figure}_low"] <= truth) & (truth <= found[f"{figure}_high"])
    return Coverage(found)


def _one_world(seed: int, contact_cost: float) -> tuple[dict[str, Any], pd.DataFrame]:
    world = World(users=USERS, seed=seed, first_day=FIRST_DAY, days=DECIDED_ON, own_campaigns=8)
    end = DECIDED_ON + GOAL_DAYS
    shop = Shop.open(world, end + 1)
    people = people_of(world, shop.chance, 0, USERS, DECIDED_ON)
    alone = Life(shop, people)
    alone.go_on(DECIDED_ON)
    reached = copy.deepcopy(alone)
    before = outcomes_of(shop, people, alone.so_far(), DECIDED_ON - GOAL_DAYS + 1, DECIDED_ON)
    known = outcomes_of(shop, people, alone.so_far(), 0, DECIDED_ON)
    users = _users_chosen(alone, before, known, f"coverage-{seed}", world)
    sent = users.loc[users["arm"] == TREATMENT]
    reached.receive(
        Interventions.of(_messages(world, sent), first_day=FIRST_DAY, signed_up=world.signed_up_through)
    )
    alone.go_on(end)
    reached.go_on(end)
    with_it = outcomes_of(reached.shop, people, reached.so_far(), DECIDED_ON + 1, end)
    without = outcomes_of(shop, people, alone.so_far(), DECIDED_ON + 1, end)
    at, treated = users["position"].to_numpy(), (users["arm"] == TREATMENT).to_numpy()
    users["churned"] = (with_it.orders[at] == 0).astype(int)
    users["orders"], users["revenue"] = with_it.orders[at], with_it.revenue[at]
    users["net_margin"] = with_it.margin[at] - contact_cost * treated
    contacts = reached.so_far().contacts
    for outcome, column in (("unsubscribed", "withdraws"), ("complaints", "complains")):
        users[outcome] = np.isin(people.number[at], contacts["user"][contacts[column] > 0]).astype(int)
    who = at[treated]
    truth = {
        "experiment_id": f"coverage-{seed}",
        "seed": seed,
        "users": len(users),
        "treated": int(treated.sum()),
        "saved_users_truth": int((without.orders[who] == 0).sum() - (with_it.orders[who] == 0).sum()),
        "net_margin_truth": float((with_it.margin - without.margin)[who].sum() - contact_cost * len(who)),
    }
    return truth, users


def _users_chosen(
    life: Life, before: Outcomes, known: Outcomes, experiment: str, world: World
) -> pd.DataFrame:
    """Choose who has ordered lately, by what a shop knows; the hash draws the arm."""
    last_order = life.state.last_order
    recency = DECIDED_ON - last_order
    position = np.flatnonzero(recency < ELIGIBLE_DAYS)
    is_valued = known.revenue[position] > np.median(known.revenue[position])
    users = pd.DataFrame(
        {
            "position": position,
            "user_id": [f"u{number:07d}" for number in life.people.number[position]],
            "risk_tier": np.where(recency[position] > RISKY_AFTER_DAYS, "high", "medium"),
            "value_tier": np.where(is_valued, "high", "low"),
            "churn_probability": np.clip(0.35 + recency[position] / 300, 0.0, 0.98),
            "orders_before": before.orders[position],
            "revenue_before": before.revenue[position],
        }
    )
    users["arm"] = [arm("loop", experiment, user, HOLDOUT_SHARE) for user in users["user_id"]]
    decided = world.date(DECIDED_ON)
    ends = world.date(DECIDED_ON + GOAL_DAYS)
    return users.assign(
        experiment_id=experiment,
        campaign_id=CAMPAIGN,
        stratum=users["risk_tier"] + "/" + users["value_tier"],
        as_of_date=ends,
        assigned_on=decided,
        goal_ends_on=ends,
        is_complete=True,
        holdout_share=HOLDOUT_SHARE,
        action="coupon",
        returned_amount_before=0.0,
        complaints_before=0,
        returned_amount=0.0,
    )


def _messages(world: World, sent: pd.DataFrame) -> pa.Table:
    count = len(sent)
    return pa.table(
        {
            "message_id": [f"{row.experiment_id}-{row.user_id}" for row in sent.itertuples()],
            "user_id": sent["user_id"].to_numpy(),
            "sent_at": [dt.datetime.combine(world.date(DECIDED_ON + 1), dt.time(10))] * count,
            "action": ["coupon"] * count,
            "channel": [CHANNEL] * count,
            "campaign_id": [CAMPAIGN] * count,
            "coupon_code": [f"LOOP-{user}" for user in sent["user_id"]],
            "face_value": [20.0] * count,
            "expires_on": [world.date(DECIDED_ON + 14)] * count,
        }
    )


def _read_out(settings: Settings, users: pd.DataFrame) -> pd.DataFrame:
    """Let dbt estimate the effect of every experiment on the users given; one row per experiment."""
    day = FIRST_DAY + dt.timedelta(days=DECIDED_ON + GOAL_DAYS)
    settings.build_file.parent.mkdir(parents=True, exist_ok=True)
    with open_build(settings) as connection:
        connection.execute("create schema if not exists control; create schema if not exists campaigns")
        columns = ", ".join(f"{name} {kind}" for name, kind in OUTCOMES.items())
        connection.execute(f"create or replace table campaigns.campaign_user_outcomes ({columns})")
        connection.register(
            "users_followed", pa.Table.from_pandas(users[list(OUTCOMES)], preserve_index=False)
        )
        connection.execute("insert into campaigns.campaign_user_outcomes by name from users_followed")
        connection.execute(
            "create or replace table control.campaign_assignments as select experiment_id, campaign_id, "
            "user_id, arm, stratum, holdout_share, assigned_on, 'released' as launch_state, '' as run_id "
            "from campaigns.campaign_user_outcomes"
        )
        connection.execute(
            "create or replace table control.run as select '' as run_id, $day::date as as_of_date, "
            "1::bigint as epoch, 'sample_shop' as source, 'effects' as kind, 'manual' as trigger",
            {"day": day},
        )
        connection.unregister("users_followed")
    variables = dbt_vars(settings, [day])
    run_dbt(settings, ["seed", "--quiet", "--select", "campaign_policy"], variables)
    run_dbt(settings, ["run", "--quiet", "--select", *MODELS], variables)
    with open_build(settings) as connection:
        return connection.execute(
            """
            select
                experiment_id,
                max(saved_users) filter (outcome = 'churned') as saved_users,
                max(saved_users_low) filter (outcome = 'churned') as saved_users_low,
                max(saved_users_high) filter (outcome = 'churned') as saved_users_high,
                max(total_difference) filter (outcome = 'net_margin') as net_margin,
                max(total_difference_low) filter (outcome = 'net_margin') as net_margin_low,
                max(total_difference_high) filter (outcome = 'net_margin') as net_margin_high
            from campaigns.campaign_effects
            where slice_name = 'all'
            group by experiment_id
            """
        ).df()
