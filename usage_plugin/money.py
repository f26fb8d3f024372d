"""Dollars in, whole billionths of a dollar out, and back: exact on every database.

SQLite keeps NUMERIC as a float without a warning, so a column holds an integer of nano-dollars
and a generated column beside it shows dollars to people who write SQL.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal

NANO_PER_USD = 1_000_000_000
# BIGINT holds 9.2e18: a single cost above this is nonsense from upstream, and a sum keeps room.
MAX_COST_NANO_USD = 10**16
SMALLEST_PLACES = 9


def to_nano_usd(cost_usd: float | Decimal | str | None) -> int | None:
    """Round a cost in dollars to whole billionths; ``None`` when nobody could say.

    Args:
        cost_usd: Dollars; a float is read by its shortest decimal form, so 0.1 is 0.1.

    Returns:
        Nano-dollars, or ``None`` for ``None``, NaN, infinities, negative and absurd values.
    """
    if cost_usd is None or (isinstance(cost_usd, float) and not math.isfinite(cost_usd)):
        return None
    value = Decimal(repr(cost_usd)) if isinstance(cost_usd, float) else Decimal(cost_usd)
    if not value.is_finite():
        return None
    nano = int((value * NANO_PER_USD).to_integral_value(rounding=ROUND_HALF_EVEN))
    return nano if 0 <= nano <= MAX_COST_NANO_USD else None


def to_usd(cost_nano_usd: int | None) -> Decimal | None:
    """Turn nano-dollars into exact dollars; ``None`` stays ``None``."""
    return None if cost_nano_usd is None else Decimal(cost_nano_usd).scaleb(-9)


def rounded_usd(cost_nano_usd: int) -> str:
    """Write a cost for people, as `dollars` does."""
    return dollars(Decimal(cost_nano_usd).scaleb(-9))


def dollars(usd: Decimal) -> str:
    """Write dollars for people: to the cent from a dollar on, with three leading digits below."""
    size = abs(usd)
    digits = 2 if size == 0 else min(max(2 - size.adjusted(), 2), SMALLEST_PLACES)
    if round(size, digits) >= 1:
        digits = 2
    shown = round(size, digits)
    return f"{'-' if usd < 0 and shown else ''}${shown:,.{digits if shown else 2}f}"
