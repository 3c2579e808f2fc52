"""One more day: what it costs beside building everything, and beside a shorter history."""

import statistics
from collections.abc import Callable, Sequence

from benchmarks.chain import Home
from benchmarks.measure import Cost
from benchmarks.report import Figure, Section
from benchmarks.shop import DAYS_TO_ADD, Shop

SHORT_DAYS = 180
MOST_OF_FULL = 0.10
MOST_OF_SHORT = 1.3
HEAD = (
    "added day",
    "history",
    "rows",
    "ingest s",
    "features s",
    "both s",
    "at work s",
    "CPU-s",
)


def measure_increment(shop: Shop, home: Home, short_home: Home, full: Sequence[Cost]) -> Section:
    """Add days one by one to a long and to a short history, in turn.

    Parameters
    ----------
    shop : Shop
        Delivers the days.
    home : Home
        Has the whole history built.
    short_home : Home
        Empty; gets the last days of the same shop's history, so that both have the same day to add.
    full : sequence of Cost
        What building the whole history took: ingest and first features.
    """
    short_days = min(SHORT_DAYS, shop.days // 3)
    shop.deliver(short_home.settings, shop.days - short_days + 1, shop.days)
    short_home.run("prepare", "warehouse", "prepare")
    short_home.build(shop.day(shop.days), gates=False, first=True)
    long_costs: list[list[Cost]] = []
    short_costs: list[list[Cost]] = []
    rows = []
    for number in range(1, DAYS_TO_ADD + 1):
        turns = [(home, shop.days, long_costs), (short_home, short_days, short_costs)]
        for target, days, costs in turns if number % 2 else reversed(turns):
            shop.deliver(target.settings, shop.days + number, shop.days + number)
            costs.append(target.build(shop.day(shop.days + number), gates=False, first=False))
            rows.append(_row(number, days, costs[-1]))
    return Section(
        "One more day",
        _text(shop, short_days),
        figures=_figures(shop.days, short_days, full, long_costs, short_costs),
        details=((HEAD, rows),),
    )


def _figures(
    days: int, short_days: int, full: Sequence[Cost], long: list[list[Cost]], short: list[list[Cost]]
) -> tuple[Figure, ...]:
    everything = f"ingest and features of all {days} days"
    shorter = f"after {short_days} days"
    one = f"one day after {days} days"
    return (
        Figure(one, _median(long, _seconds), _seconds(full), "s", MOST_OF_FULL, everything),
        Figure(f"{one}, at work", _median(long, _work), _work(full), "s", None, everything),
        Figure(f"{one}, CPU", _median(long, _cpu), _cpu(full), "s", None, everything),
        Figure(one, _median(long, _seconds), _median(short, _seconds), "s", MOST_OF_SHORT, shorter),
        Figure(f"{one}, at work", _median(long, _work), _median(short, _work), "s", None, shorter),
        Figure(f"{one}, CPU", _median(long, _cpu), _median(short, _cpu), "s", None, shorter),
        Figure(
            f"{one}, users with features",
            _median(long, _users),
            _median(short, _users),
            "rows",
            None,
            shorter,
        ),
        Figure(f"{one}, rows received", _median(long, _rows), _median(short, _rows), "rows", None, shorter),
    )


def _text(shop: Shop, short_days: int) -> str:
    return (
        f"The same {DAYS_TO_ADD} days are delivered, ingested and their features built, one by one, in two "
        f"homes in turn: one has all {shop.days} days of the shop's history, the other the last {short_days} "
        "of them; medians. The targets are judged on whole processes, which is what a user pays; they leave "
        "as an Airflow worker leaves a task, without taking Python apart. At work are "
        "the seconds without starting Python, importing and dbt's reading of its project. A longer history "
        "also knows more users, and each has a row of features; both are shown."
    )


def _median(costs: list[list[Cost]], measure: Callable[[Sequence[Cost]], float]) -> float:
    return statistics.median(measure(one) for one in costs)


def _seconds(costs: Sequence[Cost]) -> float:
    return sum(cost.seconds for cost in costs)


def _work(costs: Sequence[Cost]) -> float:
    return sum(float(cost.told["work"]) for cost in costs)


def _cpu(costs: Sequence[Cost]) -> float:
    return sum(cost.cpu_seconds for cost in costs)


def _users(costs: Sequence[Cost]) -> float:
    return float(costs[-1].told["users"])


def _rows(costs: Sequence[Cost]) -> float:
    return float(costs[0].told["received"])


def _row(number: int, days: int, costs: Sequence[Cost]) -> list[str]:
    ingest, features = costs
    return [
        str(number),
        f"{days} days",
        f"{_rows(costs):,.0f}",
        f"{ingest.seconds:.1f}",
        f"{features.seconds:.1f}",
        f"{_seconds(costs):.1f}",
        f"{_work(costs):.1f}",
        f"{_cpu(costs):.1f}",
    ]
