"""What is around every page, in a real browser: menu, drawers, colours, and asking the store."""

from __future__ import annotations

from typing import Any

import pytest
from dash import Dash, dcc
from playwright.sync_api import expect
from sqlalchemy import Engine

from dashboard.components.graph import CONFIG
from tests.dashboard.browser.sites import PROMISE_MS
from tests.dashboard.conftest import served
from usage_plugin.clock import utc_now
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("path", "row"), [("/", ".table tr"), ("/requests", ".ag-row")])
def test_a_new_call_shows_within_five_seconds(live: tuple[str, Engine], watch: Any, path: str, row: str) -> None:
    """A row that is written while the page is open appears on it by itself."""
    address, engine = live
    page = watch(address).open(path)
    expect(page.locator(row).get_by_text("gpt-4o-mini")).to_be_visible()
    write_events(engine, [make_event(completed_at=utc_now(), model="brand-new-model")])
    expect(page.locator(row).get_by_text("brand-new-model")).to_be_visible(timeout=PROMISE_MS)


def test_a_hidden_tab_asks_nothing(live: tuple[str, Engine], watch: Any) -> None:
    """A tab that nobody sees rests, and asks at once when it is seen again."""
    page = watch(live[0]).page
    page.clock.install()
    page.goto(live[0])
    expect(page.locator(".drawn")).to_be_visible(timeout=20_000)
    page.evaluate("Object.defineProperty(document, 'hidden', {configurable: true, get: () => window.away})")
    page.evaluate("window.away = true")  # before anybody listens: what was asked until then is on its way
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    page.clock.run_for(30_000)
    assert [body for body in asked if '"beat"' in body] == []
    with page.expect_request(lambda request: '"beat"' in (request.post_data or ""), timeout=PROMISE_MS):
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")


def test_filters_live_in_the_address(full: str, watch: Any) -> None:
    """A choice in the bar changes address and figures, a link brings it back, the next page keeps it."""
    watched = watch(full)
    page = watched.open("/")
    page.get_by_text("30d", exact=True).click()
    page.locator("#filter-team").click()
    page.locator("[role=option]:visible").get_by_text("team-2").click()
    page.wait_for_url("**/?range=30d&team=team-2")
    assert watched.violations() == []
    page.keyboard.press("Escape")
    page.locator("#nav-requests").click()
    page.wait_for_url("**/requests?range=30d&team=team-2")
    expect(page.locator(".ag-row [col-id=team_id]").first).to_have_text("team-2")
    again = watched.open("/requests?range=30d&team=team-2")
    expect(again.locator(".mantine-Pill-root")).to_have_text("team-2")
    again.locator("#filter-clear").click()
    again.wait_for_url("**/requests?range=30d")
    assert watched.faults == []


def test_narrow_screens_have_drawers(full: str, watch: Any) -> None:
    """At 390 pixels menu and filters open and close, by hand and by Escape, and focus returns."""
    watched = watch(full, width=390)
    page = watched.open("/")
    page.locator("#filter-open").click()
    expect(page.locator("#filter-team")).to_be_visible()
    watched.assert_good()
    page.keyboard.press("Escape")
    expect(page.locator("#filter-team")).to_be_hidden()
    expect(page.locator("#filter-open")).to_be_focused()
    page.locator("#burger").click()
    watched.assert_good()
    page.locator("#nav-anomalies").click()
    expect(page.get_by_role("heading", name="Anomalies")).to_be_visible()
    expect(page.locator("#nav-anomalies")).to_be_hidden()


def test_scheme_is_remembered(full: str, watch: Any) -> None:
    """Dark stays dark after a reload, before the first paint."""
    watched = watch(full)
    watched.open("/").get_by_text("Dark", exact=True).click()
    watched.page.wait_for_function("document.documentElement.dataset.mantineColorScheme === 'dark'")
    watched.page.reload(wait_until="commit")
    watched.page.wait_for_function("document.documentElement.dataset.mantineColorScheme === 'dark'")
    expect(watched.page.locator(".drawn")).to_be_visible(timeout=20_000)
    watched.assert_good()


def test_share_button_is_gone(watch: Any) -> None:
    """plotly's own settings show a button that uploads the figure; ours do not, also with the bar shown."""
    figure = {"data": [{"y": [1, 2]}]}
    app = Dash("share", use_pages=False, pages_folder="")
    shown = {**CONFIG, "displayModeBar": True}
    app.layout = [
        dcc.Graph(id="plain", figure=figure, config={"displayModeBar": True}),
        dcc.Graph(id="ours", figure=figure, config=shown),
    ]
    with served(app) as address:
        page = watch(address).page
        page.goto(address)
        expect(page.locator("#ours .modebar-btn").first).to_be_attached()
        expect(page.locator("#plain .modebar-btn[data-title*=Share]")).to_have_count(1)
        expect(page.locator("#ours .modebar-btn[data-title*=Share]")).to_have_count(0)
