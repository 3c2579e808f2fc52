"""Source declarations: one YAML file per shop, read by dbt and by ingest alike.

The keys are described in docs/source-declaration.md. A declaration that cannot be understood is
refused before any file is opened; the message names the file, the table, the column and the key.
"""

from pathlib import Path

import yaml

from warehouse.errors import ContractBreach
from warehouse.money import check_money
from warehouse.settings import REPOSITORY
from warehouse.source_keys import (
    COLUMN_TYPES,
    INGEST_COLUMNS,
    Node,
    check_formats,
    check_identifier,
    check_zone,
)
from warehouse.source_shapes import Column, Reference, Source, Table, Volume

__all__ = ["Column", "Reference", "Source", "Table", "Volume", "load_source", "parse_source", "source_file"]

DBT_PROJECT = REPOSITORY / "dbt_project"


def source_file(name: str, dbt_project: Path = DBT_PROJECT) -> Path:
    """Return the path of a source's declaration."""
    return dbt_project / "models" / "staging" / name / f"_{name}__sources.yml"


def load_source(name: str, dbt_project: Path = DBT_PROJECT) -> Source:
    """Read and check the declaration of a source.

    Raises
    ------
    ContractBreach
        If the file is missing or says something that cannot be used.
    """
    path = source_file(name, dbt_project)
    if not path.is_file():
        declared = sorted(p.parent.name for p in path.parent.parent.glob("*/_*__sources.yml"))
        raise ContractBreach(
            f"The source {name} is not declared: {path} is missing",
            declared,
            "set HOLDFAST_SOURCE to a declared source, or write the file (docs/source-declaration.md)",
        )
    return parse_source(path.read_text(encoding="utf-8"), name, path)


def parse_source(text: str, name: str, path: Path) -> Source:
    """Parse a declaration; `path` is named in errors."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ContractBreach(f"{path} is not YAML", str(error), "mend the file") from error
    top = Node(document, f"{path}")
    entry = next((n for n in top.nodes("sources") if n.text("name") == name), None)
    if entry is None:
        raise ContractBreach(f"{path} declares no source named {name}", None, f"add `- name: {name}`")
    meta = entry.meta()
    zone = check_zone(meta.text("time_zone"), meta)
    kind = meta.choice("kind", ("files", "postgres"), "files")
    volume = _volume(meta, Volume())
    late = meta.optional_whole_number("late_days_allowed", 45)
    tables = tuple(_table(node, name, zone, volume, late) for node in entry.nodes("tables"))
    source = Source(
        name=name,
        path=path,
        tables=tables,
        time_zone=zone,
        currency=meta.text("currency"),
        kind=kind,
        url_variable=meta.text("url_variable") if kind == "postgres" else None,
        flood_share=meta.number("quarantine_flood_share", 0.2),
        flood_minimum_rows=meta.whole_number("quarantine_flood_minimum_rows", 50),
        freshness_days=meta.whole_number("freshness_days", 7),
        absent=meta.texts("absent"),
        meta=meta.value,
    )
    meta.finish(also=("layout", "delivery_date_from", "languages"))
    _check_references(source)
    return source


def _table(node: Node, source: str, zone: str, volume: Volume, late: int | None) -> Table:
    name = check_identifier(node.text("name"), node)
    meta = node.meta()
    nulls = meta.texts("null_values", ("",))
    key = meta.texts("key")
    columns = tuple(_column(column, zone, nulls, key) for column in node.nodes("columns"))
    table = Table(
        name=name,
        identifier=check_identifier(node.text("identifier", f"{source}__{name}"), node),
        columns=columns,
        files=meta.texts("files", (f"{name}.*", f"{name}-*")),
        schema=meta.choice("schema", ("raw", "vault"), "raw"),
        required=meta.flag("required"),
        key=key,
        event_time=meta.text("event_time", "") or None,
        delimiter=meta.text("delimiter", ","),
        quote=meta.text("quote", '"'),
        encoding=meta.choice("encoding", ("utf-8", "latin-1", "gb18030"), "utf-8"),
        text_columns_with_newlines=meta.texts("text_columns_with_newlines"),
        references=tuple(
            Reference(
                column=r.text("column"),
                table=r.text("table"),
                parent_column=r.text("parent_column", r.text("column")),
                keep=r.choice("orphans", ("quarantine", "keep"), "quarantine") == "keep",
            )
            for r in meta.nodes("references", required=False)
        ),
        money=check_money(meta.text("money"), columns, meta) if meta.has("money") else None,
        late_days_allowed=meta.optional_whole_number("late_days_allowed", late),
        volume=_volume(meta, volume),
        relation=meta.text("relation", "") or None,
        query=meta.text("query", "") or None,
        cursor_column=meta.text("cursor_column", "") or None,
    )
    meta.finish(also=("format", "schedule", "money"))
    names = [column.name for column in columns]
    repeated = sorted({n for n in names if [m.lower() for m in names].count(n.lower()) > 1})
    if repeated:
        raise ContractBreach(f"{node.where} declares columns twice", repeated, "keep one of each")
    time_columns = tuple(c.name for c in columns if c.type in {"timestamp", "date"})
    checks: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
        ("key", table.key, tuple(names)),
        ("text_columns_with_newlines", table.text_columns_with_newlines, tuple(names)),
        ("references", tuple(r.column for r in table.references), tuple(names)),
        ("event_time", (table.event_time,) if table.event_time else (), time_columns),
    )
    for keyword, named, allowed in checks:
        for one in named:
            if one not in allowed:
                raise node.wrong(keyword, one, f"name one of {', '.join(allowed)}")
    if len(table.delimiter) != 1 or len(table.quote) > 1:
        raise node.wrong("delimiter or quote", table.delimiter + table.quote, "give one character")
    return table


def _column(node: Node, zone: str, nulls: tuple[str, ...], key: tuple[str, ...]) -> Column:
    name = node.text("name")
    if name.lower() in INGEST_COLUMNS or '"' in name or not name.strip():
        raise node.wrong("name", name, f"rename it; ingest itself adds {', '.join(INGEST_COLUMNS)}")
    data_type = node.choice("data_type", COLUMN_TYPES)
    meta = node.meta()
    formats = meta.texts("formats", (meta.text("format", ""),) if meta.has("format") else ())
    column = Column(
        name=name,
        type=data_type,
        required=meta.flag("required") or name in key,
        formats=check_formats(formats, data_type, meta),
        time_zone=check_zone(meta.text("time_zone", zone), meta),
        minimum=meta.plain_number("minimum"),
        maximum=meta.plain_number("maximum"),
        earliest=meta.day("earliest"),
        latest=meta.day("latest"),
        may_be_future=meta.flag("may_be_future"),
        strip_suffix=meta.text("strip_suffix", ""),
        thousands_separator=meta.text("thousands_separator", ""),
        decimal_separator=meta.text("decimal_separator", "."),
        scale=meta.whole_number("scale", 4),
        round=meta.flag("round"),
        maximum_length=meta.whole_number("maximum_length", 200 if data_type == "id" else 100_000),
        null_values=meta.texts("null_values", nulls),
        true_values=meta.texts("true_values", Column.true_values),
        false_values=meta.texts("false_values", Column.false_values),
    )
    meta.finish()
    return column


def _volume(meta: Node, default: Volume) -> Volume:
    node = meta.node("volume")
    early = node.node("early")
    volume = Volume(
        minimum_deliveries=node.whole_number("minimum_deliveries", default.minimum_deliveries),
        lowest_ratio=node.number("lowest_ratio", default.lowest_ratio),
        highest_ratio=node.number("highest_ratio", default.highest_ratio),
        early_minimum_deliveries=early.whole_number("minimum_deliveries", default.early_minimum_deliveries),
        early_lowest_ratio=early.number("lowest_ratio", default.early_lowest_ratio),
        early_highest_ratio=early.number("highest_ratio", default.early_highest_ratio),
        minimum_usual_rows=node.whole_number("minimum_usual_rows", default.minimum_usual_rows),
    )
    early.finish()
    node.finish()
    return volume


def _check_references(source: Source) -> None:
    names = {table.name: table for table in source.tables}
    for table in source.tables:
        for reference in table.references:
            parent = names.get(reference.table)
            if parent is None or reference.parent_column not in parent.column_names:
                raise ContractBreach(
                    f"{source.path}: table {table.name}, column {reference.column} refers to nothing",
                    f"{reference.table}.{reference.parent_column}",
                    "name a declared table and a column of it",
                )
    _ = source.parents_first
