"""Columns of the records as they were in, the SQL that says on SQLite how they are now out; for migration 0006."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEX_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_IPV4 = re.compile(r"(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}", re.ASCII)


class OnSqlite:
    """What SQLite cannot say in SQL is a function in Python, for this connection."""

    TEXT = MS = sa.LargeBinary()
    MOMENT = sa.BigInteger()

    def create_call(self, columns: Sequence[sa.Column[Any]]) -> None:
        """Create the table of calls, and the functions that fill it."""
        connection: Any = op.get_bind().connection.driver_connection
        functions: dict[str, Callable[..., Any]] = {
            "usage_content": _content_key,
            "usage_key": _key,
            "usage_short": _short_text,
            "usage_us": _us,
            "usage_ms": _ms,
            "usage_address": _address,
        }
        for name, function in functions.items():
            connection.create_function(name, -1, function, deterministic=True)
        connection.create_aggregate("usage_content_of", 1, _ContentOf)
        op.create_table("usage_call", sa.Column("id", sa.Integer(), primary_key=True, nullable=False), *columns)

    def create_indexes(self) -> None:
        """Create the indexes, which is faster after the rows."""
        op.create_index("ux_usage_call_event_key", "usage_call", ["event_key"], unique=True)
        op.create_index("ix_usage_call_litellm_call_id", "usage_call", ["litellm_call_id"])
        op.create_index("ix_usage_call_completed_at", "usage_call", ["completed_at"])

    def hand_over(self) -> None:
        """Do nothing: SQLite has no users and no sequences."""

    def content_key(self, columns: Sequence[str], of: str = "") -> str:
        """Hash some columns."""
        return f"usage_content({', '.join(of + column for column in columns)})"

    def tag_sets(self) -> str:
        """Give each call with tags and the hash of these."""
        return (
            "SELECT event_key, usage_content_of(tag) AS content_key FROM usage_record_tag_0005 AS tag"
            " WHERE event_key IN (SELECT event_key FROM usage_record_0005) GROUP BY event_key"
        )

    def key(self, text: str) -> str:
        """Give the bytes of an event's key."""
        return f"usage_key({text})"

    def short_text(self, text: str) -> str:
        """Give the bytes of a UUID, or the text."""
        return f"usage_short({text})"

    def address(self, text: str) -> str:
        """Give the number of an address, or the text."""
        return f"usage_address({text})"

    def moment(self, text: str) -> str:
        """Give microseconds since 1970."""
        return f"usage_us({text})"

    def span(self, earlier: str, later: str) -> str:
        """Give microseconds between two moments of old."""
        return f"(usage_us({later}) - usage_us({earlier}))"

    def duration(self, ms: str) -> str:
        """Give microseconds, or the float of milliseconds."""
        return f"usage_ms({ms})"

    def earlier(self, moment: str, us: str) -> str:
        """Subtract."""
        return f"({moment} - {us})"

    def later(self, moment: str, us: str) -> str:
        """Add."""
        return f"({moment} + {us})"

    def moment_text(self, us: str) -> str:
        """Write a moment as it was written before; a remainder has the sign of what is divided."""
        part = f"((({us}) % 1000000 + 1000000) % 1000000)"
        whole = f"(({us}) - {part}) / 1000000"
        return f"(strftime('%Y-%m-%d %H:%M:%S', {whole}, 'unixepoch') || printf('.%06d', {part}))"

    def hex_of(self, key: str) -> str:
        """Write a key."""
        return f"lower(hex({key}))"

    def whole_text(self, short: str) -> str:
        """Write a UUID, or the text."""
        parts = " || '-' || ".join(f"substr(hex({short}), {start}, {length})" for start, length in _UUID_PARTS)
        return f"CASE typeof({short}) WHEN 'blob' THEN lower({parts}) ELSE {short} END"

    def address_text(self, address: str) -> str:
        """Write an address."""
        parts = " || '.' || ".join(f"(({address} >> {bits}) & 255)" for bits in (24, 16, 8, 0))
        return f"CASE typeof({address}) WHEN 'integer' THEN {parts} ELSE {address} END"

    def ms(self, duration: str) -> str:
        """Give milliseconds."""
        return f"CASE typeof({duration}) WHEN 'integer' THEN {duration} / 1000.0 ELSE {duration} END"

    def ms_of_us(self, us: str) -> str:
        """Give milliseconds of microseconds."""
        return f"{us} / 1000.0"

    def dollars(self, nano: str) -> str:
        """Give dollars."""
        return f"{nano} / 1000000000.0"


_UUID_PARTS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))


class _ContentOf:
    """Hashes the texts of a group, sorted."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def step(self, text: str) -> None:
        """Take one."""
        self._texts.add(text)

    def finalize(self) -> bytes:
        """Hash them."""
        return _content_key(*sorted(self._texts))


def _content_key(*values: str | int | None) -> bytes:
    """Hash values with their lengths, so that no two combinations are written alike."""
    texts = ("~" if value is None else f"{len(str(value))}:{value}" for value in values)
    return hashlib.sha256("".join(texts).encode()).digest()[:16]


def _key(text: str) -> bytes:
    return bytes.fromhex(text) if _HEX_KEY.fullmatch(text) else hashlib.sha256(text.encode()).digest()[:16]


def _short_text(text: str | None) -> str | bytes | None:
    return bytes.fromhex(text.replace("-", "")) if text is not None and _UUID.fullmatch(text) else text


def _us(text: str) -> int:
    span = datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def _ms(duration: float | None) -> float | None:
    if duration is None or not -(2**43) < duration < 2**43:
        return duration
    us = round(duration * 1000)
    return us if us / 1000 == duration else float(duration)


def _address(text: str | None) -> str | int | None:
    parts = list(map(int, text.split("."))) if text is not None and _IPV4.fullmatch(text) else [256]
    return text if max(parts) > 255 else int.from_bytes(bytes(parts), "big")  # noqa: PLR2004 - a byte
