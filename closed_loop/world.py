"""One world with the product in it: rounds of simulate, land, ingest, score, choose, record, relay, react."""

import datetime as dt
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from closed_loop.line import Line
from closed_loop.reached import LOG, SCHEMA, Reached, interventions_file, read_reached
from closed_loop.receivers import listening
from closed_loop.shop import make_project, settings_of
from closed_loop.sizes import FIRST_DAY, Size
from sample_shop.interventions import Interventions
from sample_shop.simulation import simulate
from sample_shop.world import World
from warehouse.ledger import Ledger

Tell = Callable[[int, str], None]
SHARED, RISK_FIRST, LEARNED = "shared", "risk_first", "learned"
# the shop's own campaigns end before the first round: who reaches a user now is the product
OWN_CAMPAIGN_EVERY = 14
LEARNS_EVERY = 2
MARK, RESULT = "rounds.json", "result.json"


def world_of(size: Size, seed: int) -> World:
    """Return the simulated world of a size."""
    return World(
        users=size.users,
        seed=seed,
        first_day=FIRST_DAY,
        days=size.last_day + 1,
        dirty_rate=0.001,
        own_campaigns=max(0, (size.history_days - 34) // OWN_CAMPAIGN_EVERY),
    )


class Rounds:
    """The rounds of one home.

    Parameters
    ----------
    home : Path
        Its folder; a home that was left half-way goes on after its last whole round.
    policy : str
        shared (until the policies part), risk_first (the seeds decide) or learned.
    """

    def __init__(self, home: Path, size: Size, seed: int, policy: str, tell: Tell) -> None:
        self.home, self.size, self.policy = home, size, policy
        self.world = world_of(size, seed)
        self._tell = tell

    @property
    def done(self) -> list[dict[str, Any]]:
        """What was noted of each round that is over."""
        mark = self.home / MARK
        return json.loads(mark.read_text(encoding="utf-8")) if mark.exists() else []

    def run(self, last_round: int) -> None:
        """Run the rounds that are missing up to ``last_round``."""
        if not self.done:
            self.home.mkdir(parents=True, exist_ok=True)
            make_project(self.home, self.size)
        with listening(self.home / LOG) as (receivers, doors):
            settings = settings_of(self.home, **doors)
            with Ledger.open(settings) as ledger:
                told: list[str] = []
                line = Line(settings, ledger, told.append)
                for number in range(len(self.done), last_round + 1):
                    began = time.monotonic()
                    told.clear()
                    day = self.world.date(self.size.round_day(number))
                    self._tell(number, "the shop lives and delivers")
                    self._simulate(day)
                    self._tell(number, "features")
                    line.build_features(day)
                    verdicts = self._learn(line, number, day)
                    self._tell(number, "scores, tiers, choice, publish")
                    line.decide(day)
                    self._tell(number, "messages")
                    line.deliver(day, receivers, doors)
                    reached = read_reached(settings, ledger)
                    self._keep(reached)
                    self._note(
                        day=day.isoformat(),
                        seconds=round(time.monotonic() - began, 1),
                        reached=reached.messages.num_rows,
                        verdicts=verdicts,
                        told=told,
                    )

    def finish(self) -> dict[str, Any]:
        """Live through the last day, measure the effects, and return what the product reports."""
        day = self.world.date(self.size.last_day)
        settings = settings_of(self.home)
        self._tell(self.size.rounds, "the last day: effects")
        self._simulate(day)
        with Ledger.open(settings) as ledger:
            line = Line(settings, ledger)
            line.build_features(day)
            line.decide(day)
            line.measure(day)
            reached = read_reached(settings, ledger)
            self._keep(reached)
            contamination = line.rows("select * from campaigns.campaign_contamination")
            effects = line.rows("select * from campaigns.campaign_effects")
            assigned = line.rows("select * from campaigns.campaign_user_outcomes")
            uplift = line.rows("select * from ml.uplift_report")
        folder = self.home / "closed_loop"
        folder.mkdir(exist_ok=True)
        effects.to_parquet(folder / "campaign_effects.parquet")
        assigned.to_parquet(folder / "campaign_user_outcomes.parquet")
        uplift.to_parquet(folder / "uplift_report.parquet")
        return {
            "policy": self.policy,
            "messages": reached.messages.num_rows,
            "repeated": reached.repeated,
            "misdirected": reached.misdirected,
            "protected_reached": reached.protected,
            "contamination": int(contamination["users_reached"].sum()),
            "users_protected": int(contamination["users_protected"].sum()),
            "experiments": len(contamination),
        }

    def _learn(self, line: Line, number: int, day: dt.date) -> dict[str, str]:
        """Train what is due: the churn model before the first round, uplift where the policy learns."""
        if number == 0:
            self._tell(number, "churn model")
            line.train(day)
            return {}
        if self.policy != LEARNED or (number - self.size.learns_from) % LEARNS_EVERY:
            return {}
        self._tell(number, "uplift models")
        line.measure(day)
        return line.learn(day)

    def _simulate(self, day: dt.date) -> None:
        sent = interventions_file(self.home)
        simulate(
            self.world,
            day,
            self.home,
            interventions=Interventions.read(sent, self.world) if sent.exists() else None,
        )

    def _keep(self, reached: Reached) -> None:
        half = self.home / "interventions.tmp"
        pq.write_table(reached.messages, half)
        half.replace(interventions_file(self.home))

    def _note(self, **facts: Any) -> None:
        half = self.home / "rounds.tmp"
        half.write_text(json.dumps([*self.done, facts], indent=1), encoding="utf-8")
        half.replace(self.home / MARK)


def part(shared: Path, home: Path) -> None:
    """Copy a home, so that another policy goes on from there."""
    if home.exists():
        return
    half = home.with_name(f"{home.name}.unfinished")
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(shared, half, symlinks=True)
    half.rename(home)


def run_shared(tell: Tell, home: Path, size: Size, seed: int) -> None:
    """Run the rounds before the policies part."""
    Rounds(home, size, seed, SHARED, tell).run(size.learns_from - 1)


def run_policy(tell: Tell, home: Path, size: Size, seed: int, policy: str) -> None:
    """Run all rounds of a policy and finish its world; what the product reports is kept in the home."""
    rounds = Rounds(home, size, seed, policy, tell)
    result = home / "closed_loop" / RESULT
    if result.exists():
        return
    rounds.run(rounds.size.rounds - 1)
    found = rounds.finish()
    result.write_text(json.dumps(found, indent=1), encoding="utf-8")


def messages_of(home: Path) -> pa.Table:
    """Return everything that reached the users of a home."""
    return pq.read_table(interventions_file(home), schema=SCHEMA)
