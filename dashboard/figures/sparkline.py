"""Numbers in, a small line as an SVG image out; a gap in the numbers is a gap in the line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from urllib.parse import quote

WIDTH = 160
HEIGHT = 36
EDGE = 2.0


def sparkline(values: Sequence[float | None], colour: str) -> str:
    """Draw values evenly spaced, 0 at the bottom.

    Returns:
        A ``data:`` address for an image element; nothing is fetched.
    """
    points = _points(values)
    lines = "".join(_line(run) for run in _runs(points))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
        f'<g fill="none" stroke="{colour}" stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round">'
        f"{lines}</g></svg>"
    )
    return f"data:image/svg+xml,{quote(svg)}"


def _points(values: Sequence[float | None]) -> list[tuple[float, float] | None]:
    known = [value for value in values if value is not None and math.isfinite(value)]
    top = max(known, default=0) or 1
    step = (WIDTH - 2 * EDGE) / max(len(values) - 1, 1)
    return [
        (EDGE + index * step, HEIGHT - EDGE - value / top * (HEIGHT - 2 * EDGE))
        if value is not None and math.isfinite(value)
        else None
        for index, value in enumerate(values)
    ]


def _runs(points: Sequence[tuple[float, float] | None]) -> Iterator[list[tuple[float, float]]]:
    run: list[tuple[float, float]] = []
    for point in (*points, None):
        if point is not None:
            run.append(point)
        elif run:
            yield run
            run = []


def _line(run: list[tuple[float, float]]) -> str:
    if len(run) == 1:
        run = [(run[0][0], run[0][1]), (run[0][0] + 0.1, run[0][1])]
        return f'<polyline vector-effect="non-scaling-stroke" stroke-width="4" points="{_path(run)}"/>'
    return f'<polyline vector-effect="non-scaling-stroke" points="{_path(run)}"/>'


def _path(run: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
