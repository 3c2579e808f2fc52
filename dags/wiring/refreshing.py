"""One round of the refresh: take what landed, look at whom it touches, warn, and let readers see it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from warehouse.errors import Busy, ContractBreach
from warehouse.intraday import Alert, Ground, NotNow, Workplace, find_ground, open_workplace
from warehouse.intraday.ground import REFRESH, refuse_while_a_day_is_made
from warehouse.ledger import Ledger, Run
from warehouse.publish import read_manifest, served_run_id
from warehouse.publish.pointer import snapshots_folder
from warehouse.settings import Settings

if TYPE_CHECKING:
    from warehouse.feature_program import FeatureProgram
    from warehouse.intraday.risk_program import RiskProgram

Progress = Callable[[str], None]
# What a person started over a past day raises no alert.
HISTORY = ("backfill", "replay")


@dataclass(frozen=True)
class Refreshed:
    """What a round did.

    Attributes
    ----------
    run_id : str
        The refresh's run, which is that of its snapshot too.
    as_of_date, refresh_day : str
        The list's day, and the one at whose end the touched users are described.
    deliveries, users_touched, users_refreshed : int
        Deliveries taken in; users they touch; of those, users whose rows on the list were replaced.
    alerts_raised : int
        Alerts that are new.
    alerts : tuple of Alert
        Those nobody was told of yet, of earlier rounds too.
    note : str
        What readers see now, in a sentence.
    seconds : dict of str to float
        By step.
    """

    run_id: str
    as_of_date: str
    refresh_day: str
    deliveries: int
    users_touched: int
    users_refreshed: int
    alerts_raised: int
    alerts: tuple[Alert, ...]
    note: str
    seconds: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"run {self.run_id}: {self.deliveries} deliveries touch {self.users_touched:,} users, "
            f"{self.users_refreshed:,} of them on the list of {self.as_of_date}, described as of "
            f"{self.refresh_day}; {self.alerts_raised} new alerts; {self.note}"
        )


@dataclass(frozen=True)
class Programs:
    """The compiled SQL: up to the features, and from the scores on."""

    features: "FeatureProgram"
    risk: "RiskProgram"


class Watch:
    """Seconds by step, told as they pass."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step."""
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 3)
        self._progress(f"{name}: {self.seconds[name]:.1f} s")


def refresh(
    settings: Settings, ledger: Ledger, *, trigger: str = "manual", progress: Progress = print
) -> Refreshed:
    """Do one round. Safe to repeat, and to be killed anywhere: an alert is raised once.

    Raises
    ------
    NotNow
        If there is nothing to do, the writer is busy, or a daily list is being made.
    ContractBreach
        If a backfill asks: the past raises no alerts.
    """
    if trigger in HISTORY:
        raise ContractBreach("A refresh is about now, and the past raises no alerts", trigger, "nothing")
    watch = Watch(progress)
    try:
        find_ground(settings, ledger)
        with watch.step("ingest"):
            _ingest(settings, ledger, progress)
        ground = find_ground(settings, ledger)
        if not ground.deliveries:
            raise NotNow(f"nothing has landed since the list of {ground.base.as_of_date}")
        return _work(settings, ledger, ground, trigger, watch)
    except Busy as busy:
        raise NotNow(f"this round is left out, the next one makes up for it: {busy}") from busy


def _ingest(settings: Settings, ledger: Ledger, progress: Progress) -> None:
    from warehouse.ingest import ingest
    from warehouse.vault import sync_people

    report = ingest(settings, ledger, progress=progress)
    sync_people(settings, ledger)
    for refused in report.refused:
        # ingest_deliveries says so as a failure; here it only means that these rows are not in it
        progress(f"refused: {refused.delivery_date}: {refused.reason}")


def _work(settings: Settings, ledger: Ledger, ground: Ground, trigger: str, watch: Watch) -> Refreshed:
    from warehouse.feature_program.compiling import current_program
    from warehouse.intraday.risk_program import current_risk_program
    from warehouse.sources import load_source

    with watch.step("programs"):
        programs = Programs(current_program(settings), current_risk_program(settings))
    source = load_source(settings.source, settings.dbt_project)
    with open_workplace(settings, ground, source) as place:
        memory = place.memory
        newest = memory.newest_round() if memory.holds("user_risk_tiers_history", ground) else None
        after = newest.delivery_number if newest else -1
        with watch.step("find touched users"):
            waiting = memory.waiting() if newest else []
            touched = place.find_touched(programs.features, after, waiting)
        if not touched and (newest is None or _is_served(settings, newest.epoch)):
            if newest is not None and (untold := memory.untold()):
                return _report(ground, newest.run_id, untold, "nothing new, but alerts to be told", watch)
            raise NotNow("what has landed since the last round touches nobody")
        run = ledger.begin_run(REFRESH, settings.source, ground.base.as_of_date, trigger=trigger)
        try:
            # a daily run that began in between has the lower epoch, and must not be overtaken
            refuse_while_a_day_is_made(ledger, ground.base)
            raised = 0
            if touched:
                raised = _recompute(settings, ledger, place, run, programs=programs, watch=watch)
            with watch.step("publish"):
                note = _publish(settings, ledger, place, run, programs.risk)
        except NotNow:
            ledger.finish_run(run)
            raise
        except Exception as error:
            ledger.fail_run(run, f"refresh: {error}")
            raise
        ledger.finish_run(run)
        return _report(
            ground,
            run.run_id,
            memory.untold(),
            note,
            watch,
            deliveries=sum(one.delivery_number > after for one in ground.deliveries),
            users_touched=touched,
            users_refreshed=memory.users(),
            alerts_raised=raised,
        )


def _recompute(
    settings: Settings, ledger: Ledger, place: Workplace, run: Run, *, programs: Programs, watch: Watch
) -> int:
    """Work the touched users out anew and remember it; returns how many alerts are new."""
    with watch.step("features"):
        place.build_features(programs.features)
    with watch.step("scores"):
        _score(settings, ledger, place, run)
    with watch.step("tiers and alerts"):
        _judge(ledger, place, run, programs.risk)
    with watch.step("remember"):
        ledger.assert_epoch_current(run)
        return place.memory.keep(run, place.ground)


def _publish(settings: Settings, ledger: Ledger, place: Workplace, run: Run, risk: "RiskProgram") -> str:
    from warehouse.intraday.deriving import write_derived
    from warehouse.publish import publish

    write = partial(write_derived, place, risk)
    return publish(settings, ledger, run, write=write, derived_from=place.ground.base.run_id).note


def _score(settings: Settings, ledger: Ledger, place: Workplace, run: Run) -> None:
    from ml.dataset import load_themes
    from ml.registry import load_model
    from ml.touched import place_among, score_touched
    from warehouse.intraday.judging import EVERYBODY, put_beside_everybody

    version = place.ground.base.model_version
    pinned = ledger.model_for_day(settings.source, place.ground.base.as_of_date, settings.definition_id)
    if pinned is not None:
        version = pinned.model_version
    if version is None:
        raise ContractBreach("The list does not say which model scored it", None, "run the day again")
    score_touched(
        place.connection,
        as_of_date=place.ground.refresh_day,
        model=load_model(version, settings.models),
        themes=load_themes(settings.dbt_project / "seeds" / "reason_texts.csv"),
        run_id=run.run_id,
    )
    put_beside_everybody(place)
    place_among(place.connection, "ml.touched", EVERYBODY)


def _judge(ledger: Ledger, place: Workplace, run: Run, risk: "RiskProgram") -> None:
    from warehouse.intraday.judging import judge

    users = [user for (user,) in place.connection.execute("from made.touched").fetchall()]
    with ledger.reading() as reading:
        found = ledger.blocks_of(reading, run.source, users)
    judge(place, risk, run, [block for blocks in found.values() for block in blocks])


def _is_served(settings: Settings, epoch: int) -> bool:
    """Say whether readers see a round, or something newer."""
    served = served_run_id(settings)
    return served is not None and read_manifest(snapshots_folder(settings) / served).epoch >= epoch


def _report(
    ground: Ground, run_id: str, alerts: tuple[Alert, ...], note: str, watch: Watch, **counts: int
) -> Refreshed:
    nothing = {"deliveries": 0, "users_touched": 0, "users_refreshed": 0, "alerts_raised": 0}
    return Refreshed(
        run_id=run_id,
        as_of_date=ground.base.as_of_date.isoformat(),
        refresh_day=ground.refresh_day.isoformat(),
        alerts=alerts,
        note=note,
        seconds=watch.seconds,
        **{**nothing, **counts},
    )
