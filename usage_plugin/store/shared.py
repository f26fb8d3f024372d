"""What calls share in, the number under which it is kept out: each combination of values once, whoever writes it.

The numbers are looked up in each transaction, but for what `memory` proves to be as it was: what another process took
back, or a backup that was put in the place of the database, cannot leave a number that means something else.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table

from usage_plugin.store.bulk import insert
from usage_plugin.store.bulk_postgresql import array, insert_numbered
from usage_plugin.store.calls import UsageCaller, UsageOutcome, UsageTag, UsageTagSet, UsageTarget
from usage_plugin.store.memory import known_numbers
from usage_plugin.store.rows import Row
from usage_plugin.store.tables import BESIDE, UsageModel, UsagePayer, table_of

Content = tuple[Any, ...]
Contents = Mapping[Table, Collection[Content]]
Numbers = Mapping[Table, Mapping[Content, int]]
KEY = "content_key"
CALLER, TARGET, OUTCOME, TAG_SET = (table_of(each) for each in (UsageCaller, UsageTarget, UsageOutcome, UsageTagSet))
SHARED = (CALLER, TARGET, OUTCOME, TAG_SET)
"""What calls share. A transaction asks for their numbers first, and for those of totals when its calls are stored."""
MODEL, PAYER = table_of(UsageModel), table_of(UsagePayer)
_KEYS_KEPT = 65_536
_DIGEST = 16


def columns_of(table: Table) -> tuple[str, ...]:
    """Name what a combination consists of."""
    own = (column.name for column in table.columns if BESIDE not in column.info)
    return tuple(name for name in own if name not in ("id", KEY))


def numbers(connection: Connection, contents: Contents) -> tuple[Numbers, Contents]:
    """Give the number of each combination, and keep those that are new.

    Args:
        connection: Of a transaction that writes. Every transaction asks for what calls share before it changes one, and
            new combinations of a table are kept in the same order, so that two that meet never wait for each other.
        contents: By table, always in the same order: values of its columns; for tags all of a call, sorted.

    Returns:
        The numbers, and the combinations that were not there.
    """
    known = known_numbers(connection)
    for table in contents:
        known.setdefault(table, {})
    asked = {table: [each for each in some if each not in known[table]] for table, some in contents.items()}
    keys = {table: {content: content_key(content) for content in some} for table, some in asked.items()}
    found = _look_up(connection, {table: list(key_of.values()) for table, key_of in keys.items()})
    new = {table: [each for each, key in key_of.items() if key not in found[table]] for table, key_of in keys.items()}
    for table, some in new.items():
        if some:
            found[table] |= _insert(connection, table, sorted((keys[table][content], content) for content in some))
        known[table].update((content, found[table][key]) for content, key in keys[table].items())
    return known, new


def own_tag_set(connection: Connection, tags: Sequence[str]) -> int:
    """Keep a set of tags that no call has yet, nor ever another one; gives its number.

    Args:
        connection: Of a transaction that writes.
        tags: Sorted.
    """
    key = secrets.token_bytes(_DIGEST)
    return _insert(connection, TAG_SET, [(key, tuple(tags))])[key]


@lru_cache(_KEYS_KEPT)
def content_key(content: Content) -> bytes:
    """Hash values with their lengths, so that no two combinations are written alike."""
    texts = ("~" if value is None else _with_length(value) for value in content)
    return hashlib.sha256("".join(texts).encode()).digest()[:_DIGEST]


def _with_length(value: str | int) -> str:
    text = str(int(value)) if isinstance(value, bool) else str(value)
    return f"{len(text)}:{text}"


def _look_up(connection: Connection, keys: Mapping[Table, Sequence[bytes]]) -> dict[Table, dict[bytes, int]]:
    if connection.dialect.name == "postgresql":
        return _look_up_at_once(connection, keys)
    cursor: Any = connection.connection.cursor()
    found: dict[Table, dict[bytes, int]] = {}
    for table, wanted in keys.items():
        # One prepared statement for each key: a list of any length would be a statement of its own.
        query = f"SELECT id FROM {table.name} WHERE content_key = ?"  # noqa: S608 - ours
        rows = ((key, cursor.execute(query, (key,)).fetchone()) for key in wanted)
        found[table] = {key: row[0] for key, row in rows if row is not None}
    return found


def _look_up_at_once(connection: Connection, keys: Mapping[Table, Sequence[bytes]]) -> dict[Table, dict[bytes, int]]:
    """Ask for all in one round trip; a join, since a condition on many values reads all of a new table for each."""
    tables = list(keys)
    parts = (
        f"SELECT {place}, content_key, id FROM unnest(%s::bytea[]) AS wanted JOIN {table.name} ON content_key = wanted"  # noqa: S608 - ours
        for place, table in enumerate(tables)
    )
    arrays = tuple(array("bytea", wanted) for wanted in keys.values())
    found: dict[Table, dict[bytes, int]] = {table: {} for table in tables}
    for place, key, number in connection.exec_driver_sql(" UNION ALL ".join(parts), arrays):
        found[tables[place]][bytes(key)] = number
    return found


def _insert(connection: Connection, table: Table, missing: Sequence[tuple[bytes, Content]]) -> dict[bytes, int]:
    """Keep new combinations; gives their numbers, also of those that another process has just made."""
    keys, is_tags = [key for key, _ in missing], table is TAG_SET
    rows = [(key,) if is_tags else (key, *content) for key, content in missing]
    found = _insert_rows(connection, table, rows)
    if len(found) < len(keys):
        found |= _look_up(connection, {table: [key for key in keys if key not in found]})[table]
    if is_tags:
        tags = sorted((found[key], tag) for key, content in missing for tag in content)
        insert(connection, table_of(UsageTag), ("tag_set_id", "tag"), tags, "(tag_set_id, tag) DO NOTHING")
    return found


def _insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> dict[bytes, int]:
    columns, conflict = (KEY, *columns_of(table)), f"({KEY}) DO NOTHING"
    if connection.dialect.name == "postgresql":
        return insert_numbered(connection, table, columns, rows, conflict)
    insert(connection, table, columns, rows, conflict)
    return {}
