"""How budgets stand in, what somebody should hear of them out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from usage_plugin.alerts.finding import Finding, Severity, Source
from usage_plugin.analysis.why import unpriced_words
from usage_plugin.budgets import Standing, Untold
from usage_plugin.money import NANO_PER_USD, rounded_usd
from usage_plugin.periods import Period
from usage_plugin.store.budgets import Action

# From here on a threshold that was crossed is a warning; at the whole amount it is critical.
MUCH: Final = 0.75
_BEYOND: Final = {
    Action.ALERT: "Calls go on.",
    Action.BLOCK: "The proxy refuses further calls until the period ends.",
    Action.DEGRADE: "The proxy asks the cheaper group instead until the period ends.",
}


def budget_findings(standings: Iterable[Standing | Untold], zone: ZoneInfo) -> list[Finding]:
    """Say which budgets have crossed a threshold, are expected to run out, or cannot be added up any more.

    Args:
        standings: How budgets stand now; those that are switched off count for nothing.
        zone: Whose wall clocks moments are told by.
    """
    mine = [each for each in standings if each.budget.is_enabled]
    untold = [_untold(each) for each in mine if isinstance(each, Untold)]
    return [_finding(each, zone) for each in mine if isinstance(each, Standing) and _is_news(each)] + untold


def _untold(found: Untold) -> Finding:
    budget = found.budget
    return Finding(
        source=Source.BUDGET,
        about=f"budget {budget.id} untold",
        source_id=budget.id,
        severity=Severity.WARNING,
        title=f"Budget “{budget.name}” cannot be added up any more",
        body=f"Of the {budget.period.value} nobody can tell: {found.why}.",
        since=found.asked_at,
        dimension=budget.part.name,
        member=budget.part.member,
        owner=budget.owner,
        details={"budget": budget.name, "action": budget.action.value},
    )


def _is_news(standing: Standing) -> bool:
    return bool(standing.crossed) or standing.is_over or standing.runs_out_at is not None


def severity_of(standing: Standing) -> Severity:
    """Say how much it matters: spent is critical, much of it or a forecast beyond it a warning."""
    if standing.is_over:
        return Severity.CRITICAL
    is_much = any(share >= MUCH for share in standing.crossed)
    return Severity.WARNING if is_much or standing.runs_out_at is not None else Severity.INFO


def _finding(standing: Standing, zone: ZoneInfo) -> Finding:
    budget = standing.budget
    return Finding(
        source=Source.BUDGET,
        about=f"budget {budget.id}{_which_period(standing)}",
        source_id=budget.id,
        severity=severity_of(standing),
        title=_title(standing),
        body=_body(standing, zone),
        since=standing.outlook.asked_at,
        dimension=budget.part.name,
        member=budget.part.member,
        owner=budget.owner,
        details={
            "budget": budget.name,
            "budget_usd": budget.amount_nano_usd / NANO_PER_USD,
            "actual_usd": standing.spent_nano_usd / NANO_PER_USD,
            "projected_usd": _usd(standing.outlook.expected_nano_usd),
            "is_projected": not standing.crossed,
            "runs_out_at": standing.runs_out_at.isoformat() if standing.runs_out_at else None,
            "period_start": standing.period_start.isoformat(),
            "period_end": standing.period_end.isoformat(),
            "unpriced_requests": standing.unpriced_requests,
            "action": budget.action.value,
        },
        at_stake_nano_usd=_at_stake(standing),
    )


def _which_period(standing: Standing) -> str:
    """Tell periods apart; a rolling one goes on, whatever day it begins with."""
    return "" if standing.budget.period is Period.ROLLING else f" {standing.period_start.isoformat()}"


def _at_stake(standing: Standing) -> int | None:
    """Give what is spent beyond the amount, or expected to be at the end; ``None`` where nothing is."""
    reached = max(standing.spent_nano_usd, standing.outlook.expected_nano_usd or 0)
    return reached - standing.budget.amount_nano_usd if reached > standing.budget.amount_nano_usd else None


def _title(standing: Standing) -> str:
    budget = standing.budget
    if standing.is_over:
        return f"Budget “{budget.name}” is spent: {_spent(standing)}"
    if standing.crossed:
        return f"Budget “{budget.name}” is used to {standing.used_share:.0%}: {_spent(standing)}"
    return f"Budget “{budget.name}” is expected to run out"


def _spent(standing: Standing) -> str:
    return f"{rounded_usd(standing.spent_nano_usd)} of {rounded_usd(standing.budget.amount_nano_usd)}"


def _body(standing: Standing, zone: ZoneInfo) -> str:
    budget = standing.budget
    said = [f"{_spent(standing)} are spent in the {budget.period.value} until {_moment(standing.period_end, zone)}."]
    if standing.pace_nano_usd is not None:
        said.append(f"At an even pace it would be {rounded_usd(standing.pace_nano_usd)} by now.")
    expected = standing.outlook.expected_nano_usd
    if expected is not None:
        said.append(f"{rounded_usd(expected)} are expected at the end.")
    if standing.runs_out_at is not None:
        said.append(f"It is expected to run out at {_moment(standing.runs_out_at, zone)}.")
    if standing.unpriced_requests:
        said.append(unpriced_words(standing.unpriced_requests))
    if standing.is_over:
        said.append(_BEYOND[budget.action])
    return " ".join(said)


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"


def _usd(nano_usd: int | None) -> float | None:
    return None if nano_usd is None else nano_usd / NANO_PER_USD
