"""Python values in, the same values out of SQLite and PostgreSQL: UTC moments, exact integers, and texts kept short.

SQLite keeps a value in as many bytes as it needs, so there a moment is a number and an id that is a UUID its 16 bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Float, Integer, LargeBinary, String
from sqlalchemy.types import TypeDecorator, TypeEngine

# SQLite numbers a primary key by itself only where its type is exactly INTEGER.
BigIntKey = BigInteger().with_variant(Integer(), "sqlite")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_UUID_LENGTH, _UUID_DIGITS, _UUID_DASHES = 36, 32, (8, 13, 18, 23)
_HEX_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)
_IPV4 = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}", re.ASCII)
_US_PER_MS = 1000
_EXACT = 2**53
_ADDRESSES_KEPT = 4096
END_BYTES = 4
"""Of a UUID in an index: they tell apart what is random, and the call's row says the rest."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: ``timestamptz`` on PostgreSQL, naive UTC text with microseconds on SQLite.

    A plain ``DateTime`` drops the offset on SQLite, and a naive value would mean another moment on each machine;
    so naive values are refused and what comes out is always timezone-aware.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware moment into what the database keeps."""
        if value is None:
            return None
        in_utc = _aware(value).astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give an aware moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC: ``timestamptz`` on PostgreSQL, microseconds since 1970 on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose what the database keeps."""
        return BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        """Turn an aware moment into what the database keeps."""
        if value is None:
            return None
        return microseconds(_aware(value)) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: datetime | int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give an aware moment in UTC."""
        if value is None:
            return None
        return _EPOCH + timedelta(microseconds=value) if isinstance(value, int) else value.astimezone(UTC)


class HexKey(TypeDecorator[str]):
    """A hash of 32 hexadecimal digits, kept as its 16 bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Give the bytes; any other text gives some that no key has."""
        if value is None:
            return None
        return bytes.fromhex(value) if _HEX_KEY.fullmatch(value) else b"no key"

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Give the digits."""
        return None if value is None else bytes(value).hex()


class CompactText(TypeDecorator[str]):
    """A text that often is a UUID: on SQLite such a one is kept as its 16 bytes."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose what the database keeps."""
        return _Untouched() if dialect.name == "sqlite" else String()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | bytes | None:
        """Turn a text into what the database keeps."""
        return value if value is None or dialect.name != "sqlite" else compact_text(value)

    def process_result_value(self, value: str | bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Give the text."""
        if not isinstance(value, bytes):
            return value
        digits = value.hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class CompactEnd(CompactText):
    """What an index of SQLite keeps of a text that often is a UUID: of a UUID its last bytes, other texts whole."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | bytes | None:
        """Cut what the database keeps."""
        kept = super().process_bind_param(value, dialect)
        return kept[-END_BYTES:] if isinstance(kept, bytes) else kept


class Milliseconds(TypeDecorator[float]):
    """A duration: on SQLite whole microseconds are kept as an integer of them."""

    impl = Float
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose what the database keeps."""
        return _Untouched() if dialect.name == "sqlite" else Float()

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        """Turn a duration into what the database keeps."""
        return value if value is None or dialect.name != "sqlite" else compact_ms(value)

    def process_result_value(self, value: float | None, dialect: Dialect) -> float | None:
        """Give milliseconds."""
        is_us = dialect.name == "sqlite" and isinstance(value, int)
        return value / _US_PER_MS if is_us and value is not None else value


class Address(TypeDecorator[str]):
    """A client's address: on SQLite one of IPv4 is kept as a number."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose what the database keeps."""
        return _Untouched() if dialect.name == "sqlite" else String()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | int | None:
        """Turn an address into what the database keeps."""
        return value if value is None or dialect.name != "sqlite" else compact_address(value)

    def process_result_value(self, value: str | int | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Give the address."""
        return str(IPv4Address(value)) if isinstance(value, int) else value


class _Untouched(LargeBinary):
    """A column of SQLite that keeps integers, floats, texts and bytes as they come."""

    def bind_processor(self, dialect: Dialect) -> None:
        """Leave the value as it is."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """Leave the value as it is."""


def microseconds(moment: datetime) -> int:
    """Count microseconds since 1970; a float of seconds would not hold them."""
    return microseconds_of([moment])[0]


def microseconds_of(moments: Iterable[datetime]) -> list[int]:
    """Give `microseconds` of each."""
    return spans_us([moment - _EPOCH for moment in moments])


def spans_us(spans: Iterable[timedelta]) -> list[int]:
    """Count the microseconds of spans; dividing each takes three times as long."""
    return [(span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds for span in spans]


def compact_text(value: str) -> str | bytes:
    """Give the bytes of a UUID, and any other text as it is."""
    return bytes.fromhex(value.replace("-", "")) if _UUID.fullmatch(value) else value


def compact_texts(values: Sequence[str]) -> Sequence[str | bytes]:
    """Give `compact_text` of each; where all are UUIDs, as ids mostly are, in a quarter of the time."""
    text, count = "".join(values), len(values)
    digits = text.replace("-", "")
    are_alike = set(map(len, values)) == {_UUID_LENGTH} and len(digits) == count * _UUID_DIGITS
    if are_alike and all(text[place::_UUID_LENGTH] == "-" * count for place in _UUID_DASHES):
        with suppress(ValueError):
            found = bytes.fromhex(digits)
            if found.hex() == digits:
                return [found[place : place + 16] for place in range(0, len(found), 16)]
    return list(map(compact_text, values))


def compact_ms(value: float) -> float:
    """Give microseconds where the duration has no part of one, and else the milliseconds as a float."""
    us = value * _US_PER_MS
    if not -_EXACT < us < _EXACT:
        return float(value)
    whole = round(us)
    return whole if whole / _US_PER_MS == value else float(value)


@lru_cache(_ADDRESSES_KEPT)
def compact_address(value: str) -> str | int:
    """Give the number of an IPv4 address as it is commonly written, and any other text as it is."""
    if not _IPV4.fullmatch(value):
        return value
    first, second, third, fourth = map(int, value.split("."))
    number = ((first << 8 | second) << 8 | third) << 8 | fourth
    return number if max(first, second, third, fourth) < 256 and str(IPv4Address(number)) == value else value  # noqa: PLR2004


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        msg = f"{value!r} has no time zone; usage is stored in UTC"
        raise ValueError(msg)
    return value
