"""The Overview in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine

from tests.dashboard.browser.sites import ARN, BEYOND_CARD, PROMISE_MS, TOO_WIDE, site
from tests.dashboard.conftest import served
from usage_plugin.clock import utc_now
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("provider", ["rich", "well-off", "poor"])
def test_long_names_and_large_sums_stay_in_their_place(extreme: str, watch: Any, provider: str) -> None:
    """A long name makes room for the other columns and tells itself in full; no sum leaves its card, at any width."""
    watched = watch(extreme)
    page = watched.open(f"/?provider={provider}&range=24h")
    expect(page.locator(".table-box")).to_be_visible()
    for width in (1440, 1200, 900, 390):
        page.set_viewport_size({"width": width, "height": 900})
        fits = f"![...document.querySelectorAll('.table-box, .card, .legend, .kpi-value')].some({TOO_WIDE})"
        page.wait_for_function(fits, timeout=PROMISE_MS)  # charts follow the window a moment later
        assert page.evaluate(BEYOND_CARD) == []
        for part in (".table", ".legend", ".shares"):
            expect(page.locator(f"{part} [title='{ARN}']").first).to_be_visible()


@pytest.mark.parametrize("width", [900, 390])
def test_a_chart_under_the_others_has_the_height_of_its_room(extreme: str, watch: Any, width: int) -> None:
    """On narrow screens a chart does not grow to plotly's own height, nor out of its card."""
    page = watch(extreme, width=width).open("/")
    expect(page.locator("#overview-cost .main-svg").first).to_be_visible()
    page.wait_for_function("document.querySelector('#overview-cost .main-svg').getBoundingClientRect().height === 300")


def test_hours_are_named_by_when_they_begin(extreme: str, watch: Any) -> None:
    """No tick of a short time stands at half past."""
    for path in ("/?range=6h", "/?range=24h"):
        page = watch(extreme).open(path)
        ticks = page.locator("#overview-cost .xtick text")
        expect(ticks.first).to_be_visible()
        assert {text[:5][-3:] for text in ticks.all_text_contents()} == {":00"}


def test_a_new_call_ends_an_empty_page(watch: Any, tmp_path: Path) -> None:
    """The first call of all replaces the explanation with figures."""
    app, engine = site(tmp_path, [])
    with served(app) as address:
        page = watch(address).open("/")
        write_events(engine, [make_event(completed_at=utc_now())])
        expect(page.locator(".drawn")).to_be_visible(timeout=PROMISE_MS)


def test_redrawing_keeps_the_chart(live: tuple[str, Engine], watch: Any) -> None:
    """New figures replace the old ones in place, without a flash."""
    address, engine = live
    page = watch(address).open("/")
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    page.evaluate("window.chart = document.querySelector('.js-plotly-plot')")
    write_events(engine, [make_event(completed_at=utc_now(), model="brand-new-model")])
    expect(page.locator(".legend").get_by_text("brand-new-model").first).to_be_visible(timeout=PROMISE_MS)
    assert page.evaluate("window.chart.isConnected")
