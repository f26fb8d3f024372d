"""How budgets stand in, a list, figures and a form out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from dashboard.components.parts import badge, legend, link
from dashboard.frames import Course
from dashboard.queries.budgets import Budgets, OneBudget
from dashboard.scopes import scope_words
from dashboard.theme import UNKNOWN, Palette, calls, clock, money, percent, sentence
from usage_plugin.analysis.forecast import NoForecast
from usage_plugin.budgets import Standing, Untold
from usage_plugin.outlook import PeriodForecast
from usage_plugin.periods import Period
from usage_plugin.store.budgets import Action

PERIODS: Final = {
    Period.DAY: "a day",
    Period.WEEK: "a week",
    Period.MONTH: "a month",
    Period.QUARTER: "a quarter",
    Period.YEAR: "a year",
}
ACTIONS: Final = {
    Action.ALERT: "Tell somebody",
    Action.BLOCK: "Refuse calls (429)",
    Action.DEGRADE: "Use a cheaper model group",
}
WARN_FROM: Final = 0.8


def budget_list(frame: Budgets) -> Component:
    """List the budgets, those that are spent most first, or say what one is for."""
    if not frame.standings and not frame.untold:
        return no_budgets()
    untold = [html.Li(_untold(each), className="entry budget") for each in frame.untold]
    rows = [
        html.Li(_row(standing, frame.names.get(standing.budget.id, ""), frame.zone), className="entry budget")
        for standing in frame.standings
    ]
    return html.Ul([*untold, *rows], className="card entries")


def no_budgets() -> Component:
    """Say what a budget does."""
    said = (
        "A budget says what all calls, a team, a key, a tag or anything else may cost in a period. It tells somebody, "
        "refuses calls or turns to a cheaper model when it is spent. Add the first one below."
    )
    return html.Section([html.H2("No budgets yet"), html.P(said)], className="state-panel", role="status")


def _untold(found: Untold) -> list[Component]:
    budget = found.budget
    title = html.P([link(budget.name, f"/budgets/{budget.id}", "entry-title")], className="entry-head")
    said = html.P(html.Span(sentence(found.why), className="severe"), className="entry-facts")
    spent = [html.Strong(UNKNOWN, className="num"), html.Span(f"of {money(budget.amount_nano_usd)}", className="num")]
    return [html.P(spent, className="entry-stake"), html.Div([title, said], className="entry-text")]


def _row(standing: Standing, name: str, zone: ZoneInfo) -> list[Component]:
    budget = standing.budget
    title = html.P([link(budget.name, budget_href(standing), "entry-title"), *badges(standing)], className="entry-head")
    words = [html.Span(f"{scope(standing, name)}, {period_words(standing)}"), *_ends(standing, zone)]
    text = html.Div([title, html.P(words, className="entry-facts"), meter(standing)], className="entry-text")
    spent = html.P(
        [
            html.Strong(money(standing.spent_nano_usd), className="num"),
            html.Span(f"of {money(budget.amount_nano_usd)}", className="num"),
        ],
        className="entry-stake bad" if standing.is_over else "entry-stake",
    )
    return [spent, text]


def budget_href(standing: Standing) -> str:
    """Lead to a budget's page."""
    return f"/budgets/{standing.budget.id}"


def scope(standing: Standing, name: str) -> str:
    """Say whose calls count; the member is called by its name."""
    part = standing.budget.part
    return scope_words(part.name, part.member, name)


def period_words(standing: Standing) -> str:
    """Say in which time."""
    budget = standing.budget
    return PERIODS.get(budget.period) or f"any {budget.rolling_days} days"


def badges(standing: Standing) -> list[Component]:
    """Say what somebody should see at once."""
    found = []
    if not standing.budget.is_enabled:
        found.append(badge("switched off"))
    if standing.is_over:
        found.append(badge("spent", "bad"))
    elif standing.projected_over:
        found.append(badge("projected over", "bad"))
    if standing.budget.action is not Action.ALERT:
        does = "refuses calls" if standing.budget.action is Action.BLOCK else "degrades"
        found.append(badge(does if standing.is_over and standing.budget.is_enabled else f"{does} when spent"))
    if standing.unpriced_requests:
        found.append(badge(f"+ {calls(standing.unpriced_requests)} unpriced", "demo"))
    return found


def meter(standing: Standing) -> Component:
    """Show the share that is spent, where an even pace would be, and where the forecast ends."""
    used = min(standing.used_share, 1.0)
    expected = standing.outlook.expected_nano_usd
    amount = standing.budget.amount_nano_usd
    ahead = 0.0 if expected is None else min(max(expected / amount, used), 1.0) - used
    kind = "bad" if standing.is_over else "warning" if standing.used_share >= WARN_FROM else ""
    parts = [
        html.Span(className=f"meter-spent {kind}".strip(), style={"width": f"{100 * used:.2f}%"}),
        html.Span(className="meter-ahead", style={"width": f"{100 * ahead:.2f}%"}),
    ]
    pace = standing.pace_nano_usd
    if pace is not None:
        parts.append(html.Span(className="meter-pace", style={"left": f"{100 * min(pace / amount, 1.0):.2f}%"}))
    words = f"{percent(standing.used_share, 0)} spent"
    return html.Div(parts, className="meter", role="img", **{"aria-label": words})


def _ends(standing: Standing, zone: ZoneInfo) -> list[Component]:
    expected, budget = standing.outlook.expected_nano_usd, standing.budget
    found = [html.Span(f"{percent(standing.used_share, 0)} spent", className="num")]
    if expected is not None and budget.period is not Period.ROLLING:
        found.append(html.Span(f"{money(expected)} expected at the end", className="num"))
    if standing.runs_out_at is not None:
        found.append(html.Span(f"runs out {_moment(standing.runs_out_at, zone)}", className="severe"))
    return found


def _moment(when: datetime, zone: ZoneInfo) -> str:
    return clock(when.astimezone(zone))


def budget_figures(frame: OneBudget, standing: Standing) -> list[Component]:
    """Show spent, left, expected, the run-out and the plan as figures."""
    zone, amount = frame.zone, standing.budget.amount_nano_usd
    unpriced, found = standing.unpriced_requests, standing.outlook
    spent_note = f"+ {calls(unpriced)} unpriced" if unpriced else f"{percent(standing.used_share)} of the amount"
    if found.estimated_nano_usd:
        spent_note = f"{spent_note}, {money(found.estimated_nano_usd)} of it estimated"
    if found.partial_nano_usd:
        spent_note = f"{spent_note}, {money(found.partial_nano_usd)} of it a lower bound"
    left = standing.left_nano_usd
    last = (standing.period_end - timedelta(seconds=1)).astimezone(zone)
    return [
        _figure("Spent", money(standing.spent_nano_usd), spent_note, "warning" if unpriced else ""),
        _figure("Left" if left >= 0 else "Over by", money(abs(left)), f"of {money(amount)}", "" if left > 0 else "bad"),
        _expected(standing),
        _runs_out(standing, zone),
        _figure("Last day", f"{last:%a %d %b}", _pace(standing)),
    ]


def _expected(standing: Standing) -> Component:
    found = standing.forecast
    if isinstance(found, NoForecast):
        wait = found.days_to_wait
        note = f"{wait} more {'day' if wait == 1 else 'days'} needed" if wait else found.why
        return _figure("Expected at the end", UNKNOWN, note)
    error = "" if found.past_error is None else f"; off by {percent(found.past_error, 0)} on average"
    interval = f"80 %: {money(found.low_80_nano_usd)} to {money(found.high_80_nano_usd)}{error}"
    return _figure(
        "Expected at the end", money(found.expected_nano_usd), interval, "bad" if standing.projected_over else ""
    )


def _runs_out(standing: Standing, zone: ZoneInfo) -> Component:
    if standing.is_over:
        return _figure("Runs out", "Spent", "nothing is left", "bad")
    when = standing.runs_out_at
    if when is not None:
        shown = when.astimezone(zone)
        return _figure("Runs out", f"{shown:%d %b}", f"{shown:%A, about %H:%M}", "bad")
    known = isinstance(standing.forecast, PeriodForecast)
    return _figure("Runs out", "Not expected" if known else UNKNOWN, "in this period" if known else "no forecast")


def _pace(standing: Standing) -> str:
    pace = standing.pace_nano_usd
    if pace is None:
        return "rolls on each day"
    ahead = standing.spent_nano_usd - pace
    return f"{money(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} an even pace"


def _figure(label: str, value: str, note: str, kind: str = "") -> Component:
    parts = [html.H2(label), html.P(value, className="kpi-value num"), html.P(note, className="kpi-change")]
    return html.Section(parts, className=f"card kpi {kind}".strip())


def course_legend(frame: Course, colours: Palette) -> Component:
    """Name what is drawn."""
    entries = [("Spent", colours.accent, ""), ("Even pace", colours.dimmed, ""), ("Limit", colours.bad, "")]
    told = [("Somebody is told", colours.warning, "")] if any(each != 1.0 for each in frame.thresholds) else []
    hatch = html.Li([html.Span(className="swatch hatched"), html.Span("Forecast, with 80 % interval at its end")])
    named = legend([*entries, *told])
    named.children.insert(1, hatch)
    return named


def family(frame: OneBudget) -> Component | None:
    """Link to what it is a part of, and to its parts."""
    said: list[Component | str] = []
    for name, budgets in (("Part of", frame.parents), ("Its parts:", frame.parts)):
        if budgets:
            links = [html.Span(link(each.name, f"/budgets/{each.id}"), className="apart one-of") for each in budgets]
            said += [f"{name} ", *links, " "]
    return html.P(said, className="quiet") if said else None


def untold_panel(found: Untold) -> Component:
    """Say in place of the figures that there are none, above the form that can change the budget."""
    parts = [html.H2("Nobody can tell what is spent"), html.P(sentence(found.why))]
    return html.Section(parts, className="state-panel", role="status")


def gone(frame: OneBudget) -> Component:
    """Say that there is no such budget."""
    said = f"There is no budget {frame.number} in this database. It may have been removed."
    parts = [html.H2("No such budget"), html.P(said), link("All budgets", "/budgets", "button")]
    return html.Section(parts, className="state-panel", role="status")
