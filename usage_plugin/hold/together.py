"""Many events in, one event for each group out, with the sums of its calls: counted instead of dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from usage_plugin.event import Attribution, Cost, Timing, TokenCounts, UnitCounts, UsageEvent

_COUNTS = tuple(field.name for field in fields(TokenCounts) if field.name != "source")
_UNITS = tuple(field.name for field in fields(UnitCounts))
# Who made a call, as far as it has few values; end users and tags have any number.
_WHO = (
    "organization_id",
    "team_id",
    "team_alias",
    "user_id",
    "api_key_hash",
    "api_key_alias",
    "project_id",
    "feature",
    "environment",
)


def who_in_short(who: Attribution) -> Attribution:
    """Leave out what makes a caller one of any number."""
    return Attribution(**{name: getattr(who, name) for name in _WHO})


def known_caller(who: Attribution) -> Attribution:
    """Say who was refused, as far as the proxy knows; a key that it does not know can be anything."""
    known = (who.api_key_alias, who.team_id, who.user_id, who.organization_id)
    return who_in_short(who) if any(known) else Attribution()


def count_together(events: Sequence[UsageEvent], event_key: str) -> UsageEvent:
    """Add events up to one row; they agree in what is not added up, of which the first one's is taken.

    Args:
        events: At least one.
        event_key: The row's key.
    """
    first = events[0]
    return replace(
        first,
        event_key=event_key,
        calls=sum(event.calls for event in events),
        replaces=None,
        litellm_call_id=None,
        trace_id=None,
        session_id=None,
        timing=_timing(events),
        tokens=TokenCounts(source=first.tokens.source, **_sums((event.tokens for event in events), _COUNTS)),
        units=UnitCounts(**_sums((event.units for event in events), _UNITS)),
        cost=_cost(events),
    )


def _timing(events: Sequence[UsageEvent]) -> Timing:
    timed = [(event.timing.latency_ms, event.calls) for event in events if event.timing.latency_ms is not None]
    calls = sum(calls for _, calls in timed)
    return Timing(
        received_at=min(event.timing.received_at for event in events),
        started_at=min(event.timing.started_at for event in events),
        completed_at=max(event.timing.completed_at for event in events),
        latency_ms=sum(latency_ms * calls for latency_ms, calls in timed) / calls if timed else None,
    )


def _cost(events: Sequence[UsageEvent]) -> Cost:
    sums = _sums((event.cost for event in events), ("cost_nano_usd", "saved_cost_nano_usd", "adjustment_nano_usd"))
    first = events[0].cost
    prices = {event.cost.price for event in events}
    return Cost(
        confidence=first.confidence,
        unpriced_reason=first.unpriced_reason,
        price=first.price if len(prices) == 1 else None,
        **sums,
    )


def _sums(parts: Iterable[Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Add up each field; nothing known stays nothing."""
    sums: dict[str, Any] = dict.fromkeys(names)
    for part in parts:
        for name in names:
            value = getattr(part, name)
            if value is not None:
                sums[name] = value if sums[name] is None else sums[name] + value
    return sums
