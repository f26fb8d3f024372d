"""What is known of an anomaly in, sentences that a person understands out: what, how much, who and through what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from usage_plugin.analysis.why.members import Contribution, Explanation, Name, Standing
from usage_plugin.analysis.why.terms import Terms
from usage_plugin.money import rounded_usd

TELLING = 0.1
"""A dimension with a lower score says only that all changed alike."""
WORTH_SAYING = 0.05
"""Terms that are less of all terms' sizes than this are left unsaid."""
NAMED = 3
LONGEST_NAME = 60
FEW = 10_000
"""Counts from here on are rounded to three digits."""
TWICE = 2
"""From so many times on, times are said instead of percent."""
WHOLE_TIMES = 10

_TERMS: Final = {
    "volume": ("more calls", "fewer calls"),
    "mix": ("dearer models", "cheaper models"),
    "tokens_per_call": ("more tokens per call", "fewer tokens per call"),
    "price": ("higher prices", "lower prices"),
    "other": ("all else", "all else"),
}
"""What each term is called above and below 0."""


class Unit(StrEnum):
    """What is counted."""

    NANO_USD = "nano_usd"
    REQUESTS = "requests"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that is told of an anomaly; amounts are whole numbers of the unit."""

    what: str
    """Begins the first sentence: ``Cost of team search on 3 November``."""
    unit: Unit
    expected: int
    actual: int
    at_stake_nano_usd: int | None = None
    """Dollars that the change costs where the unit is no money, below 0 where they are saved."""
    explanation: Explanation | None = None
    """That of the best dimension, in the unit."""
    labels: Mapping[Name, str] = field(default_factory=dict)
    """How people call the members; the others have their own names."""
    terms: Terms | None = None
    unpriced_calls: int = 0


def tell(story: Story) -> str:
    """Write a story down: one line of sentences with units and rounded amounts."""
    parts = (_what(story), _at_stake(story), _who(story), _through(story), unpriced_words(story.unpriced_calls))
    return " ".join(part for part in parts if part)


def _what(story: Story) -> str:
    actual, expected = (_amount(each, story.unit) for each in (story.actual, story.expected))
    change = story.actual - story.expected
    if not change:
        return f"{story.what}: {actual}, as expected."
    off = f"{_amount(abs(change), story.unit)} {'more' if change > 0 else 'less'}{_times(story)}"
    were = "was" if story.unit is Unit.NANO_USD or abs(story.expected) <= 1 else "were"
    return f"{story.what}: {actual} where {expected} {were} expected, {off}."


def _times(story: Story) -> str:
    if story.expected <= 0 or story.actual <= 0:
        return ""
    ratio = story.actual / story.expected
    if ratio >= TWICE:
        return f" ({ratio:,.{0 if ratio >= WHOLE_TIMES else 1}f} times as much)"
    return f" ({ratio - 1:+.0%})"


def _at_stake(story: Story) -> str:
    if not story.at_stake_nano_usd or story.unit is Unit.NANO_USD:
        return ""
    said = "costs" if story.at_stake_nano_usd > 0 else "saves"
    return f"That {said} {rounded_usd(abs(story.at_stake_nano_usd))}."


def _who(story: Story) -> str:
    best = story.explanation
    if best is None or not best.change:
        return ""
    drivers = best.drivers if best.score >= TELLING else ()
    if not drivers:
        return "Nobody in particular drove it."
    share = _share(sum(each.change for each in drivers) / best.change)
    if len(drivers) > 1:
        return f"{_several(story, best.dimension, drivers)} drove it: {share}."
    one = drivers[0]
    instead = "" if one.expected == 0 else f" instead of {_amount(one.expected, story.unit)}"
    name = _capital(_name(story, best.dimension, one) + _standing(one))
    return f"{name} drove it: {_amount(one.actual, story.unit)}{instead}, {share}."


def _several(story: Story, dimension: str, drivers: tuple[Contribution, ...]) -> str:
    named = [
        f"{_name(story, dimension, each)} ({_signed(each.change, story.unit)}{_new(each)})" for each in drivers[:NAMED]
    ]
    if len(drivers) > NAMED:
        named.append(f"{len(drivers) - NAMED} more")
    return _capital(f"{', '.join(named[:-1])} and {named[-1]}")


def _new(driver: Contribution) -> str:
    return ", new" if driver.standing is Standing.NEW else ""


def _standing(driver: Contribution) -> str:
    if driver.standing is Standing.NEW:
        return ", never seen before,"
    return ", gone now," if driver.standing is Standing.VANISHED else ""


def _name(story: Story, dimension: str, driver: Contribution) -> str:
    word = dimension.replace("_", " ")
    name = story.labels.get(driver.member, driver.member)
    return f"calls without a {word}" if name is None else f"{word} “{_tidy(name)}”"


def _tidy(name: str) -> str:
    """Keep what clients may have sent on one line, and short."""
    line = " ".join("".join(each if each.isprintable() else " " for each in name).split())
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"


def _share(share: float) -> str:
    percent = round(share * 100)
    if percent > 100:  # noqa: PLR2004 - percent
        return "more than all of the change, since others went the other way"
    return "all of the change" if percent == 100 else f"{percent}% of the change"  # noqa: PLR2004 - percent


def _through(story: Story) -> str:
    if story.terms is None:
        return ""
    sizes = sum(map(abs, story.terms))
    said = [
        f"{_TERMS[name][amount < 0]} {_signed(amount, Unit.NANO_USD)}"
        for name, amount in sorted(story.terms._asdict().items(), key=lambda term: -abs(term[1]))
        if amount and abs(amount) >= WORTH_SAYING * sizes
    ]
    return f"In dollars: {', '.join(said)}." if said else ""


def unpriced_words(calls: int) -> str:
    """Say how many calls a cost does not hold; nothing where it holds all."""
    if not calls:
        return ""
    if calls == 1:
        return "1 call without a known price is not in it."
    return f"{calls:,} calls without a known price are not in it."


def _amount(amount: int, unit: Unit) -> str:
    if amount == 0:
        return "nothing"
    if unit is Unit.NANO_USD:
        return rounded_usd(amount)
    rounded = amount if abs(amount) < FEW else round(amount, 3 - len(str(abs(amount))))
    return f"{rounded:,} {unit.value[:-1] if abs(amount) == 1 else unit.value}"


def _signed(amount: int, unit: Unit) -> str:
    return f"{'+' if amount > 0 else ''}{_amount(amount, unit)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
