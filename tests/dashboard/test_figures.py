"""Figures, checked by the numbers that they draw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from dashboard.figures.axes import MIDNIGHT, NOTHING_BILLED, NOTHING_KNOWN, tick_format
from dashboard.figures.budget import budget_course
from dashboard.figures.cost import cost_over_time, legend_of
from dashboard.figures.fired import firings
from dashboard.figures.sparkline import HEIGHT, WIDTH, sparkline
from dashboard.figures.watched import legend_of as watched_legend
from dashboard.figures.watched import with_band
from dashboard.frames import Course, Fired, StackedCost, Stretch, Unit, Watched
from dashboard.theme import DARK, LIGHT

START = datetime(2026, 3, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
BUCKETS = tuple(START + index * HOUR for index in range(3))
STACK = StackedCost(
    buckets=BUCKETS,
    bucket_length=HOUR,
    names=("gpt-4o", "4 others"),
    cost_nano_usd=((2_000_000_000, None, 500_000_000), (None, None, 250_000_000)),
    has_rest=True,
)
NAN = np.nan
WATCHED = Watched(
    name="Cost",
    unit=Unit.DOLLARS,
    buckets=BUCKETS,
    bucket_length=HOUR,
    values=np.array([1.0, 9.0, 0.2]),
    lower=np.array([NAN, 0.5, 0.5]),
    expected=np.array([NAN, 1.0, 1.0]),
    upper=np.array([NAN, 2.0, 2.0]),
    anomaly=Stretch("spike", START + HOUR, START + 2 * HOUR),
    partial=2,
)
COURSE = Course(
    days=tuple(START + timedelta(days=day) for day in range(3)),
    spent_usd=np.array([10.0, 25.0, NAN]),
    forecast_usd=np.array([NAN, 40.0, 70.0]),
    pace_usd=np.array([20.0, 40.0, 60.0]),
    limit_usd=60.0,
    thresholds=(0.8, 1.0),
    likely_usd=(60.0, 90.0),
)


def named(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def test_bars_are_dollars_and_gaps_stay_gaps() -> None:
    """Each bar is its dollars; where nobody knows the cost there is no bar, not one of zero."""
    bars = named(cost_over_time(STACK, LIGHT))
    assert list(bars["gpt-4o"].y) == [2.0, None, 0.5]
    assert list(bars["gpt-4o"].customdata) == ["$2.00", "—", "$0.500"]
    assert list(bars["4 others"].y) == [None, None, 0.25]


def test_rest_is_grey_and_the_legend_has_the_bars_colours() -> None:
    """Colours of bars and legend are one; what is not named is never a series colour."""
    for colours in (LIGHT, DARK):
        drawn = [(trace.name, trace.marker.color) for trace in cost_over_time(STACK, colours).data]
        assert drawn == legend_of(STACK, colours) == [("gpt-4o", colours.series[0]), ("4 others", colours.other)]


def test_axis_spans_every_bucket_and_says_its_units() -> None:
    """The time axis covers the asked time, says UTC, and dollars carry their sign."""
    figure = cost_over_time(STACK, LIGHT)
    assert tuple(figure.layout.xaxis.range) == (START, START + 3 * HOUR)
    assert figure.layout.xaxis.title.text == "UTC"
    assert figure.layout.yaxis.tickformat.startswith("$")


def test_clocks_that_are_put_back_show_an_hour_twice_and_the_bar_has_both() -> None:
    """On that night two hours are told alike; on the other one an hour is left out."""
    night = datetime(2026, 10, 24, 23, tzinfo=UTC)
    buckets = tuple(night + at * HOUR for at in range(4))
    stack = replace(
        STACK, buckets=buckets, zone=ZoneInfo("Europe/Berlin"), names=("m",), has_rest=False,
        cost_nano_usd=((10**9, 2 * 10**9, None, 4 * 10**9),),
    )  # fmt: skip
    figure = cost_over_time(stack, LIGHT)
    assert [time.hour for time in figure.data[0].x] == [1, 2, 3]
    assert list(figure.data[0].y) == [1.0, 2.0, 4.0]
    both = cost_over_time(replace(stack, cost_nano_usd=((None, 2 * 10**9, 3 * 10**9, None),)), LIGHT)
    assert list(both.data[0].y) == [None, 5.0, None]
    assert figure.layout.xaxis.title.text == "Europe/Berlin"


@pytest.mark.parametrize(("hours", "step"), [(1, 1), (6, 1), (12, 2), (24, 4), (48, 8), (49, None), (168, None)])
def test_ticks_of_short_times_are_at_whole_hours(hours: int, step: int | None) -> None:
    """Hourly bars of up to two days are named by the hour that they begin at, at most six of them."""
    many = replace(
        STACK, buckets=tuple(START + at * HOUR for at in range(hours)), names=("m",), has_rest=False,
        cost_nano_usd=((10**9,) * hours,),
    )  # fmt: skip
    axis = cost_over_time(many, LIGHT).layout.xaxis
    assert (axis.tick0, axis.dtick) == (None if step is None else MIDNIGHT, None if step is None else step * 3_600_000)


@pytest.mark.parametrize(("costs", "words"), [((None, None, None), NOTHING_KNOWN), ((0, 0, None), NOTHING_BILLED)])
def test_a_chart_without_bars_says_why(costs: tuple[int | None, ...], words: str) -> None:
    """No known price and nothing billed are told apart."""
    figure = cost_over_time(replace(STACK, names=("m",), cost_nano_usd=(costs,), has_rest=False), LIGHT)
    assert [note.text for note in figure.layout.annotations] == [words]
    assert not cost_over_time(STACK, LIGHT).layout.annotations


@pytest.mark.parametrize(
    ("largest", "expected"), [(0, "$,.0f"), (1000, "$,.0f"), (5, "$,.2f"), (0.04, "$,.3f"), (0.00004, "$,.6f")]
)
def test_ticks_have_the_decimals_that_they_need(largest: float, expected: str) -> None:
    """Costs of a thousandth of a cent are not all $0.00."""
    assert tick_format(largest) == expected


def test_the_band_has_a_gap_while_learning() -> None:
    """Where nothing could be expected yet, nothing is drawn as expected."""
    traces = named(with_band(WATCHED, LIGHT))
    assert list(traces["Lower"].y) == [None, 0.5, 0.5]
    assert list(traces["Expected range"].y) == [None, 2.0, 2.0]
    assert traces["Expected range"].fill == "tonexty"


def test_the_times_of_anomaly_and_events_are_shaded_as_far_as_they_are_shown() -> None:
    """The anomaly's own hours, and of an event that began before the chart what is on it."""
    planned = (Stretch("Launch", START - HOUR, START + HOUR), Stretch("Gone", START - 3 * HOUR, START - HOUR))
    shapes = with_band(replace(WATCHED, planned=planned), LIGHT).layout.shapes
    assert [(shape.x0, shape.x1, shape.fillcolor) for shape in shapes] == [
        (START, START + HOUR, LIGHT.planned),
        (START + HOUR, START + 2 * HOUR, LIGHT.span),
    ]


def test_an_unfinished_bucket_is_no_drop() -> None:
    """The bucket in progress stands alone, so the line does not fall to it."""
    traces = named(with_band(WATCHED, LIGHT))
    assert list(traces["Cost"].y) == [1.0, 9.0, None]
    assert list(traces["So far"].y) == [0.2]
    assert "So far" not in named(with_band(replace(WATCHED, partial=None), LIGHT))


def test_the_series_without_its_driver_is_named_by_it() -> None:
    """Line and legend say whose part is away, in one colour."""
    frame = replace(WATCHED, without=np.array([NAN, 1.5, NAN]), driver="leo")
    line = named(with_band(frame, LIGHT))["Without leo"]
    assert list(line.y) == [None, 1.5, None]
    assert ("Without leo", line.line.color, "") in watched_legend(frame, LIGHT)
    assert "Without" not in str(watched_legend(WATCHED, LIGHT))


def test_a_series_that_nobody_knows_says_so() -> None:
    """A series without any point is an empty chart, not an error."""
    nothing = np.full(3, NAN)
    figure = with_band(replace(WATCHED, values=nothing, lower=nothing, expected=nothing, upper=nothing), LIGHT)
    assert [note.text for note in figure.layout.annotations] == ["Nothing is known of this time"]


@pytest.mark.parametrize(
    ("unit", "largest", "suffix", "tick"),
    [
        (Unit.DOLLARS, 9.0, None, "$,.2f"),
        (Unit.COUNT, 5e6, None, "~s"),
        (Unit.SHARE, 0.4, None, ".0%"),
        (Unit.SHARE, 0.004, None, ".2%"),
        (Unit.MILLISECONDS, 400.0, " ms", "~r"),
        (Unit.MILLISECONDS, 4000.0, " s", "~r"),
    ],
)
def test_each_unit_has_an_axis(unit: Unit, largest: float, suffix: str | None, tick: str) -> None:
    """Dollars, counts, shares and times are told apart on the axis, and large times are in seconds."""
    values = np.array([0.0, largest, 0.0])
    figure = with_band(replace(WATCHED, unit=unit, values=values, upper=np.full(3, NAN), partial=None), LIGHT)
    axis = figure.layout.yaxis
    assert (axis.ticksuffix, axis.tickformat) == (suffix, tick)
    assert max(named(figure)["Cost"].y) == (largest / 1000 if suffix == " s" else largest)


def test_a_budget_is_solid_where_it_is_spent_and_hatched_where_it_is_forecast() -> None:
    """Bars add up by day; the last of them has the interval, and the limit and each threshold a line."""
    figure = budget_course(COURSE, LIGHT)
    bars = named(figure)
    assert list(bars["Spent"].y) == [10.0, 25.0, None]
    assert list(bars["Forecast"].y) == [None, 40.0, 70.0]
    assert bars["Spent"].marker.pattern.shape is None
    assert bars["Forecast"].marker.pattern.shape == "/"
    ends = bars["80 %"].error_y
    assert (list(bars["80 %"].y), list(ends.array), list(ends.arrayminus)) == ([70.0], [20.0], [10.0])
    assert list(bars["Even pace"].y) == [20.0, 40.0, 60.0]
    lines = {shape.y0: shape.line.color for shape in figure.layout.shapes}
    assert lines == {48.0: LIGHT.warning, 60.0: LIGHT.bad}
    assert [note.text for note in figure.layout.annotations] == ["80% $48.00", "Limit $60.00"]
    assert figure.layout.yaxis.range[1] > 90


def test_a_budget_without_a_forecast_has_no_interval() -> None:
    """Nothing is drawn of what nobody can say."""
    nothing = np.full(3, NAN)
    figure = budget_course(replace(COURSE, forecast_usd=nothing, likely_usd=None), LIGHT)
    assert list(named(figure)["Forecast"].y) == [None, None, None]
    assert "80 %" not in named(figure)


def test_firings_are_shaded_under_the_series() -> None:
    """Each time that a rule would have fired is shaded, and its limit is a line."""
    fired = Fired(
        name="Cost", unit=Unit.DOLLARS, buckets=BUCKETS, bucket_length=HOUR, values=np.array([1.0, 5.0, NAN]),
        firings=(Stretch("", START + HOUR, START + 2 * HOUR),), limit=4.0,
    )  # fmt: skip
    figure = firings(fired, LIGHT)
    assert list(named(figure)["Cost"].y) == [1.0, 5.0, None]
    shaded, limit = figure.layout.shapes
    assert (shaded.x0, shaded.x1) == (START + HOUR, START + 2 * HOUR)
    assert limit.y0 == limit.y1 == 4.0


def lines(values: list[float | None]) -> list[list[tuple[float, float]]]:
    image = unquote(sparkline(values, "#123456").removeprefix("data:image/svg+xml,"))
    drawn = [element.attrib["points"] for element in ElementTree.fromstring(image).iter() if element.get("points")]
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in points.split())] for points in drawn]


def test_sparkline_runs_from_edge_to_edge_with_zero_below() -> None:
    """The largest value is on top, zero at the bottom, time from left to right."""
    assert lines([0, 5, 10]) == [[(2, HEIGHT - 2), (WIDTH / 2, HEIGHT / 2), (WIDTH - 2, 2)]]


def test_sparkline_breaks_at_unknowns() -> None:
    """An unknown value is a gap; a value alone between gaps is a dot."""
    runs = lines([1, 1, None, 1, float("nan")])
    assert [len(run) for run in runs] == [2, 2]
    assert runs[1][1][0] - runs[1][0][0] == pytest.approx(0.1)


@pytest.mark.parametrize("values", [[], [None], [0, 0], [7]])
def test_sparkline_of_nothing_much(values: list[float | None]) -> None:
    """Nothing, zeros and a single value can be drawn."""
    assert sparkline(values, "#123456").startswith("data:image/svg+xml,")
