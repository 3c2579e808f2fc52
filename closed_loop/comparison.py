"""What the policies earned, what the reports said of it, and what was true."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from closed_loop.lives import outcomes_of
from closed_loop.simulated import Lived, earned, worth_delivered
from closed_loop.sizes import Size

# half the width of a 95 % interval in standard errors
QUANTILE = 1.959963984540054
TREATED, HIGH = "treatment", "high"


@dataclass(frozen=True)
class Reduction:
    """By which share fewer users churned: estimate, 95 % interval, and the truth among the treated."""

    estimate: float
    low: float
    high: float
    truth: float
    users: int


def policy_table(size: Size, alone: Lived, lived: Mapping[str, Lived]) -> pd.DataFrame:
    """Return what each policy delivered and earned: over the loop, and in its last days."""
    judged_from = size.last_day - size.judged_days + 1
    rows = []
    for policy, world in lived.items():
        rounds = world.rounds
        rows.append(
            {
                "policy": policy,
                "messages": int(rounds["users"].sum()),
                "contact_cost": float(world.cost.sum()),
                "earned": earned(world, alone, size.history_days, size.last_day),
                "worth": float(rounds["worth"].sum()),
                "messages_judged": int(rounds.loc[rounds["day"] >= judged_from - 1, "users"].sum()),
                "earned_judged": earned(world, alone, judged_from, size.last_day),
                "worth_judged": worth_delivered(world, judged_from - 1),
            }
        )
    return pd.DataFrame(rows)


def round_table(lived: Mapping[str, Lived]) -> pd.DataFrame:
    """Return users reached and worth delivered, by policy, round and action."""
    parts = [world.rounds.assign(policy=policy) for policy, world in lived.items()]
    grouped = pd.concat(parts).groupby(["policy", "day", "action"], as_index=False)
    return grouped.agg({"users": "sum", "worth": "sum"})


def report_against_truth(home: Path, lived: Lived, alone: Lived) -> pd.DataFrame:
    """Return each experiment's reported saved users and net margin beside the truth among the treated."""
    outcomes = _complete(home)
    effects = pd.read_parquet(home / "closed_loop" / "campaign_effects.parquet")
    effects = effects[effects["slice_name"] == "all"]
    rows = []
    for experiment, users in outcomes[outcomes["arm"] == TREATED].groupby("experiment_id"):
        saved, margin = _truth(users, lived, alone)
        cost = float(users["contact_cost"].sum())
        mine = effects[effects["experiment_id"] == experiment]
        churned, money = (mine[mine["outcome"] == outcome].iloc[0] for outcome in ("churned", "net_margin"))
        rows.append(
            {
                "experiment_id": experiment,
                "treated": len(users),
                "saved_users_truth": saved,
                "saved_users": churned["saved_users"],
                "saved_users_low": churned["saved_users_low"],
                "saved_users_high": churned["saved_users_high"],
                "net_margin_truth": margin - cost,
                "net_margin": money["total_difference"],
                "net_margin_low": money["total_difference_low"],
                "net_margin_high": money["total_difference_high"],
                "reading": churned["reading"],
                "verdict": churned["verdict"],
            }
        )
    return pd.DataFrame(rows)


def churn_reduction(home: Path, lived: Lived, alone: Lived) -> Reduction | None:
    """Return by which share churn fell among treated users of high risk, over all experiments.

    Each experiment's difference counts by its treated users; its standard error is read off its interval.
    What would have been without the campaign is the treated users' churn rate plus what they were saved.
    """
    effects = pd.read_parquet(home / "closed_loop" / "campaign_effects.parquet")
    chosen = (effects["outcome"] == "churned") & (effects["slice_name"] == "risk_tier")
    chosen &= (effects["slice_value"] == HIGH) & effects["adjusted_difference_high"].notna()
    high = effects[chosen]
    if high.empty:
        return None
    weight = high["users_treated"] / high["users_treated"].sum()
    difference = float((weight * high["adjusted_difference"]).sum())
    reach = (high["adjusted_difference_high"] - high["adjusted_difference"]) / QUANTILE
    error = float(np.sqrt(np.square(weight * reach).sum()))
    otherwise = float((weight * high["mean_treated"]).sum()) - difference
    outcomes = _complete(home)
    users = outcomes[(outcomes["arm"] == TREATED) & (outcomes["risk_tier"] == HIGH)]
    saved, _ = _truth(users, lived, alone)
    stayed_away = float(users["churned"].sum()) + saved
    return Reduction(
        estimate=-difference / otherwise,
        low=(-difference - QUANTILE * error) / otherwise,
        high=(-difference + QUANTILE * error) / otherwise,
        truth=saved / stayed_away if stayed_away else 0.0,
        users=len(users),
    )


def _complete(home: Path) -> pd.DataFrame:
    outcomes = pd.read_parquet(home / "closed_loop" / "campaign_user_outcomes.parquet")
    return outcomes[outcomes["is_complete"]]


def _truth(users: pd.DataFrame, lived: Lived, alone: Lived) -> tuple[int, float]:
    """Return users saved and margin gained among treated users, each in their own days."""
    saved, margin = 0, 0.0
    day_of = alone.shop.world.day
    for _, group in users.groupby(["assigned_on", "goal_ends_on"]):
        first = day_of(pd.Timestamp(group["assigned_on"].iloc[0]).date()) + 1
        last = day_of(pd.Timestamp(group["goal_ends_on"].iloc[0]).date())
        at = np.array([int(user[1:]) for user in group["user_id"]])
        with_it, without = (
            outcomes_of(world.shop, world.people, world.lives, first, last) for world in (lived, alone)
        )
        saved += int((without.orders[at] == 0).sum() - (with_it.orders[at] == 0).sum())
        margin += float((with_it.margin - without.margin)[at].sum())
    return saved, margin
