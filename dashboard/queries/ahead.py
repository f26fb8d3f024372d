"""A look and filters in, what the month comes to, and what waits for somebody, out."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dashboard.data import Look
from dashboard.filters import Filters
from dashboard.members import read_back
from dashboard.queries.budgets import all_budgets
from dashboard.queries.inbox import Open, open_anomalies
from usage_plugin.errors import NoLongerKept
from usage_plugin.outlook import Outlook, outlook
from usage_plugin.periods import Period
from usage_plugin.store.part import Part
from usage_plugin.store.read import Dimension


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What the overview says of the month and of what waits."""

    zone: ZoneInfo
    month: Outlook | None
    """``None`` where the filters name no single part of the calls, or nobody can tell any more."""
    anomalies: Open
    budgets: int
    over: int
    """Budgets that are spent."""
    heading_over: int = 0
    """Further ones that are expected to be, at the end of their period."""
    untold: int = 0
    """Those of which nobody can tell."""
    gone: str = ""
    """Why nobody can tell what the month comes to."""


def ahead(look: Look, filters: Filters) -> Ahead:
    """Forecast the month of the calls that are shown, and count what waits."""
    part, now = part_of(filters), look.now.replace(second=0, microsecond=0)
    found = all_budgets(look)
    standings = [each for each in found.standings if each.budget.is_enabled]
    untold = sum(1 for each in found.untold if each.budget.is_enabled)
    month, gone = None, ""
    try:
        month = None if part is None else look.ask_heavy(outlook, part, Period.MONTH, now, look.zone)
    except NoLongerKept as error:
        gone = str(error)
    return Ahead(
        zone=look.zone,
        month=month,
        gone=gone,
        anomalies=open_anomalies(look),
        budgets=len(standings) + untold,
        untold=untold,
        over=sum(1 for each in standings if each.is_over),
        heading_over=sum(1 for each in standings if each.projected_over and not each.is_over),
    )


def part_of(filters: Filters) -> Part | None:
    """Give the part of the calls that filters name: all of them, or one member of one dimension."""
    chosen = [(dimension, filters.chosen(dimension)) for dimension in Dimension if filters.chosen(dimension)]
    if not chosen:
        return Part()
    dimension, values = chosen[0]
    member = read_back(values[0])
    return Part(dimension, member) if len(chosen) == len(values) == 1 and member else None
