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


def graph(graph_id: str, description: str) -> Component:
    """Make room for a figure; a callback draws it, so that a new one replaces the old without a flash.

    Args:
        graph_id: Of the component that takes the figure.
        description: Tells screen readers what can be seen.
    """
    drawing = dcc.Graph(id=graph_id, figure=go.Figure(), config=CONFIG, responsive=True, className="drawing")
    return html.Div(drawing, role="img", className="graph", **{"aria-label": description})
