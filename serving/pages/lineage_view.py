"""Lineage for the eye and for a reader aloud: a drawing in columns, and the same as a nested list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from warehouse.publish.lineage import Node

#: Columns of the drawing, from what the shop delivers to what readers get.
STAGES = ("delivered", "staged", "prepared", "features", "model", "risk", "published")
STAGE_OF_SCHEMA: Mapping[str, str] = {
    "raw": "delivered",
    "control": "delivered",
    "seeds": "delivered",
    "staging": "staged",
    "intermediate": "prepared",
    "core": "prepared",
    "features": "features",
    "ml": "model",
    "risk": "risk",
    "campaigns": "risk",
    "recommendations": "risk",
    "reporting": "published",
}
BOX_WIDTH, BOX_HEIGHT, GAP_ACROSS, GAP_DOWN, TOP = 160, 26, 36, 8, 34
MOST_LETTERS = 23


@dataclass(frozen=True)
class Branch:
    """A table in the nested list.

    Attributes
    ----------
    node : Node
        The table.
    below : tuple of Branch
        What it is made from; empty where that was told further up already.
    is_told_above : bool
        Whether its own way back stands further up in the list.
    shared_columns : tuple of str
        Columns that it documents under a name that the published table has, too.
    """

    node: Node
    below: tuple["Branch", ...] = ()
    is_told_above: bool = False
    shared_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Box:
    """A table in the drawing."""

    node: Node
    x: float
    y: float

    @property
    def label(self) -> str:
        """Its name without the schema, cut where it is too long for its box."""
        name = self.node.name.split(".", maxsplit=1)[1]
        return name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1] + "…"


@dataclass(frozen=True)
class Drawing:
    """Boxes in columns and the lines between them."""

    boxes: Sequence[Box]
    lines: Sequence[str]
    stages: Sequence[tuple[str, float]]
    width: float
    height: float


@dataclass(frozen=True)
class Way:
    """The way from deliveries to one published table."""

    table: str
    tables: Sequence[str]
    nodes: Mapping[str, Node] = field(repr=False)
    start: Node | None

    @property
    def upstream(self) -> Mapping[str, Node]:
        """Every table that it follows from, itself included."""
        if self.start is None:
            return {}
        return {name: self.nodes[name] for name in sorted(_walk(self.start, self.nodes))}

    @property
    def kinds(self) -> Mapping[str, int]:
        """How many tables of each kind it follows from."""
        counts: dict[str, int] = {}
        for node in self.upstream.values():
            counts[node.kind] = counts.get(node.kind, 0) + 1
        return counts


def way_to(nodes: Sequence[Node], table: str) -> Way:
    """Return the way to a published table; to the first that is known where there is no such table."""
    by_name = {node.name: node for node in nodes}
    published = {name: node for node in nodes for name in node.published_as}
    chosen = table if table in published else next(iter(sorted(published)), "")
    return Way(chosen, sorted(published), by_name, published.get(chosen))


def tree(way: Way) -> Branch | None:
    """Return the way as a nested list; what stands in it twice is told once."""
    told: set[str] = set()

    def grow(node: Node) -> Branch:
        start = way.start or node
        shared = tuple(name for name in node.columns if name in start.columns) if node is not start else ()
        if node.name in told:
            return Branch(node, is_told_above=bool(node.depends_on), shared_columns=shared)
        told.add(node.name)
        below = tuple(grow(way.nodes[name]) for name in node.depends_on if name in way.nodes)
        return Branch(node, below, shared_columns=shared)

    return grow(way.start) if way.start else None


def drawing(way: Way) -> Drawing:
    """Return the way as boxes in columns, each below the ones it is drawn nearest to."""
    columns: dict[str, list[Node]] = {stage: [] for stage in STAGES}
    for node in way.upstream.values():
        columns[_stage(node)].append(node)
    used = [stage for stage in STAGES if columns[stage]]
    places: dict[str, Box] = {}
    for number, stage in enumerate(used):
        x = number * (BOX_WIDTH + GAP_ACROSS)

        def height_of_parents(node: Node) -> tuple[float, str]:
            above = [places[name].y for name in node.depends_on if name in places]
            return (sum(above) / len(above) if above else 0.0, node.name)

        for row, node in enumerate(sorted(columns[stage], key=height_of_parents)):
            places[node.name] = Box(node, x, TOP + row * (BOX_HEIGHT + GAP_DOWN))
    return Drawing(
        boxes=list(places.values()),
        lines=[
            _line(places[parent], box)
            for box in places.values()
            for parent in box.node.depends_on
            if parent in places
        ],
        stages=[(stage, number * (BOX_WIDTH + GAP_ACROSS)) for number, stage in enumerate(used)],
        width=max(1, len(used) * (BOX_WIDTH + GAP_ACROSS) - GAP_ACROSS),
        height=TOP + max((len(columns[stage]) for stage in used), default=0) * (BOX_HEIGHT + GAP_DOWN),
    )


def _line(start: Box, end: Box) -> str:
    """Return a curve from the right side of a box to the left side of another, as SVG writes it."""
    y_start, y_end = start.y + BOX_HEIGHT / 2, end.y + BOX_HEIGHT / 2
    if start.x == end.x:
        # within a column: out to the left and back
        x = start.x
        return (
            f"M{x:.0f},{y_start:.0f} C{x - 30:.0f},{y_start:.0f} {x - 30:.0f},{y_end:.0f} {x:.0f},{y_end:.0f}"
        )
    x_start, x_end = start.x + BOX_WIDTH, end.x
    bend = max(24.0, (x_end - x_start) / 2)
    return (
        f"M{x_start:.0f},{y_start:.0f} C{x_start + bend:.0f},{y_start:.0f} "
        f"{x_end - bend:.0f},{y_end:.0f} {x_end:.0f},{y_end:.0f}"
    )


def _stage(node: Node) -> str:
    schema = node.name.split(".", maxsplit=1)[0]
    return STAGE_OF_SCHEMA.get(schema, "published" if node.published_as else "prepared")


def _walk(start: Node, nodes: Mapping[str, Node]) -> Iterator[str]:
    seen: set[str] = set()
    waiting = [start.name]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        yield name
        waiting += nodes[name].depends_on
