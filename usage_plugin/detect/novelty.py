"""What keys used in, what they never used before out: models, providers, programs, networks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final

from usage_plugin.detect.options import Options
from usage_plugin.detect.scan import Setting
from usage_plugin.detect.times import closed_until, recorded
from usage_plugin.store import read
from usage_plugin.store.analysis_tables import KnownUse
from usage_plugin.store.known_use import known_uses
from usage_plugin.store.read import Granularity, Use
from usage_plugin.store.series_states import stepped_to

PROFILE: Final = "novelty"
LEARNS_FROM: Final = timedelta(days=30)
"""How far it looks back at first: the time is read call by call."""
SETTLED: Final = timedelta(days=14)
"""A key that is younger is still finding out what it uses."""
LEAST_CALLS: Final = 100
"""And so is one with fewer calls."""
USUAL: Final = {"model": 8, "provider": 4, "user_agent": 4, "client_ip": 3}
"""A key that used more than so many before uses whatever there is: one more is no news."""
MOST_KEPT: Final = 50
_PRODUCT: Final = re.compile(r"\s*([^/\s]+)(?:/v?(\d+))?")
_NETWORK_BITS: Final = {4: 24, 6: 48}
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class Novelties:
    """What was new, and all that is known now."""

    until: datetime
    new: tuple[Use, ...] = ()
    known: tuple[KnownUse, ...] = ()
    """What changed of it."""


def novelties(setting: Setting) -> Novelties | None:
    """Look at what keys used since the last look; ``None`` where no hour is over since.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    if not setting.options.novelties:
        return None
    end = closed_until(Granularity.HOUR, recorded(setting.engine, setting.now, setting.options), setting.zone)
    start = stepped_to(setting.engine, PROFILE) or Granularity.HOUR.floor(end - LEARNS_FROM, setting.zone)
    if start >= end:
        return None
    known, new = _Known(), list[Use]()
    for begin, stop in _days(setting, start, end):
        uses = [reduced(use) for use in read.uses(setting.engine, begin, stop) if _counts(use, setting.options)]
        known.recall(known_uses(setting.engine, {use.key for use in uses} - known.keys))
        new += [use for use in _together(uses) if known.learn(use) and begin >= setting.now - setting.options.lookback]
    return Novelties(end, tuple(new), tuple(known.changed.values()))


def reduced(use: Use) -> Use:
    """Keep of a value what is not new with each release or each room: a program's main version, a network."""
    if use.attribute == "user_agent":
        return replace(use, value=program(use.value))
    return replace(use, value=network(use.value)) if use.attribute == "client_ip" else use


def program(user_agent: str) -> str:
    """Name a program and its main version: ``OpenAI/Python 2.9.0`` is ``OpenAI/Python``, ``curl/8.5.0`` ``curl/8``."""
    found = _PRODUCT.match(user_agent)
    if found is None:
        return ""
    name, version = found.groups()
    rest = user_agent[found.end() :] if version is None else ""
    word = re.match(r"/([^\s\d/]+)", rest)
    return f"{name}/{version or (word[1] if word else '')}".rstrip("/")[:_LONGEST]


def network(address: str) -> str:
    """Give the network of an address: 256 neighbours, or a site of IPv6; what is no address stays as it is."""
    try:
        version = ip_address(address).version
        return str(ip_network(f"{address}/{_NETWORK_BITS[version]}", strict=False))
    except ValueError:
        return address[:_LONGEST]


@dataclass(slots=True)
class _Known:
    """What keys have used so far."""

    uses: dict[tuple[str, str, str], KnownUse] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    changed: dict[tuple[str, str, str], KnownUse] = field(default_factory=dict)
    values: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many values each attribute of a key had."""
    begun: dict[str, datetime] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def recall(self, stored: Iterable[KnownUse]) -> None:
        """Take in what is kept."""
        for use in stored:
            self._add(use)

    def learn(self, use: Use) -> bool:
        """Take in a use; says whether it is news."""
        self.keys.add(use.key)
        place = (use.key, use.attribute, use.value)
        before = self.uses.get(place)
        if before is not None:
            before.calls += use.calls
            before.last_used_at = max(before.last_used_at, use.last_used_at)
            self._count(use.key, use.attribute, use.calls)
            self.changed[place] = before
            return False
        is_news = self._is_news(use)
        if self.values.get((use.key, use.attribute), 0) < MOST_KEPT:
            self.changed[place] = KnownUse(
                api_key_hash=use.key,
                attribute=use.attribute,
                value=use.value,
                first_used_at=use.first_used_at,
                last_used_at=use.last_used_at,
                calls=use.calls,
            )
            self._add(self.changed[place])
        return is_news

    def _is_news(self, use: Use) -> bool:
        begun = self.begun.get(use.key)
        if begun is None or begun > use.first_used_at - SETTLED or self.calls.get(use.key, 0) < LEAST_CALLS:
            return False
        return 0 < self.values.get((use.key, use.attribute), 0) <= USUAL[use.attribute]

    def _add(self, use: KnownUse) -> None:
        key, attribute = use.api_key_hash, use.attribute
        self.keys.add(key)
        self.uses[key, attribute, use.value] = use
        self.values[key, attribute] = self.values.get((key, attribute), 0) + 1
        self.begun[key] = min(self.begun.get(key, use.first_used_at), use.first_used_at)
        self._count(key, attribute, use.calls)

    def _count(self, key: str, attribute: str, calls: int) -> None:
        """Count calls by one attribute: each call has a model, not each an address."""
        if attribute == "model":
            self.calls[key] = self.calls.get(key, 0) + calls


def _days(setting: Setting, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        stop = min(Granularity.DAY.after(start, setting.zone), end)
        yield start, stop
        start = stop


def _counts(use: Use, options: Options) -> bool:
    return options.addresses or use.attribute != "client_ip"


def _together(uses: Iterable[Use]) -> list[Use]:
    """Put what is reduced to the same together, in order of first use."""
    found = dict[tuple[str, str, str], Use]()
    for use in uses:
        place = (use.key, use.attribute, use.value)
        other = found.get(place)
        found[place] = use if other is None else _sum(other, use)
    return sorted(found.values(), key=lambda use: (use.first_used_at, use.key, use.attribute, use.value))


def _sum(one: Use, other: Use) -> Use:
    costs = [each.cost_nano_usd for each in (one, other) if each.cost_nano_usd is not None]
    return replace(
        one,
        calls=one.calls + other.calls,
        cost_nano_usd=sum(costs) if costs else None,
        first_used_at=min(one.first_used_at, other.first_used_at),
        last_used_at=max(one.last_used_at, other.last_used_at),
    )
