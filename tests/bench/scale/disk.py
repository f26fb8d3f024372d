"""A database in, what each of its tables takes on disk per call out, its indexes included."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine, text

from tests.bench.scale.table import Value, show

_SQLITE = (
    "SELECT m.tbl_name, s.name = m.tbl_name, sum(s.pgsize) FROM dbstat s LEFT JOIN sqlite_master m ON m.name = s.name"
    " WHERE s.aggregate = 1 GROUP BY 1, 2"
    " UNION ALL SELECT '(free)', 1, freelist_count * page_size FROM pragma_freelist_count, pragma_page_size"
)
# Partitions count for the table that they are parts of.
_POSTGRESQL = (
    "SELECT COALESCE(p.relname, c.relname), is_table, sum(bytes) FROM pg_class c"
    " LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent,"
    " LATERAL (VALUES (true, pg_table_size(c.oid)), (false, pg_indexes_size(c.oid))) s (is_table, bytes)"
    " WHERE c.relkind IN ('r', 'p') AND c.relnamespace NOT IN ('pg_catalog'::regnamespace,"
    " 'information_schema'::regnamespace) GROUP BY 1, 2"
)
LEAST, SCHEMA = 0.05, "(schema)"


def show_disk(title: str, engine: Engine, calls: int) -> float:
    """Print bytes per call of each table, the largest first, and give those of all."""
    found = sizes(engine)
    rows: list[tuple[Value, ...]] = [
        (name, *(size / calls for size in (table, indexes, table + indexes)))
        for name, (table, indexes) in sorted(found.items(), key=lambda entry: -sum(entry[1]))
        if (table + indexes) / calls >= LEAST
    ]
    table, indexes = (sum(place) for place in zip(*found.values(), strict=True))
    everything = ("all", *(size / calls for size in (table, indexes, table + indexes)))
    show(title, ("", "rows", "indexes", "both"), [*rows, everything])
    return float(table + indexes) / calls


def sizes(engine: Engine) -> Mapping[str, tuple[int, int]]:
    """Give the bytes of each table and of its indexes."""
    query = _SQLITE if engine.dialect.name == "sqlite" else _POSTGRESQL
    found: dict[str, tuple[int, int]] = {}
    with engine.connect() as connection:
        for name, is_table, size in connection.execute(text(query)):
            table, indexes = found.get(name or SCHEMA, (0, 0))
            found[name or SCHEMA] = (table + int(size), indexes) if is_table else (table, indexes + int(size))
    return found
