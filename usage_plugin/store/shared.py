"""What calls share in, the number under which it is kept out: each combination of values once, whoever writes it.

The numbers are looked up in each transaction and never remembered: what another process took back, or a backup that was
put in the place of the database, cannot leave a number that means something else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table

from usage_plugin.store.bulk import insert
from usage_plugin.store.calls import UsageCaller, UsageOutcome, UsageTag, UsageTagSet, UsageTarget
from usage_plugin.store.tables import table_of

Content = tuple[Any, ...]
KEY = "content_key"
CALLER, TARGET, OUTCOME, TAG_SET = (table_of(each) for each in (UsageCaller, UsageTarget, UsageOutcome, UsageTagSet))
SHARED = (CALLER, TARGET, OUTCOME)
_KEYS_KEPT = 65_536
_DIGEST = 16


def columns_of(table: Table) -> tuple[str, ...]:
    """Name what a combination consists of."""
    return tuple(column.name for column in table.columns if column.name not in ("id", KEY))


def numbers(connection: Connection, table: Table, contents: Iterable[Content]) -> Mapping[Content, int]:
    """Give the number of each combination, and keep those that are new.

    Args:
        connection: Of a transaction that writes. Every transaction asks for callers, targets, outcomes and tags in
            this order and before it changes anything else, so that two that meet never wait for each other.
        table: Of ``SHARED``, or that of tags.
        contents: Values of the table's columns; of tags each sorted.
    """
    keys = {content: content_key(content) for content in contents}
    found = _look_up(connection, table, keys.values())
    missing = sorted((key, content) for content, key in keys.items() if key not in found)
    if missing:
        _insert(connection, table, missing)
        found |= _look_up(connection, table, [key for key, _ in missing])
    return {content: found[key] for content, key in keys.items()}


def tag_sets(connection: Connection, contents: Iterable[Content]) -> Mapping[Content, int | None]:
    """Give the number of each combination of tags; none has none."""
    return {**numbers(connection, TAG_SET, {content for content in contents if content}), (): None}


@lru_cache(_KEYS_KEPT)
def content_key(content: Content) -> bytes:
    """Hash values with their lengths, so that no two combinations are written alike."""
    texts = ("~" if value is None else _with_length(value) for value in content)
    return hashlib.sha256("".join(texts).encode()).digest()[:_DIGEST]


def _with_length(value: str | int) -> str:
    text = str(int(value)) if isinstance(value, bool) else str(value)
    return f"{len(text)}:{text}"


def _look_up(connection: Connection, table: Table, keys: Iterable[bytes]) -> dict[bytes, int]:
    wanted = list(keys)
    if not wanted:
        return {}
    if connection.dialect.name == "postgresql":
        query = f"SELECT content_key, id FROM {table.name} WHERE content_key = ANY(%s)"  # noqa: S608 - ours
        return {bytes(key): number for key, number in connection.exec_driver_sql(query, (wanted,))}
    # One prepared statement for each: a list of any length would be a statement of its own.
    query = f"SELECT id FROM {table.name} WHERE content_key = ?"  # noqa: S608 - ours
    cursor: Any = connection.connection.cursor()
    rows = ((key, cursor.execute(query, (key,)).fetchone()) for key in wanted)
    return {key: row[0] for key, row in rows if row is not None}


def _insert(connection: Connection, table: Table, missing: Sequence[tuple[bytes, Content]]) -> None:
    if table is not TAG_SET:
        rows = [(key, *content) for key, content in missing]
        insert(connection, table, (KEY, *columns_of(table)), rows, f"({KEY}) DO NOTHING")
        return
    insert(connection, table, (KEY,), [(key,) for key, _ in missing], f"({KEY}) DO NOTHING")
    ids = _look_up(connection, table, [key for key, _ in missing])
    tags = sorted((ids[key], tag) for key, content in missing for tag in content)
    insert(connection, table_of(UsageTag), ("tag_set_id", "tag"), tags, "(tag_set_id, tag) DO NOTHING")
