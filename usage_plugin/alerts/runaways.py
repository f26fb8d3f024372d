"""Who runs away in, what somebody should hear of it out: expected, actual, dollars at stake, who drove it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from usage_plugin.alerts.finding import Finding, Severity, Source
from usage_plugin.analysis.why import Explanation, Story, Unit, explain, ranked, tell
from usage_plugin.analysis.why.words import TELLING
from usage_plugin.money import NANO_PER_USD, rounded_usd
from usage_plugin.rules.minutes import TOTAL, Scope
from usage_plugin.rules.runaway import Case
from usage_plugin.store import read
from usage_plugin.store.calendar import planned_events
from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.read import Question

DAY: Final = timedelta(days=1)
# What the others are that calls may be split by says little of who did it.
ASKED: Final = (
    Dimension.KEY,
    Dimension.USER,
    Dimension.TEAM,
    Dimension.MODEL,
    Dimension.FEATURE,
    Dimension.END_USER,
)


def runaway_findings(engine: Engine, cases: Iterable[Case], zone: ZoneInfo) -> list[Finding]:
    """Say who runs away; whoever a planned event is about does not.

    Args:
        engine: Of a migrated database, which tells who drove it.
        cases: Of the last minutes.
        zone: Whose wall clocks moments are told by.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    return [_finding(engine, case, zone) for case in cases if not _is_planned(engine, case)]


def _is_planned(engine: Engine, case: Case) -> bool:
    events = planned_events(engine, start=case.start, end=case.end)
    return any(each.dimension == TOTAL.dimension or Scope(each.dimension, each.member) == case.scope for each in events)


def _finding(engine: Engine, case: Case, zone: ZoneInfo) -> Finding:
    name = "All calls" if case.scope == TOTAL else f"{case.scope.dimension.capitalize()} “{case.label}”"
    times = "" if case.times is None else f", {case.times:,.0f} times as much as usual"
    rate = rounded_usd(case.per_hour_nano_usd)
    return Finding(
        source=Source.RUNAWAY,
        about=f"{case.scope.dimension} {case.scope.member}",
        severity=Severity.CRITICAL,
        title=f"{name} runs away: {rate} an hour{times}",
        body=f"{_story(engine, case, name, zone)} If it goes on, an hour of it costs {rate}.",
        since=case.start,
        dimension=case.scope.dimension,
        member=case.scope.member,
        label=case.label,
        details={
            "actual_usd": case.actual_nano_usd / NANO_PER_USD,
            "expected_usd": case.expected_nano_usd / NANO_PER_USD,
            "per_hour_usd": case.per_hour_nano_usd / NANO_PER_USD,
            "times": case.times,
            "requests": case.requests,
            "unpriced_requests": case.unpriced_requests,
            "started_at": case.start.isoformat(),
            "seen_to": case.end.isoformat(),
        },
        at_stake_nano_usd=case.excess_nano_usd,
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """The calls of a case, by one dimension."""

    explanation: Explanation
    labels: Mapping[str | None, str]
    largest: str | None
    """Who has half of what was spent or more."""


def _story(engine: Engine, case: Case, name: str, zone: ZoneInfo) -> str:
    looks = {each: _by(engine, case, each) for each in ASKED if each.value != case.scope.dimension}
    best = ranked(look.explanation for look in looks.values())[0]
    minutes = (case.end - case.start) // timedelta(minutes=1)
    lasts = f"{minutes} minutes" if minutes > 1 else "minute"
    story = Story(
        what=f"{name} in the {lasts} from {case.start.astimezone(zone):%H:%M} to {case.end.astimezone(zone):%H:%M}",
        unit=Unit.NANO_USD,
        expected=case.expected_nano_usd,
        actual=case.actual_nano_usd,
        # What has always been alike says nothing of who did it.
        explanation=best if best.score >= TELLING else None,
        labels=looks[Dimension(best.dimension)].labels,
        unpriced_calls=case.unpriced_requests,
    )
    who = ", ".join(f"{_word(each)} “{look.largest}”" for each, look in looks.items() if look.largest)
    mostly = f", mostly of {who}" if who else ""
    return f"{tell(story)} These were {case.requests:,} requests{mostly}."


def _word(dimension: Dimension) -> str:
    return dimension.value.replace("_", " ")


def _by(engine: Engine, case: Case, dimension: Dimension) -> _Look:
    """Ask what its calls have in common that those of the day before had not."""
    now = read.members(engine, _question(case, dimension, case.start, case.end))
    usual = read.members(engine, _question(case, dimension, _day_before(case.start), _hour(case.start)))
    explanation = explain(
        dimension.value,
        {member.value: usage.cost_nano_usd for member, usage in usual},
        {member.value: usage.cost_nano_usd for member, usage in now},
        expected_total=case.expected_nano_usd,
        actual_total=case.actual_nano_usd,
    )
    labels: dict[str | None, str] = {
        member.value: member.label for member, _ in (*usual, *now) if member.value is not None
    }
    member, usage = next(iter(now), (None, None))
    is_most = usage is not None and 2 * (usage.cost_nano_usd or 0) >= case.actual_nano_usd
    return _Look(explanation, labels, member.label if member is not None and is_most else None)


def _question(case: Case, dimension: Dimension, start: datetime, end: datetime) -> Question:
    mine: dict[str, Any] = {} if case.scope == TOTAL else {case.scope.dimension: (case.scope.member,)}
    return Question(start=start, end=end, group_by=dimension, **mine)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _day_before(moment: datetime) -> datetime:
    return _hour(moment) - DAY
