"""For tests of ours and yours: events made of what a test is about, and a clock that moves when told."""

from __future__ import annotations

import itertools
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from usage_plugin.event import (
    Attribution,
    Cost,
    CostConfidence,
    Failure,
    Status,
    Timing,
    TokenCounts,
    TokensSource,
    UnitCounts,
    UsageEvent,
)
from usage_plugin.money import to_nano_usd

__all__ = ["FakeClock", "make_event"]

_serial = itertools.count(1)
_EPOCH = datetime(2026, 1, 5, 12, tzinfo=UTC)


class FakeClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now: datetime = _EPOCH) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Give the present moment."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.now += timedelta(seconds=seconds)


def make_event(**overrides: Any) -> UsageEvent:
    """Make a successful chat call of 1,000 prompt and 100 completion tokens that cost $0.001.

    Args:
        **overrides: Any field of UsageEvent or of its parts, flat; also ``cost_usd`` (dollars),
            ``confidence`` and ``tokens_source``. Tokens that are not named go to the plain categories.

    Raises:
        TypeError: A name is no field of any part.
    """
    given = dict(overrides)
    values: dict[str, Any] = {
        "timing": _timing(given),
        "tokens": _tokens(given),
        "cost": _cost(given),
        "who": Attribution(**_take(given, Attribution)),
        "failure": Failure(**_take(given, Failure)),
        "units": UnitCounts(**_take(given, UnitCounts)),
    }
    defaults = {"event_key": f"{next(_serial):032x}", "call_type": "acompletion", "status": Status.SUCCESS}
    names = {"provider": "openai", "model": "gpt-4o-mini", "model_group": "gpt-4o-mini"}
    return UsageEvent(**{**defaults, **names, **values, **given})


def _take(given: dict[str, Any], kind: type) -> dict[str, Any]:
    return {field.name: given.pop(field.name) for field in fields(kind) if field.name in given}


def _timing(given: dict[str, Any]) -> Timing:
    named = _take(given, Timing)
    completed_at = named.setdefault("completed_at", _EPOCH)
    latency_ms = named.setdefault("latency_ms", 1000.0)
    named.setdefault("received_at", completed_at - timedelta(milliseconds=latency_ms or 0))
    named.setdefault("started_at", named["received_at"])
    return Timing(**named)


def _tokens(given: dict[str, Any]) -> TokenCounts:
    source = TokensSource(given.pop("tokens_source", TokensSource.PROVIDER))
    named = _take(given, TokenCounts)
    if source is TokensSource.NONE:
        return TokenCounts()
    prompt = named.setdefault("prompt_tokens", 1000)
    completion = named.setdefault("completion_tokens", 100)
    named.setdefault("total_tokens", prompt + completion)
    categories = {field.name for field in fields(TokenCounts) if field.name.startswith(("input_", "output_"))}
    inputs = sum(named.get(name, 0) for name in categories if name.startswith("input_"))
    outputs = sum(named.get(name, 0) for name in categories if name.startswith("output_"))
    named.setdefault("input_uncached_tokens", prompt - inputs)
    named.setdefault("output_text_tokens", completion - outputs)
    return TokenCounts(source=source, **{**dict.fromkeys(categories, 0), **named})


def _cost(given: dict[str, Any]) -> Cost:
    named = _take(given, Cost)
    cost_usd = given.pop("cost_usd", Decimal("0.001"))
    named.setdefault("cost_nano_usd", to_nano_usd(cost_usd))
    known = named["cost_nano_usd"] is not None
    named.setdefault("confidence", CostConfidence.EXACT if known else CostConfidence.UNPRICED)
    return Cost(**named)
