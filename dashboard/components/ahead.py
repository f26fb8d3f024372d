"""What the month comes to and what waits for somebody in, three small cards out."""

from __future__ import annotations

from datetime import timedelta

from dash import html
from dash.development.base_component import Component

from dashboard.components.parts import card, link
from dashboard.queries.ahead import Ahead
from dashboard.scopes import scope_words
from dashboard.theme import money, percent, sentence
from usage_plugin.analysis.forecast import NoForecast
from usage_plugin.outlook import Outlook


def ahead_cards(frame: Ahead) -> list[Component]:
    """Show the month's end beside its past error, open anomalies and budgets."""
    return [
        card("This month", *_month(frame), note=_until(frame), className="grow"),
        card("Anomalies", *_anomalies(frame), note=link("Inbox", "/anomalies"), className="half"),
        card("Budgets", *_budgets(frame), note=link("All budgets", "/budgets"), className="half"),
    ]


def _until(frame: Ahead) -> str | None:
    if frame.month is None:
        return None
    last = (frame.month.span.end - timedelta(seconds=1)).astimezone(frame.zone)
    part = frame.month.part
    return f"{scope_words(part.name, part.member)}, until {last:%d %B}"


def _month(frame: Ahead) -> list[Component]:
    if frame.gone:
        return _lines("—", sentence(frame.gone))
    if frame.month is None:
        return _lines("—", "Forecasts are of all calls, or of one team, key, model or the like: of one filter.")
    return _forecast(frame.month)


def _forecast(month: Outlook) -> list[Component]:
    spent, found = money(month.spent_nano_usd), month.forecast
    if isinstance(found, NoForecast):
        wait = found.days_to_wait
        needed = f"{wait} more {'day is' if wait == 1 else 'days are'} needed for a forecast"
        why = needed if wait else f"No forecast: {found.why}"
        return _lines(f"{spent} so far", f"{why}.")
    error = (
        ""
        if found.past_error is None
        else f" Forecasts of what was still to come were off by {percent(found.past_error, 0)}."
    )
    interval = f"80 %: {money(found.low_80_nano_usd)} to {money(found.high_80_nano_usd)}."
    return _lines(f"{money(found.expected_nano_usd)} expected, {spent} so far", f"{interval}{error}")


def _anomalies(frame: Ahead) -> list[Component]:
    found = frame.anomalies
    if not found.has_run:
        return _lines("Not looked yet", "A worker looks every five minutes, or usage-plugin detect now.")
    if not found.number:
        return _lines("None open", "Nothing that was found waits for anybody.")
    return _lines(f"{found.number} open", f"{money(found.at_stake_nano_usd)} at stake.")


def _budgets(frame: Ahead) -> list[Component]:
    if not frame.budgets:
        return _lines("None set", "A budget says what may be spent, and who is told.")
    heading = f"{frame.heading_over} expected to be at the end of the period."
    if frame.over:
        said = f"Spent already; {heading}" if frame.heading_over else "Spent already."
        return _lines(f"{frame.over} of {frame.budgets} over", said)
    if frame.heading_over:
        said = "None is spent yet; more than the amount is expected at the end of the period."
        return _lines(f"{frame.heading_over} of {frame.budgets} expected over", said)
    if frame.untold:
        return _lines(
            f"{frame.untold} of {frame.budgets} untold", "The first days of their periods are no longer kept."
        )
    return _lines(f"{frame.budgets} within plan", "None is spent, or expected to be.")


def _lines(statement: str, said: str) -> list[Component]:
    return [html.P(statement, className="statement"), html.P(said, className="quiet")]
