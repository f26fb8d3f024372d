"""Data in, a Dash app out, with every asset its own and every page registered by name."""

from __future__ import annotations

from typing import Final

from dash import Dash, html
from flask import Response

from dashboard.components.shell import shell
from dashboard.data import Data
from dashboard.hosts import refuse_strangers
from dashboard.pages import PAGES
from dashboard.theme import DARK, FONT, LIGHT, MONO, Palette
from dashboard.wiring import register_frame

TITLE: Final = "LLM usage"
# Inline scripts are Dash's own; nothing may come from or go to another host.
CONTENT_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
# Sets the scheme before the first paint, so that a dark page does not flash white.
FIRST_SCRIPT: Final = """
(function () {
  let choice = "auto";
  try { choice = localStorage.getItem("usage-scheme") || "auto"; } catch (error) { /* storage may be off */ }
  const dark = choice === "dark" || (choice === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
"""
INDEX: Final = """<!DOCTYPE html>
<html lang="en">
  <head>
    {{%metas%}}
    <title>{{%title%}}</title>
    <link rel="icon" type="image/svg+xml" href="assets/favicon.svg">
    <script>{script}</script>
    {{%css%}}
    <style>{style}</style>
  </head>
  <body>
    {{%app_entry%}}
    {{%config%}}
    {{%scripts%}}
    {{%renderer%}}
  </body>
</html>
"""


def create_app(data: Data) -> Dash:
    """Build the app; it starts and says what is wrong also where the database does not answer."""
    app = Dash(
        "dashboard",
        title=TITLE,
        update_title="",
        assets_folder="assets",
        use_pages=False,
        pages_folder="",
        serve_locally=True,
        enable_mcp=False,
        suppress_callback_exceptions=True,
        index_string=INDEX.format(script=FIRST_SCRIPT, style=style_sheet()),
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    frame = shell([page for page in PAGES if not page.is_one_of_many], data.zone, demo=data.demo)
    app.layout = frame
    app.validation_layout = html.Div([frame, *(page.layout(data.zone) for page in PAGES)])
    register_frame(app, data, PAGES)
    for page in PAGES:
        page.register(app, data)
    refuse_strangers(app.server, data.settings)
    app.server.after_request(_protect)
    return app


def style_sheet() -> str:
    """Write the palettes as variables of the style sheet."""
    scheme = ':root[data-mantine-color-scheme="{}"]{{color-scheme:{};{}}}'
    fonts = f":root{{--font:{FONT};--mono:{MONO}}}"
    return fonts + "".join(scheme.format(name, name, _variables(colours)) for name, colours in _SCHEMES)


_SCHEMES: Final[tuple[tuple[str, Palette], ...]] = (("light", LIGHT), ("dark", DARK))
_VARIABLES: Final = (
    "background",
    "card",
    "text",
    "dimmed",
    "line",
    "hover",
    "accent",
    "good",
    "bad",
    "warning",
    "other",
)


def _variables(colours: Palette) -> str:
    return "".join(f"--{name}:{getattr(colours, name)};" for name in _VARIABLES)


def _protect(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response
