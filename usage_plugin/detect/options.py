"""What is watched and told: limits with their reasons, from the settings or a caller."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Self

from usage_plugin.settings import Settings
from usage_plugin.store.read import Dimension

DIMENSIONS: Final = (
    Dimension.PROVIDER,
    Dimension.MODEL,
    Dimension.TEAM,
    Dimension.USER,
    Dimension.KEY,
    Dimension.PROJECT,
    Dimension.END_USER,
    Dimension.FEATURE,
    Dimension.TAG,
)
PAIRS: Final = ((Dimension.TEAM, Dimension.MODEL), (Dimension.KEY, Dimension.MODEL))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is watched and told."""

    members: int = 100
    """Members of each dimension that are watched, those with the most spend."""
    pairs: int = 10
    """Of the first dimension of a pair, so many members are watched by the second, by day."""
    paired: int = 5
    """And of the second, so many for each of them."""
    timed: int = 20
    """Providers and models whose latency is watched, each; latencies do not add up, so each is a question."""
    least_usd: float = 1.0
    """Dollars that must be at stake."""
    least_share: float = 0.2
    """And how far a series must be off, as a share of what was expected of it."""
    least_requests: int = 100
    """Of series without a known price: calls that they must be off by."""
    least_failed: int = 10
    """Requests that must have failed, or missed the cache, beyond what was expected."""
    false_share: float = 0.1
    """Share of alarms of one step that may be chance, by Benjamini and Hochberg: a budget, not a guarantee."""
    lookback: timedelta = timedelta(days=30)
    """What is older is not told when a database is looked at for the first time."""
    settles_after: timedelta = timedelta(minutes=3)
    """After its end an hour waits so long for calls that are on their way."""
    novelties: bool = True
    """Whether it is told what keys use for the first time."""
    addresses: bool = True
    """And from where."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take what the settings say."""
        return cls(
            members=settings.watched_members,
            least_usd=settings.anomaly_min_usd,
            least_share=settings.anomaly_min_share,
            addresses=settings.store_client_ip,
        )

    def looking_back(self, days: int | None) -> Self:
        """Tell of so many days; ``None`` leaves it as it is."""
        return self if days is None else replace(self, lookback=timedelta(days=days))
