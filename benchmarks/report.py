"""What was measured, beside what it is judged by."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

VERSIONS_SHOWN = ("duckdb", "dbt-core", "dbt-duckdb", "scikit-learn", "great-expectations")


@dataclass(frozen=True)
class Figure:
    """One figure beside its reference.

    Attributes
    ----------
    name : str
        What was measured.
    value, reference : float
        In the same unit, measured in the same run.
    unit : str
        For instance "s".
    most : float or None
        Largest `value / reference` that is good enough; None where nothing was promised.
    reference_name : str
        What the reference is.
    """

    name: str
    value: float
    reference: float
    unit: str
    most: float | None
    reference_name: str

    @property
    def ratio(self) -> float:
        """Return the value as a multiple of its reference."""
        return self.value / self.reference

    @property
    def verdict(self) -> str:
        """Return PASS, MISSED, or nothing where nothing was promised."""
        if self.most is None:
            return ""
        return "PASS" if self.ratio <= self.most else "MISSED"

    def cells(self) -> list[str]:
        """Return the figure as cells of a table."""
        return [
            self.name,
            f"{self._shown(self.value)} {self.unit}",
            f"{self._shown(self.reference)} {self.unit} ({self.reference_name})",
            f"{self.ratio:.2f}",
            "" if self.most is None else f"at most {self.most:.2f}",
            self.verdict,
        ]

    def _shown(self, number: float) -> str:
        return f"{number:,.2f}" if self.unit == "s" else f"{number:,.0f}"


FIGURE_HEAD = ("figure", "measured", "reference", "ratio", "target", "verdict")


@dataclass(frozen=True)
class Section:
    """One benchmark's heading, a paragraph on how it was measured, and its tables."""

    title: str
    text: str
    figures: tuple[Figure, ...] = ()
    details: tuple[tuple[Sequence[str], Sequence[Sequence[str]]], ...] = ()

    def markdown(self) -> str:
        """Return the section as Markdown."""
        blocks = [f"## {self.title}", self.text]
        if self.figures:
            blocks.append(table(FIGURE_HEAD, [figure.cells() for figure in self.figures]))
        blocks += [table(head, rows) for head, rows in self.details]
        return "\n\n".join(blocks)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are aligned."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    first = " | ".join(cell.ljust(width) for cell, width in zip(head, widths, strict=True))
    ruler = " | ".join("-" * width for width in widths)
    return "\n".join(f"| {line} |" for line in [first, ruler, *lines])


def page(command: str, sections: Sequence[Section], before: str = "") -> str:
    """Return a whole page: the machine, then the sections.

    Parameters
    ----------
    command : str
        What measured the sections; each says so itself.
    sections : sequence of Section
        What was measured now.
    before : str
        An earlier page: its sections of other titles are kept, in their places.
    """
    intro = (
        "# Benchmarks\n\nEvery figure stands beside a reference that was measured in the same run; each "
        f"section names the command that wrote it.\n\nMachine: {machine()}."
    )
    titled = {section.split("\n", 1)[0]: section.strip() for section in before.split("\n## ")[1:]}
    titled |= {
        section.title: section.markdown().removeprefix("## ") + f"\n\nWritten by `{command}`."
        for section in sections
    }
    return "\n\n".join([intro, *(f"## {section}" for section in titled.values())]) + "\n"


def machine() -> str:
    """Return cores, memory and versions in one line; nothing that names the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    versions = ", ".join(f"{name} {version(name)}" for name in VERSIONS_SHOWN)
    return (
        f"{len(os.sched_getaffinity(0))} cores ({_processor()}), {memory:.0f} GiB of memory, "
        f"{platform.system()}, Python {platform.python_version()}, {versions}"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [
        line.split(":", 1)[1].strip()
        for line in (info.read_text(encoding="utf-8").splitlines() if info.exists() else [])
        if line.startswith("model name")
    ]
    return names[0] if names else platform.machine()
