"""Text of a foreign file in; moments, counts, money and flags out, or a reason that names the field and the value."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from usage_plugin.capture.values import MAX_COUNT, MAX_EPOCH_S, MIN_EPOCH_S
from usage_plugin.money import to_nano_usd

# Epoch times are told apart by their size: seconds, milliseconds, microseconds, nanoseconds.
_EPOCH_UNITS = (1, 10**3, 10**6, 10**9)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"\d+(\.\d+)?")
_ZONE_NAMES = re.compile(r"\s*(UTC|GMT)$")
_TRUE = frozenset({"true", "t", "yes", "y", "1", "hit"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "none", "null", "miss", ""})
# Above, decimal arithmetic overflows or takes long.
_MAX_EXPONENT = 30
MAX_AHEAD = timedelta(days=1)
SHOWN = 60


def read_moment(name: str, value: Any, zone: tzinfo, now: datetime) -> datetime:
    """Read ISO text, epoch seconds (also milli-, micro- or nanoseconds) or a datetime as UTC.

    Args:
        name: Of the field, for the reason.
        value: What the source holds.
        zone: Where a moment without an offset was written down.
        now: The present; nothing happened later than a day after it.

    Raises:
        ValueError: It is no moment, or none at which a language model was called.
    """
    moment = value if isinstance(value, datetime) else _parse(name, str(value).strip())
    try:
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise wrong(name, value, "no moment of this age") from None
    if moment.timestamp() < MIN_EPOCH_S:
        raise wrong(name, value, "before the year 2000")
    if moment > now + MAX_AHEAD:
        raise wrong(name, value, "in the future")
    return moment


def _parse(name: str, written: str) -> datetime:
    if _NUMBER.fullmatch(written) and len(written) != len("20240131"):
        return _from_epoch(name, Decimal(written))
    try:
        return datetime.fromisoformat(_ZONE_NAMES.sub("+00:00", written))
    except ValueError:
        raise wrong(name, written, "no moment; write 2024-01-31 23:59:59 or epoch seconds") from None


def _from_epoch(name: str, number: Decimal) -> datetime:
    for unit in _EPOCH_UNITS:
        if MIN_EPOCH_S < number / unit < MAX_EPOCH_S:
            return _EPOCH + timedelta(microseconds=int(number * 10**6 / unit))
    raise wrong(name, number, "no epoch time")


def read_count(name: str, value: Any) -> int | None:
    """Read a whole number of at least 0; ``None`` for what is empty.

    Raises:
        ValueError: It is something else.
    """
    number = read_decimal(name, value)
    if number is None:
        return None
    if number != number.to_integral_value() or not 0 <= number <= MAX_COUNT:
        raise wrong(name, value, "no count")
    return int(number)


def read_decimal(name: str, value: Any) -> Decimal | None:
    """Read a number exactly; a float by its shortest decimal form; ``None`` for what is empty.

    Raises:
        ValueError: It is something else.
    """
    if is_empty(value):
        return None
    try:
        number = Decimal(repr(value) if isinstance(value, float) else str(value).strip())
    except InvalidOperation:
        raise wrong(name, value, "no number") from None
    if isinstance(value, bool) or not number.is_finite() or number.adjusted() > _MAX_EXPONENT:
        raise wrong(name, value, "no number")
    return number


def read_money(name: str, value: Any) -> int | None:
    """Read dollars as whole billionths; ``None`` for what is empty.

    Raises:
        ValueError: It is no amount that a call can cost.
    """
    number = read_decimal(name, value.strip().removeprefix("$") if isinstance(value, str) else value)
    if number is None:
        return None
    nano_usd = to_nano_usd(number)
    if nano_usd is None:
        raise wrong(name, value, "no amount in dollars that a call can cost")
    return nano_usd


def read_flag(name: str, value: Any) -> bool:
    """Read yes or no; what is empty is no.

    Raises:
        ValueError: It is neither.
    """
    written = "" if value is None else str(value).strip().lower()
    if written in _TRUE:
        return True
    if written in _FALSE:
        return False
    raise wrong(name, value, "neither true nor false")


def is_empty(value: Any) -> bool:
    """Tell a value that is not given."""
    return value is None or (isinstance(value, str) and not value.strip())


def wrong(name: str, value: Any, why: str) -> ValueError:
    """Word what is wrong with a value."""
    shown = str(value)
    return ValueError(f"{name}: {shown if len(shown) <= SHOWN else shown[:SHOWN] + '...'} is {why}")
