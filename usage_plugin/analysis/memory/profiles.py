"""The profiles that are shipped: for dollars, tokens and calls by hour and by day, for what a call costs, for the rest.

Found by trying on generated spend (``make bench-detection``) and left where their neighbours do as well. Two rules hold
everywhere: thresholds are above those of a normal distribution, since a month has 720 hours and tails are heavy, and an
alarm is more than anything in the weeks before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from usage_plugin.analysis.memory.profile import Channel, Profile, Stabiliser, Volatility

_MINUTES_A_DAY = 24 * 60

SPEND_BY_HOUR: Final = Profile(
    name="spend by hour",
    day=24,
    stabiliser=Stabiliser.SQUARE_ROOT,
    by_weekend=True,
    by_week=True,
    day_bins=24,
    level=7 * 24,
    visits=6,
    scale=30 * 24,
    clip=3,
    floor=0.02,
    local=0.5,
    channels=(Channel(1, 5.0), Channel(3, 5.0), Channel(12, 5.0), Channel(48, 5.0)),
    small_sample=4,
    quietest=1.5,
    least=3 * 24,
    settled=7 * 24,
    learning=14 * 24,
    block=12,
    remember=30 * 24,
    margin=1.05,
    raised=1.25,
    gap=12,
)
SPEND_BY_DAY: Final = Profile(
    name="spend by day",
    day=1,
    stabiliser=Stabiliser.CUBE_ROOT,
    by_week=True,
    level=6,
    visits=6,
    scale=60,
    recent=1.5,
    clip=3,
    floor=0.03,
    channels=(Channel(1, 4.75), Channel(3, 4.75)),
    small_sample=3,
    quietest=2.5,
    least=21,
    settled=14,
    learning=21,
    block=1,
    remember=60,
    margin=1,
    raised=1.25,
    gap=2,
)
# What a call costs is a ratio of two noisy numbers: one day says little, three say whether prices or prompts changed.
PER_CALL_BY_DAY: Final = replace(
    SPEND_BY_DAY, name="per call by day", quietest=None, channels=(Channel(1, 8.0), Channel(3, 4.75))
)


def metric_every(minutes: int) -> Profile:
    """Make a profile for anything that is measured every so many minutes: latencies, error rates, queues.

    Args:
        minutes: Length of a bucket; divides a day.

    Raises:
        ValueError: A day is not a whole number of them.
    """
    if not 0 < minutes <= _MINUTES_A_DAY or _MINUTES_A_DAY % minutes:
        msg = f"a day is not a whole number of buckets of {minutes} minutes"
        raise ValueError(msg)
    day = _MINUTES_A_DAY // minutes
    if day == 1:
        return replace(SPEND_BY_DAY, name="every day", stabiliser=Stabiliser.NONE, quietest=None)
    six_hours = max(day // 4, 12)
    return Profile(
        name=f"every {minutes} minutes",
        day=day,
        stabiliser=Stabiliser.NONE,
        # A bin of a week is seen once a week: worth it where a week is not thousands of bins.
        by_week=day <= 48,  # noqa: PLR2004 - half hours
        day_bins=min(day, 96),
        level=max(2 * day, 7 * 24),
        visits=4,
        scale=max(4 * day, 14 * 24),
        clip=3,
        floor=0.02,
        channels=(Channel(1, 4.5), Channel(12, 4.5), Channel(72, 4.5)),
        volatility=Volatility(six_hours, max(4 * day, 14 * 24), 4.0),
        small_sample=4,
        least=max(int(0.4 * day), 48),
        settled=24,
        learning=max(int(0.65 * day), 7 * 24),
        block=six_hours,
        # Four weeks at least, and at least as many points as make twelve weeks of hours.
        remember=max(28 * day, 2016),
        margin=1.05,
        raised=5,
        gap=six_hours,
    )
