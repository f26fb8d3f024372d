"""Columns of the records as they were in, the SQL that says on PostgreSQL how they are now out; for migration 0006."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

_MONTHS = """
SELECT DISTINCT date_trunc('month', GREATEST('2019-12-01', LEAST('2100-01-01', completed_at AT TIME ZONE 'UTC')))
FROM usage_record_0005 UNION SELECT date_trunc('month', now() AT TIME ZONE 'UTC') ORDER BY 1
"""
_FIRST, _LAST = 2020, 2100
_READERS = """
SELECT DISTINCT quote_ident(grantee) FROM information_schema.role_table_grants
WHERE table_name = 'usage_record_0005' AND table_schema = current_schema() AND privilege_type = 'SELECT'
AND grantee NOT IN (current_user, 'PUBLIC')
"""


class OnPostgresql:
    """Calls are in partitions by month; a key is unique in each."""

    TEXT = sa.String()
    MS = sa.Float()
    MOMENT = sa.DateTime(timezone=True)

    def create_call(self, columns: Sequence[sa.Column[Any]]) -> None:
        """Create the table of calls with a partition for each month that has some, and for this one."""
        op.execute("CREATE SEQUENCE usage_call_id_seq")
        number = sa.text("nextval('usage_call_id_seq')")
        op.create_table(
            "usage_call",
            sa.Column("id", sa.BigInteger(), server_default=number, nullable=False),
            *columns,
            sa.PrimaryKeyConstraint("id", "completed_at"),
            postgresql_partition_by="RANGE (completed_at)",
        )
        op.execute("ALTER SEQUENCE usage_call_id_seq OWNED BY usage_call.id")
        for (month,) in op.get_bind().execute(sa.text(_MONTHS)).all():
            _create_partition(month)

    def create_indexes(self) -> None:
        """Create the indexes, which is faster after the rows."""
        for (partition,) in op.get_bind().execute(sa.text(_PARTITIONS)).all():
            op.execute(f"CREATE UNIQUE INDEX ux_{partition}_event_key ON {partition} (event_key)")
        op.create_index("ix_usage_call_litellm_call_id", "usage_call", ["litellm_call_id"])
        op.create_index("ix_usage_call_completed_at", "usage_call", ["completed_at"])
        op.create_index("ix_usage_call_completed_at_brin", "usage_call", ["completed_at"], postgresql_using="brin")

    def hand_over(self) -> None:
        """Go on with the numbers, and let those read the views who read the tables."""
        op.execute("SELECT setval('usage_call_id_seq', (SELECT COALESCE(MAX(id), 0) + 1 FROM usage_call), false)")
        for (role,) in op.get_bind().execute(sa.text(_READERS)).all():
            op.execute(f"GRANT SELECT ON {', '.join(_READ)} TO {role}")

    def content_key(self, columns: Sequence[str], of: str = "") -> str:
        """Hash some columns."""
        texts = " || ".join(_content(_text_of(column, of)) for column in columns)
        return _hash(texts)

    def tag_sets(self) -> str:
        """Give each call with tags and the hash of these."""
        texts = f"string_agg({_content('tag')}, '' ORDER BY tag COLLATE \"C\")"
        return (
            f"SELECT event_key, {_hash(texts)} AS content_key FROM usage_record_tag_0005"  # noqa: S608 - ours
            " WHERE event_key IN (SELECT event_key FROM usage_record_0005) GROUP BY event_key"
        )

    def key(self, text: str) -> str:
        """Give the bytes of an event's key."""
        return f"CASE WHEN {text} ~ '^[0-9a-f]{{32}}$' THEN decode({text}, 'hex') ELSE {_hash(text)} END"

    def short_text(self, text: str) -> str:
        """Give the text."""
        return text

    address = address_text = whole_text = moment = moment_text = duration = ms = short_text

    def span(self, earlier: str, later: str) -> str:
        """Give microseconds between two moments."""
        return f"CAST(round(extract(epoch FROM {later} - {earlier}) * 1000000) AS bigint)"

    def earlier(self, moment: str, us: str) -> str:
        """Subtract."""
        return f"({moment} - {us} * INTERVAL '1 microsecond')"

    def later(self, moment: str, us: str) -> str:
        """Add."""
        return f"({moment} + {us} * INTERVAL '1 microsecond')"

    def hex_of(self, key: str) -> str:
        """Write a key."""
        return f"encode({key}, 'hex')"

    def ms_of_us(self, us: str) -> str:
        """Give milliseconds of microseconds."""
        return f"{us} / CAST(1000 AS double precision)"

    def dollars(self, nano: str) -> str:
        """Give dollars."""
        return f"CAST({nano} / 1000000000.0 AS numeric(20, 9))"


_FLAGS = ("stream", "is_terminal", "cache_hit")
_PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'usage_call'::regclass"
_READ = (
    *("usage_record", "usage_record_raw", "usage_record_tag", "usage_record_tag_raw", "usage_call"),
    *("usage_caller", "usage_target", "usage_outcome", "usage_tag_set", "usage_tag"),
)


def _create_partition(month: Any) -> None:
    """Create one; before 2020 and from 2100 on there is only one each."""
    later = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
    name, start, end = f"usage_call_{month:%Y%m}", f"'{month:%Y-%m-01} 00:00:00+00'", f"'{later:%Y-%m-01} 00:00:00+00'"
    if month.year < _FIRST:
        name, start = "usage_call_before_2020", "MINVALUE"
    if month.year >= _LAST:
        name, end = "usage_call_from_2100", "MAXVALUE"
    op.execute(f"CREATE TABLE {name} PARTITION OF usage_call FOR VALUES FROM ({start}) TO ({end})")


def _text_of(column: str, of: str) -> str:
    return f"CAST(CAST({of}{column} AS integer) AS text)" if column in _FLAGS else f"{of}{column}"


def _content(text: str) -> str:
    return f"CASE WHEN {text} IS NULL THEN '~' ELSE length({text}) || ':' || {text} END"


def _hash(text: str) -> str:
    return f"substring(sha256(convert_to({text}, 'UTF8')) FOR 16)"
