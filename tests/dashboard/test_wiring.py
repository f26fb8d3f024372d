"""Every id that a callback names is drawn somewhere, and nothing is fetched from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dash import Dash

import dashboard
from dashboard import ids
from dashboard.pages import PAGES
from usage_plugin.time_zone import UTC_ZONE

SCRIPT = (Path(dashboard.__file__).parent / "assets" / "usage.js").read_text(encoding="utf-8")


def drawn_ids(component: Any) -> Iterator[str]:
    if isinstance(component, list | tuple):
        for child in component:
            yield from drawn_ids(child)
    elif hasattr(component, "children") or hasattr(component, "id"):
        yield from [component.id] if getattr(component, "id", None) else []
        yield from drawn_ids(getattr(component, "children", None))


def named_ids(app: Dash) -> set[str]:
    callbacks = app.server.test_client().get("/_dash-dependencies").get_json()
    named = {entry["id"] for callback in callbacks for entry in (*callback["inputs"], *callback["state"])}
    for callback in callbacks:
        if not callback["no_output"]:
            named |= {name.rsplit(".", 1)[0] for name in callback["output"].strip(".").split("...")}
    return named


def test_every_id_of_a_callback_is_drawn(app: Dash) -> None:
    """A callback that waits for a component that no page draws would never run."""
    drawn = set(drawn_ids(app.layout))
    for page in PAGES:
        drawn |= set(drawn_ids(page.layout(UTC_ZONE)))
    assert named_ids(app) - drawn == set()


def test_every_id_is_drawn_once(app: Dash) -> None:
    """Two components of one id would both be filled, or neither."""
    shell = list(drawn_ids(app.layout))
    for page in PAGES:
        on_screen = [*shell, *drawn_ids(page.layout(UTC_ZONE))]
        assert len(on_screen) == len(set(on_screen)), page.title


def test_the_script_names_ids_that_exist() -> None:
    """The browser's own script knows components by the names of ids.py."""
    known = {value for name, value in vars(ids).items() if name.isupper()}
    used = set(re.findall(r'(?:set_props|getApi|getElementById)\("([^"]+)"', SCRIPT))
    assert used
    assert used <= known


def test_the_page_names_no_other_host(app: Dash) -> None:
    """Scripts and styles come from this server only, and the browser is told to refuse any other."""
    answer = app.server.test_client().get("/")
    page = answer.get_data(as_text=True)
    assert not re.findall(r'(?:src|href)="(?:https?:)?//[^"]+"', page)
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_demo_figures_are_marked(app: Dash, data: dashboard.Data) -> None:
    """Generated figures say so on every page, real ones do not."""
    marked = dashboard.create_app(dashboard.Data(data.engine, data.settings, demo=True))
    assert "Demo data" in str(marked.layout)
    assert "Demo data" not in str(app.layout)
