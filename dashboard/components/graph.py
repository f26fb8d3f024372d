"""A figure in, a graph component out: the one factory, so that no graph can upload its data."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

# plotly 7 draws a "Share chart" button that sends the figure to a server, unless both are set.
CONFIG: Final[dict[str, Any]] = {
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "displaylogo": False,
    "displayModeBar": False,
    "responsive": True,
    "doubleClick": "reset",
    "showTips": False,
}


def graph(graph_id: str, figure: go.Figure, description: str) -> Component:
    """Show a figure; *description* says to screen readers what can be seen."""
    height = figure.layout.height
    drawing = dcc.Graph(id=graph_id, figure=figure, config=CONFIG, style={"height": f"{height}px"}, responsive=True)
    return html.Div(drawing, role="img", className="graph", **{"aria-label": description})
