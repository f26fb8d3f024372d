"""The page Pipeline in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine

from tests.dashboard.browser.sites import BEYOND_CARD, PROMISE_MS, TOO_WIDE, process
from usage_plugin.store.pipeline import keep_account

pytestmark = pytest.mark.browser


def test_long_hosts_and_errors_stay_in_their_place(extreme: str, watch: Any) -> None:
    """The pipeline's numbers stay in their cards, and its table in its box, however wide the window is."""
    watched = watch(extreme)
    page = watched.open("/pipeline")
    expect(page.locator(".table-box")).to_be_visible()
    for width in (1440, 1280, 1200, 900, 390):
        page.set_viewport_size({"width": width, "height": 900})
        fits = f"![...document.querySelectorAll('.table-box, .card')].some({TOO_WIDE})"
        page.wait_for_function(fits, timeout=PROMISE_MS)  # charts follow the window a moment later
        assert page.evaluate(BEYOND_CARD) == []
        assert watched.overflow_px() <= 0


def test_the_pipeline_follows_each_beat(live: tuple[str, Engine], watch: Any) -> None:
    """A process that reports while the page is open shows by itself, and the other pages say what is wrong with it."""
    address, engine = live
    page = watch(address).open("/pipeline")
    expect(page.get_by_text("No process has recorded here")).to_be_visible()
    keep_account(engine, process("new", lost=3))
    expect(page.locator(".kpi.bad")).to_contain_text("3", timeout=PROMISE_MS)
    expect(page.locator(".of-pipeline")).to_be_hidden()
    page.locator("#nav-overview").click()
    page.get_by_role("link", name="See the pipeline").click()
    expect(page.get_by_role("heading", name="Recording processes")).to_be_visible()
