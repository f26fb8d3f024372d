"""A seed in, hourly requests, tokens and dollars of tenants out, with what is an anomaly and what only looks like one.

Everything is made of calls: how many of them a tenant makes in an hour, how many tokens a call has, what a thousand
tokens cost. So dollars have the noise that dollars have (a Poisson number of calls of log-normal size), and each event
changes the cause that it changes in life: a loop makes calls, a leak makes calls or lengthens prompts, a switch to a
dearer model changes the price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from usage_plugin.analysis.arrays import FloatArray

HOURS_A_DAY = 24
QUIET_DAYS = 30
"""No anomaly before: every detector may learn."""
LEAST_CALLS_OF_BUSY_HOUR = 4.0
"""An event adds as if the tenant's busy hour had as many calls: what three calls do nobody calls an anomaly."""


class Event(StrEnum):
    """What happens to a tenant that somebody wants to be told."""

    SPIKE_HOUR = "spike hour"
    SPIKE_DAY = "spike day"
    RUNAWAY = "runaway"
    DROP = "drop"
    LEAK = "leak"
    SWITCH = "switch"
    NIGHT = "night"


class Benign(StrEnum):
    """What changes spend and is no anomaly."""

    HOLIDAY = "holiday"
    LAUNCH = "launch"
    PRICE_CUT = "price cut"


@dataclass(frozen=True, slots=True)
class Label:
    """One event: hours ``start`` to ``end``, the last one excluded. A lasting change is news for seven days."""

    series: int
    event: Event
    start: int
    end: int
    share: float
    """By how much it moves the mean spend of a day, at most, as a share of what that day had been without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """Arrays of shape ``(tenant, hour)``."""

    cost_usd: FloatArray
    requests: FloatArray
    tokens: FloatArray
    labels: tuple[Label, ...]
    benign: tuple[tuple[int, Benign, int, int], ...]


@dataclass(slots=True)
class _Tenant:
    """Means by hour: calls of people, calls of machines, thousands of tokens per call, dollars per thousand."""

    calls: FloatArray
    machine_calls: FloatArray
    tokens: FloatArray
    price: FloatArray
    weekend: float = 1.0
    """What is left of the calls on a day off."""

    def copy(self) -> _Tenant:
        return replace(
            self,
            calls=self.calls.copy(),
            machine_calls=self.machine_calls.copy(),
            tokens=self.tokens.copy(),
            price=self.price.copy(),
        )

    @property
    def cost(self) -> FloatArray:
        return (self.calls + self.machine_calls) * self.tokens * self.price


def generate(seed: int, tenants: int, days: int = 120) -> Spend:
    """Make tenants of every size, with about 0.9 labelled events in a month each and half as many benign changes."""
    made = [_tenant(np.random.default_rng([seed, each]), each, days) for each in range(tenants)]
    stacked = {name: np.stack([one[0][name] for one in made]) for name in made[0][0]}
    return Spend(
        **stacked,
        labels=tuple(label for one in made for label in one[1]),
        benign=tuple(change for one in made for change in one[2]),
    )


_Made = tuple[dict[str, FloatArray], list[Label], list[tuple[int, Benign, int, int]]]


def _tenant(rng: np.random.Generator, series: int, days: int) -> _Made:
    tenant, busy = _ordinary(rng, days)
    places = _places(rng, days)
    benign = [_change(rng, tenant, series, start) for start, is_event in places if not is_event]
    labels = [_happen(rng, tenant, series, start, busy) for start, is_event in places if is_event]
    requests, tokens, cost = _calls(rng, tenant)
    return {"cost_usd": cost, "requests": requests, "tokens": tokens}, labels, benign


def _ordinary(rng: np.random.Generator, days: int) -> tuple[_Tenant, float]:
    """Give a tenant's rhythm, growth and scheduled jobs, and the calls of its busy hour."""
    hour = np.arange(days * HOURS_A_DAY)
    of_day, day = hour % HOURS_A_DAY, hour // HOURS_A_DAY
    middle, width = rng.uniform(10, 17), rng.uniform(2.5, 5)
    distance = np.abs((of_day - middle + 12) % HOURS_A_DAY - 12)
    night = rng.choice([0.01, 0.08, 0.3, 0.9], p=[0.3, 0.3, 0.25, 0.15])
    shape = night + (1 - night) * np.exp(-0.5 * (distance / width) ** 2)
    off = float(rng.choice([0.1, 0.35, 0.7, 1.0], p=[0.3, 0.3, 0.2, 0.2]))
    weekend = np.where(day % 7 >= 5, off, 1.0)
    size = np.exp(rng.uniform(np.log(2), np.log(200)))
    growth = (1 + rng.uniform(-0.02, 0.06)) ** (day / 7)
    mood = np.exp(rng.normal(0, rng.uniform(0.02, 0.13), days))[day]
    calls = size * shape * weekend * growth * mood
    if rng.random() < 0.25:
        calls = calls + size * rng.uniform(0.8, 2.5) * (
            (of_day == rng.integers(24)) & ((day % 7 == 0) | (rng.random() < 0.6))
        )
    wave = np.exp(rng.normal(0, 0.05, days))[day]
    ones = np.ones(hour.size)
    price = 10 ** rng.uniform(-4, -2)
    tenant = _Tenant(calls, 0 * ones, rng.uniform(0.5, 6) * wave, price * ones, off)
    return tenant, max(float(np.quantile(calls[: QUIET_DAYS * HOURS_A_DAY], 0.95)), LEAST_CALLS_OF_BUSY_HOUR)


def _places(rng: np.random.Generator, days: int) -> list[tuple[int, bool]]:
    """Choose days where something begins, none within 18 days of the next: two thirds of them anomalies."""
    places = []
    at = QUIET_DAYS + int(rng.integers(0, 10))
    while at < days - 15:
        places.append((at * HOURS_A_DAY, bool(rng.random() < 0.68)))
        at += 18 + int(rng.integers(0, 7))
    return places


def _change(rng: np.random.Generator, tenant: _Tenant, series: int, start: int) -> tuple[int, Benign, int, int]:
    what = rng.choice(list(Benign))
    if what == "holiday":
        end = start + HOURS_A_DAY * int(rng.integers(1, 4))
        day = np.arange(start, end) // HOURS_A_DAY
        tenant.calls[start:end] *= np.where(day % 7 >= 5, 1.0, min(tenant.weekend * rng.uniform(0.7, 1.5), 1.0))
    elif what == "launch":
        end = start + HOURS_A_DAY * int(rng.integers(5, 15))
        ramp = np.clip((np.arange(tenant.calls.size) - start) / (end - start), 0, 1)
        tenant.calls *= 1 + ramp * rng.uniform(0.3, 1.2)
    else:
        start += int(rng.integers(8, 18))
        end = start + 1
        tenant.price[start:] *= rng.uniform(0.5, 0.85)
    return series, Benign(what), start, end


def _happen(rng: np.random.Generator, tenant: _Tenant, series: int, start: int, busy: float) -> Label:
    event = Event(rng.choice(list(Event)))
    quiet_nights = tenant.calls[start : start + 6].mean() < 0.25 * busy
    if event is Event.NIGHT and not quiet_nights:
        event = Event.RUNAWAY
    if event is Event.DROP and tenant.calls[start - 168 : start].sum() < 7 * 40:
        event = Event.SWITCH
    before = tenant.cost
    first, end = _EVENTS[event](rng, tenant, start, busy)
    end = min(end, before.size)
    return Label(series, event, first, end, _largest_share(before, tenant.cost, first, end))


def _spike_hour(rng: np.random.Generator, tenant: _Tenant, start: int, busy: float) -> tuple[int, int]:
    at = start + int(rng.integers(0, 24))
    tenant.machine_calls[at] += busy * rng.uniform(3, 10)
    return at, at + 1


def _spike_day(rng: np.random.Generator, tenant: _Tenant, start: int, busy: float) -> tuple[int, int]:
    end = start + HOURS_A_DAY
    tenant.calls[start:end] *= rng.uniform(2, 4)
    tenant.machine_calls[start + 8 : start + 20] += 0.5 * busy
    return start, end


def _runaway(rng: np.random.Generator, tenant: _Tenant, start: int, busy: float) -> tuple[int, int]:
    first = start + int(rng.integers(0, 24))
    end = first + int(rng.integers(3, 14))
    tenant.machine_calls[first:end] += busy * rng.uniform(0.8, 4)
    return first, end


def _drop(rng: np.random.Generator, tenant: _Tenant, start: int, busy: float) -> tuple[int, int]:
    first = start + int(rng.integers(6, 12))
    end = first + int(rng.integers(12, 60))
    tenant.calls[first:end] = 0
    return first, end


def _leak(rng: np.random.Generator, tenant: _Tenant, start: int, busy: float) -> tuple[int, int]:
    end = start + HOURS_A_DAY * int(rng.integers(6, 15))
    ramp = (np.arange(end - start) + 1) / (end - start)
    rise = rng.uniform(0.8, 2.5)
    if rng.random() < 0.5:
        tenant.tokens[start:end] *= 1 + ramp * rise
    else:
        tenant.machine_calls[start:end] += ramp * rise * max(tenant.calls[start - 168 : start].mean(), 1.0)
    return start, end


def _switch(rng: np.random.Generator, tenant: _Tenant, start: int, busy: float) -> tuple[int, int]:
    first = start + int(rng.integers(8, 18))
    tenant.price[first:] *= rng.uniform(1.8, 5)
    return first, first + 7 * HOURS_A_DAY


def _night(rng: np.random.Generator, tenant: _Tenant, start: int, busy: float) -> tuple[int, int]:
    nights = int(rng.integers(2, 8))
    extra = busy * rng.uniform(0.4, 1.2)
    for night in range(nights):
        tenant.machine_calls[start + night * HOURS_A_DAY : start + night * HOURS_A_DAY + 6] += extra
    return start, start + (nights - 1) * HOURS_A_DAY + 6


_EVENTS = {
    Event.SPIKE_HOUR: _spike_hour,
    Event.SPIKE_DAY: _spike_day,
    Event.RUNAWAY: _runaway,
    Event.DROP: _drop,
    Event.LEAK: _leak,
    Event.SWITCH: _switch,
    Event.NIGHT: _night,
}


def _calls(rng: np.random.Generator, tenant: _Tenant) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw calls, each with its size."""
    shape = rng.uniform(6, 60)
    people = tenant.calls * rng.gamma(shape, 1 / shape, tenant.calls.size)
    requests = rng.poisson(people + tenant.machine_calls)
    spread = rng.uniform(0.3, 1.1)
    sizes = np.exp(rng.normal(-spread * spread / 2, spread, int(requests.sum())))
    of_hour = np.repeat(np.arange(requests.size), requests)
    tokens = np.bincount(of_hour, sizes, requests.size) * tenant.tokens
    return requests.astype(np.float64), tokens * 1000, tokens * tenant.price


def _largest_share(before: FloatArray, after: FloatArray, start: int, end: int) -> float:
    first, last = start // HOURS_A_DAY, (end - 1) // HOURS_A_DAY + 1
    days = slice(first * HOURS_A_DAY, last * HOURS_A_DAY)
    usual, actual = (values[days].reshape(-1, HOURS_A_DAY).sum(1) for values in (before, after))
    # A quiet day counts as half of an ordinary one at least: twice a Sunday's dollars are few.
    week = before[max(days.start - 168, 0) : days.start].sum() / 7
    return float(np.max(np.abs(actual - usual) / np.maximum(usual, week / 2)))


def material(spend: Spend, least: float = 0.5) -> tuple[Label, ...]:
    """Keep the events that move at least one day's mean by *least*: the others are no news for who looks at days."""
    return tuple(label for label in spend.labels if label.share >= least)


def by_day(values: FloatArray) -> FloatArray:
    """Add hours up to days."""
    days: FloatArray = values.reshape(len(values), -1, HOURS_A_DAY).sum(2)
    return days


def day_labels(labels: Sequence[Label]) -> tuple[Label, ...]:
    """Name the days that events touch."""
    return tuple(
        Label(each.series, each.event, each.start // HOURS_A_DAY, (each.end - 1) // HOURS_A_DAY + 1, each.share)
        for each in labels
    )
