"""A watched series in, its chart and the list of what stood out out."""

from __future__ import annotations

from functools import partial

from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.graph import graph
from dashboard.components.parts import card, legend, link, named, table
from dashboard.filters import CUSTOM, Filters
from dashboard.queries.anomalies import DETECTORS, Flag, Watch
from dashboard.theme import Palette, dollars
from usage_plugin.analysis import Verdict
from usage_plugin.store.read import Granularity

MAX_LISTED = 50
NAMES = {Granularity.DAY: "Daily cost", Granularity.HOUR: "Hourly cost"}
NOT_JUDGED = {
    Verdict.CONSTANT: "not judged: always the same cost",
    Verdict.ALL_ZERO: "not judged: nothing was billed",
    Verdict.EMPTY: "not judged: no known cost",
}
VERDICTS = {
    Verdict.CONSTANT: "Always the same cost: nothing can stand out.",
    Verdict.ALL_ZERO: "Nothing has been billed in this time: nothing can stand out.",
    Verdict.EMPTY: "No call with a known cost in this time.",
}


def watch_card(granularity: Granularity) -> Component:
    """Make room for one series: cost over its expected range, and the points outside of it."""
    name, part = NAMES[granularity], partial(ids.watch, granularity.value)
    drawing = graph(part("graph"), f"{name} with its expected range; the list below has the unusual points")
    return card(name, drawing, html.Div(id=part("list")), note=html.Span(id=part("note")))


def watch_legend(colours: Palette) -> Component:
    """Name the colours of the chart."""
    return legend([("Cost", colours.accent, ""), ("Expected range", colours.band, ""), ("Unusual", colours.bad, "")])


def watch_note(watch: Watch) -> str:
    """Count what stood out, or say why nothing could."""
    if watch.flags:
        return _buckets(watch, len(watch.flags), "unusual ")
    if watch.is_judged:
        return "nothing unusual"
    if watch.learns_for:
        return f"not judged yet: {_buckets(watch, watch.learns_for, 'more ')} needed"
    return NOT_JUDGED.get(Verdict(watch.band.verdict), "not judged yet: too many gaps")


def watch_list(watch: Watch, filters: Filters) -> Component:
    """List what stood out, or say why nothing does."""
    if not watch.flags:
        return html.P(_explain(watch), className="quiet")
    columns = [(f"When ({watch.band.zone.key})", ""), ("Actual", "num"), ("Expected", "num"), ("z", "num")]
    more = [("At stake", "num wide"), ("Driven by", "name wide")]
    rows = [_row(flag, watch, filters) for flag in watch.flags[:MAX_LISTED]]
    return table([*columns, *more], rows, f"{NAMES[watch.granularity]}: unusual points")


def _row(flag: Flag, watch: Watch, filters: Filters) -> list[Component | str]:
    calls = f"/requests{filters.over(CUSTOM, flag.start, flag.end).to_query()}"
    pattern = "%a %d %b" if watch.granularity is Granularity.DAY else "%a %d %b, %H:%M"
    sign = "+" if flag.at_stake_usd > 0 else ""
    return [
        link(format(flag.start.astimezone(watch.band.zone), pattern), calls),
        dollars(flag.cost_usd),
        dollars(flag.expected_usd),
        f"{flag.z:+.1f}",
        f"{sign}{dollars(flag.at_stake_usd)}",
        named(flag.driver),
    ]


def _explain(watch: Watch) -> str:
    verdict = Verdict(watch.band.verdict)
    if verdict is Verdict.LEARNING:
        past = DETECTORS[watch.granularity].config.min_history
        return f"Still learning: each {watch.granularity.value} is judged by the {past} or more before it."
    return VERDICTS.get(verdict, "Every point that could be judged lies within its expected range.")


def _buckets(watch: Watch, number: int, kind: str) -> str:
    return f"{number} {kind}{watch.granularity.value}{'s' * (number != 1)}"
