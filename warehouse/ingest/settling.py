"""What becomes of well-typed rows: orphan, exact duplicate, new version of a key, or simply new.

Rows are taken in the order in which they came: delivery, file name, line (`seq`). A row is an
exact duplicate when the row before it with the same key says the same in every declared column;
where it says something else it is a new version, and reported as a conflict. A table without a
key has the whole row for its key.
"""

from warehouse.sources import Reference, Source, Table

LINE_BITS = 32


def good_rows_sql(source: Source, table: Table, batch_tables: frozenset[str]) -> str:
    """Return the SQL of the well-typed rows of accepted deliveries, each with its missing parent, if any."""
    joins, cases, kept = [], [], ["false"]
    for number, reference in enumerate(table.references):
        child = f"typed.v{table.column_names.index(reference.column)}"
        joins.append(
            f"left join ({_parents_sql(source, reference, batch_tables)}) as parents_{number} "
            f"on parents_{number}.parent = {child}"
        )
        known = f"coalesce(parents_{number}.first_order <= files.delivery_order, false)"
        missing = f"({child} is not null and not {known})"
        if reference.keep:
            kept.append(missing)
        else:
            cases.append(f"when {missing} then {number}")
    orphan = f"case {' '.join(cases)} end" if cases else "null::integer"
    return f"""
create or replace temp table good as
select
    typed.* exclude (code, bad_column, bad_value),
    typed.file_index::bigint * {1 << LINE_BITS} + typed.line_number as seq,
    {orphan} as orphan_of,
    {" or ".join(kept)} as is_kept_orphan
from typed_{table.name} as typed
inner join batch_files as files on files.file_index = typed.file_index
{chr(10).join(joins)}
where typed.code is null and files.is_taken
"""


def excuse_versions_sql(table: Table) -> str:
    """Return the SQL that takes back the verdict on late rows of keys that are known by then.

    An excused row keeps its `bad_column`, so that it can be judged anew without a refused delivery.
    """
    key = [f"v{table.column_names.index(name)}" for name in table.key]
    stored = ", ".join(f'"{name}" as {v}' for name, v in zip(table.key, key, strict=True))
    keys = ", ".join(key)
    return f"""
with known as (
    select {stored}, -1 as delivery_order from {table.schema}.{table.identifier}
    union all
    select {", ".join("typed." + v for v in key)}, files.delivery_order
    from typed_{table.name} as typed
    inner join batch_files as files on files.file_index = typed.file_index
    where typed.bad_column is null and files.is_taken
),
late as (
    select typed.rowid as late_row, files.delivery_order, {", ".join("typed." + v for v in key)}
    from typed_{table.name} as typed
    inner join batch_files as files on files.file_index = typed.file_index
    where typed.code = 'too_late' or (typed.code is null and typed.bad_column is not null)
),
first_known as (
    select {keys}, min(delivery_order) as first_order
    from known semi join late using ({keys})
    group by {keys}
),
judged as (
    select late_row, coalesce(first_order <= delivery_order, false) as is_known
    from late left join first_known using ({keys})
)
update typed_{table.name} set code = case when judged.is_known then null else 'too_late' end
from judged
where typed_{table.name}.rowid = judged.late_row
"""


def settled_sql(table: Table) -> str:
    """Return the SQL that gives every good row its fate, and the row before it with the same key."""
    values = [f"v{i}" for i in range(len(table.columns))]
    key = [f"v{table.column_names.index(name)}" for name in table.key] or values
    keys = ", ".join(key)
    # a declared key is never null, and a plain comparison lets DuckDB pass over most of a large table
    equal = "=" if table.key else "is not distinct from"
    same = " and ".join(f"{v} is not distinct from lag({v}) over versions" for v in values if v not in key)
    stored = ", ".join(f'"{name}" as v{i}' for i, name in enumerate(table.column_names))
    return f"""
create or replace temp table settled_{table.name} as
with candidates as (select * from good where orphan_of is null),
stored as (
    select {stored}, delivery_id, delivery_number, source_file, source_line
    from {table.schema}.{table.identifier}
    {_event_range(table)}
),
met as (
    select stored.* from stored semi join candidates on {_equal("stored", "candidates", key, equal)}
),
newest as (
    select * from met
    qualify row_number() over (
        partition by {keys} order by delivery_number desc, source_file desc, source_line desc
    ) = 1
),
repeated as (
    select {keys} from candidates group by all having count(*) > 1
    union
    select {keys} from newest
),
chain as (
    select
        -1::bigint as seq, {", ".join(values)},
        struct_pack(delivery := delivery_id, file := source_file, line := source_line) as pointer
    from newest
    union all
    select
        candidates.seq, {", ".join("candidates." + v for v in values)},
        struct_pack(delivery := files.delivery_id, file := files.source_file, line := candidates.line_number)
    from candidates
    inner join batch_files as files on files.file_index = candidates.file_index
    semi join repeated on {_equal("candidates", "repeated", key, equal)}
),
linked as (
    select
        *,
        lag(seq) over versions as earlier,
        {same or "true"} as says_the_same
    from chain
    window versions as (partition by {keys} order by seq)
),
pointed as (
    select
        seq,
        says_the_same,
        earlier,
        last_value(case when earlier is null or not says_the_same then pointer end ignore nulls) over (
            partition by {keys} order by seq
        ) as stands_as
    from linked
)
select
    good.*,
    pointed.stands_as,
    case
        when good.orphan_of is not null then 'orphan'
        when pointed.earlier is null then 'new'
        when pointed.says_the_same then 'duplicate'
        else 'version'
    end as fate
from good
left join pointed on pointed.seq = good.seq
"""


def _parents_sql(source: Source, reference: Reference, batch_tables: frozenset[str]) -> str:
    parent = source.table(reference.table)
    stored = (
        f'select "{reference.parent_column}" as parent, -1 as delivery_order '
        f"from {parent.schema}.{parent.identifier}"
    )
    if parent.name in batch_tables:
        column = parent.column_names.index(reference.parent_column)
        stored += (
            f" union all select settled.v{column}, files.delivery_order "
            f"from settled_{parent.name} as settled "
            "inner join batch_files as files on files.file_index = settled.file_index "
            "where settled.fate <> 'orphan'"
        )
    return f"select parent, min(delivery_order) as first_order from ({stored}) group by parent"


def _equal(left: str, right: str, columns: list[str], equal: str) -> str:
    return " and ".join(f"{left}.{column} {equal} {right}.{column}" for column in columns)


def _event_range(table: Table) -> str:
    # without a key only rows of the same moments can be the same: spare the rest of the table
    if table.key or table.event_time is None:
        return ""
    event = f"v{table.column_names.index(table.event_time)}"
    first, last = f"(select min({event}) from good)", f"(select max({event}) from good)"
    return f'where "{table.event_time}" between {first} and {last}'
