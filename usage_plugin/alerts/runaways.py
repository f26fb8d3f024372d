"""Who runs away in, what somebody should hear of it out: expected, actual, dollars at stake, who drove it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from usage_plugin.alerts.finding import Finding, Severity, Source
from usage_plugin.analysis.why import Explanation, Story, Unit, explain, ranked, tell
from usage_plugin.analysis.why.words import TELLING
from usage_plugin.money import NANO_PER_USD, rounded_usd
from usage_plugin.rules.minutes import TOTAL, Measured, Scope
from usage_plugin.rules.runaway import Case
from usage_plugin.store import read
from usage_plugin.store.calendar import planned_events
from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.read import Question, Usage

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
    rate, further = _WORDS[case.by](case)
    return Finding(
        source=Source.RUNAWAY,
        about=f"{case.scope.dimension} {case.scope.member}",
        severity=Severity.CRITICAL,
        title=f"{name} runs away: {rate}{times}",
        body=f"{_story(engine, case, name, zone)} {further}",
        since=case.start,
        dimension=case.scope.dimension,
        member=case.scope.member,
        label=case.label,
        details={
            **_amounts(case),
            "times": case.times,
            "requests": case.requests,
            "unpriced_requests": case.unpriced_requests,
            "started_at": case.start.isoformat(),
            "seen_to": case.end.isoformat(),
        },
        at_stake_nano_usd=_nano_usd(case.excess) if case.by is Measured.DOLLARS else None,
    )


def _in_dollars(case: Case) -> tuple[str, str]:
    rate = rounded_usd(_nano_usd(case.per_hour))
    return f"{rate} an hour", f"If it goes on, an hour of it costs {rate}."


def _in_requests(case: Case) -> tuple[str, str]:
    rate = f"{case.per_hour:,.0f} requests"
    known = f", besides {rounded_usd(case.spent_nano_usd)} for others" if case.spent_nano_usd else ""
    further = f"Their price is unknown: nobody can say what they cost{known}. If it goes on, an hour of it is {rate}."
    return f"{rate} an hour without a known price", further


_WORDS: Final[Mapping[Measured, Callable[[Case], tuple[str, str]]]] = {
    Measured.DOLLARS: _in_dollars,
    Measured.UNPRICED: _in_requests,
}


def _amounts(case: Case) -> Mapping[str, float]:
    unit = "_usd" if case.by is Measured.DOLLARS else ""
    return {f"actual{unit}": case.actual, f"expected{unit}": case.expected, f"per_hour{unit}": case.per_hour}


def _nano_usd(dollars: float) -> int:
    return round(dollars * NANO_PER_USD)


@dataclass(frozen=True, slots=True)
class _Look:
    """The calls of a case, by one dimension."""

    explanation: Explanation
    labels: Mapping[str | None, str]
    largest: str | None
    """Who has half of what was spent, or of these calls, or more."""


def _story(engine: Engine, case: Case, name: str, zone: ZoneInfo) -> str:
    looks = {each: _by(engine, case, each) for each in ASKED if each.value != case.scope.dimension}
    best = ranked(look.explanation for look in looks.values())[0]
    minutes = (case.end - case.start) // timedelta(minutes=1)
    lasts = f"{minutes} minutes" if minutes > 1 else "minute"
    is_money = case.by is Measured.DOLLARS
    story = Story(
        what=f"{name} in the {lasts} from {case.start.astimezone(zone):%H:%M} to {case.end.astimezone(zone):%H:%M}",
        unit=Unit.NANO_USD if is_money else Unit.REQUESTS,
        expected=_whole(case, case.expected),
        actual=_whole(case, case.actual),
        # What has always been alike says nothing of who did it.
        explanation=best if best.score >= TELLING else None,
        labels=looks[Dimension(best.dimension)].labels,
        unpriced_calls=case.unpriced_requests if is_money else 0,
    )
    who = ", ".join(f"{_word(each)} “{look.largest}”" for each, look in looks.items() if look.largest)
    mostly = f", mostly of {who}" if who else ""
    return f"{tell(story)} These were {case.requests:,} requests{mostly}."


def _whole(case: Case, amount: float) -> int:
    return round(amount * case.by.scale)


def _word(dimension: Dimension) -> str:
    return dimension.value.replace("_", " ")


def _by(engine: Engine, case: Case, dimension: Dimension) -> _Look:
    """Ask what its calls have in common that those of the day before had not."""
    now = read.members(engine, _question(case, dimension, case.start, case.end))
    usual = read.members(engine, _question(case, dimension, _day_before(case.start), _hour(case.start)))
    explanation = explain(
        dimension.value,
        {member.value: _measure(case, usage) for member, usage in usual},
        {member.value: _measure(case, usage) for member, usage in now},
        expected_total=_whole(case, case.expected),
        actual_total=_whole(case, case.actual),
    )
    labels: dict[str | None, str] = {
        member.value: member.label for member, _ in (*usual, *now) if member.value is not None
    }
    member, usage = max(now, key=lambda each: _measure(case, each[1]) or 0, default=(None, None))
    is_most = usage is not None and 2 * (_measure(case, usage) or 0) >= _whole(case, case.actual)
    return _Look(explanation, labels, member.label if member is not None and is_most else None)


def _measure(case: Case, usage: Usage) -> int | None:
    found: int | None = getattr(usage, case.by.sum_name)
    return found


def _question(case: Case, dimension: Dimension, start: datetime, end: datetime) -> Question:
    mine: dict[str, Any] = {} if case.scope == TOTAL else {case.scope.dimension: (case.scope.member,)}
    return Question(start=start, end=end, group_by=dimension, as_kept=True, **mine)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _day_before(moment: datetime) -> datetime:
    return _hour(moment) - DAY
