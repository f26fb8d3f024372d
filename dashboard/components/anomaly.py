"""A watched series in, its chart and the list of what stood out out."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.components.graph import graph
from dashboard.components.parts import card, legend, link, table
from dashboard.figures.band import cost_with_band
from dashboard.filters import CUSTOM, Filters
from dashboard.queries.anomalies import Flag, Watch
from dashboard.theme import UNKNOWN, Palette, dollars
from usage_plugin.analysis import Verdict
from usage_plugin.store.read import Granularity

MAX_LISTED = 50
NAMES = {Granularity.DAY: "Daily cost", Granularity.HOUR: "Hourly cost"}
LEARNING = {
    Granularity.DAY: "Still learning: days are judged once there are three weeks of them before.",
    Granularity.HOUR: "Still learning: hours are judged once there are two weeks of them before.",
}
VERDICTS = {
    Verdict.CONSTANT: "Always the same cost: nothing can stand out.",
    Verdict.ALL_ZERO: "Nothing has been billed in this time: nothing can stand out.",
    Verdict.EMPTY: "No call with a known cost in this time.",
}


def watch_card(watch: Watch, graph_id: str, filters: Filters, colours: Palette) -> Component:
    """Show one series: cost over its expected range, and the points outside of it."""
    name = NAMES[watch.granularity]
    drawing = graph(graph_id, cost_with_band(watch.band, colours), f"{name} with its expected range. {_count(watch)}")
    key = legend([("Cost", colours.accent, ""), ("Expected", colours.dimmed, ""), ("Unusual", colours.bad, "")])
    return card(name, drawing, key, _list(watch, filters), note=_count(watch))


def _count(watch: Watch) -> str:
    number = len(watch.flags)
    return "nothing unusual" if not number else f"{number} unusual {watch.granularity.value}{'s' * (number != 1)}"


def _list(watch: Watch, filters: Filters) -> Component:
    if not watch.flags:
        return html.P(_explain(watch), className="quiet")
    columns = [("When (UTC)", ""), ("Actual", "num"), ("Expected", "num"), ("z", "num")]
    more = [("At stake", "num"), ("Driven by", "wide")]
    rows = [_row(flag, watch, filters) for flag in watch.flags[:MAX_LISTED]]
    return table([*columns, *more], rows, f"{NAMES[watch.granularity]}: unusual points")


def _row(flag: Flag, watch: Watch, filters: Filters) -> list[Component | str]:
    calls = f"/requests{filters.over(CUSTOM, flag.start, flag.end).to_query()}"
    pattern = "%a %d %b" if watch.granularity is Granularity.DAY else "%a %d %b, %H:%M"
    sign = "+" if flag.at_stake_usd > 0 else ""
    return [
        link(format(flag.start, pattern), calls),
        dollars(flag.cost_usd),
        dollars(flag.expected_usd),
        f"{flag.z:+.1f}",
        f"{sign}{dollars(flag.at_stake_usd)}",
        flag.driver or UNKNOWN,
    ]


def _explain(watch: Watch) -> str:
    verdict = Verdict(watch.band.verdict)
    if verdict is Verdict.LEARNING:
        return LEARNING[watch.granularity]
    return VERDICTS.get(verdict, "Every point lies within its expected range.")
