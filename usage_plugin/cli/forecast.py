"""``usage-plugin forecast``: the database of the settings in, what periods are going to cost out."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from usage_plugin.cli.context import load
from usage_plugin.cli.spent import caveats, spent_values
from usage_plugin.money import rounded_usd

if TYPE_CHECKING:
    from usage_plugin.outlook import Outlook, PeriodForecast, RecordedError

NAME = "forecast"
EXAMPLE = "usage-plugin forecast --scope team=search --period month"


class PeriodName(StrEnum):
    """As ``usage_plugin.periods.Period``."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


def command(
    scope: Annotated[str, typer.Option(help="Whose calls: total, team=NAME, user=NAME, tag=NAME, ...")] = "total",
    period: Annotated[PeriodName | None, typer.Option(help="The one that is running now; by default several.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Say what today, this week, month and quarter are going to cost, how sure that is, and how wrong it has been."""
    from usage_plugin.clock import utc_now
    from usage_plugin.outlook import CALENDAR, outlooks, recorded_error
    from usage_plugin.periods import Period
    from usage_plugin.store.database import connect
    from usage_plugin.store.migrate import require_current
    from usage_plugin.store.part import Part

    part = Part.read(scope)
    settings, _ = load()
    engine = connect(settings.url)
    require_current(engine)
    periods = CALENDAR if period is None else (Period(period.value),)
    found = outlooks(engine, part, periods, utc_now(), settings.zone)
    told = [(each, recorded_error(engine, part, each.period)) for each in found]
    gone = [each.value for each in periods if each not in {one.period for one in found}]
    typer.echo(_as_json(settings.safe_url, told, gone) if as_json else _as_text(told, gone))


Told = list[tuple["Outlook", "RecordedError | None"]]


def _as_json(database: str, told: Told, gone: list[str]) -> str:
    forecasts = [_values(*each) for each in told]
    return json.dumps({"database": database, "forecasts": forecasts, "no_longer_kept": gone}, indent=2)


def _values(found: Outlook, recorded: RecordedError | None) -> dict[str, Any]:
    from usage_plugin.outlook import PeriodForecast

    made = found.forecast
    values = {
        "scope": str(found.part),
        "period": found.period.value,
        "first_day": found.span.first_day.isoformat(),
        "last_day": found.span.last_day.isoformat(),
        **spent_values(found),
    }
    if not isinstance(made, PeriodForecast):
        return values | {"no_forecast": made.reason.value, "known_days": made.known_days}
    past = recorded and {"forecasts": recorded.forecasts, "error": recorded.error, "within_80": recorded.within_80}
    return values | _amounts(made) | {"model": made.model, "past_error": made.past_error, "recorded": past}


def _amounts(made: PeriodForecast) -> dict[str, Any]:
    names = ("expected", "low_80", "high_80", "low_95", "high_95")
    days = [{"day": each.day.isoformat(), "expected_usd": each.expected_nano_usd / 1e9} for each in made.days_ahead]
    return {f"{name}_usd": getattr(made, f"{name}_nano_usd") / 1e9 for name in names} | {"days_ahead": days}


def _as_text(told: Told, gone: list[str]) -> str:
    untold = [f"{period:>8}: its first days are no longer kept, see USAGE_RETAIN_SHEETS_DAYS" for period in gone]
    return "\n".join([str(told[0][0].part), *(line for each in told for line in _lines(*each)), *untold])


def _lines(found: Outlook, recorded: RecordedError | None) -> list[str]:
    from usage_plugin.outlook import PeriodForecast

    made = found.forecast
    has_calls = found.requests or found.unpriced_requests or found.spent_nano_usd
    known = ", ".join([f"{rounded_usd(found.spent_nano_usd)} spent", *caveats(found)]) if has_calls else "no calls"
    spent = f"{found.period.value:>8} to {found.span.last_day}: {known}"
    if not isinstance(made, PeriodForecast):
        return [f"{spent}; no forecast: {made.why}"]
    bounds = [rounded_usd(getattr(made, f"{name}_nano_usd")) for name in ("low_80", "high_80", "low_95", "high_95")]
    sure = f"80 %: {bounds[0]} to {bounds[1]}, 95 %: {bounds[2]} to {bounds[3]}"
    return [f"{spent}, {rounded_usd(made.expected_nano_usd)} expected ({sure})", f"{'':10}{_how_wrong(made, recorded)}"]


def _how_wrong(made: PeriodForecast, recorded: RecordedError | None) -> str:
    tested = "no error is known" if made.past_error is None else f"off by {made.past_error:.0%} of what was to come"
    text = f"{made.model}, at earlier days {tested}"
    if recorded is None or recorded.error is None:
        return text
    kept = f"{recorded.forecasts} kept forecasts were off by {recorded.error:.0%}"
    return f"{text}; {kept}, {recorded.within_80} of them within their 80 %"
