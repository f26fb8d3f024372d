"""Every page in a real browser, wide and narrow, light and dark, full, empty and without its database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.dashboard.browser.sites import LOOKS, site
from tests.dashboard.conftest import served
from tests.extent import extent

pytestmark = pytest.mark.browser

PAGES = (
    "/", "/requests", "/anomalies", "/anomalies/1", "/budgets", "/budgets/1", "/rules", "/rules#1", "/calendar",
    "/calendar#1", "/alerts", "/alerts#1", "/pipeline",
)  # fmt: skip
DRAWN = {
    "/requests": ".ag-row", "/anomalies": ".entry", "/budgets": ".entry", "/calendar": ".table", "/rules": ".table",
    "/rules#1": "#rule-remove", "/calendar#1": "#event-remove", "/alerts": ".table", "/alerts#1": "#alert-look-after",
}  # fmt: skip
"""What a page shows once it is filled; the others show charts."""


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_pages_are_good_in_every_look(full: str, watch: Any, width: int, scheme: str) -> None:
    """No error, no foreign request, no sideways scrolling, nobody kept out: on each page, wide and narrow."""
    watched = watch(full, width=width, scheme=scheme)
    # Each page in one look or the other; all of them in both take a minute more.
    first, step = extent(LOOKS.index((width, scheme)), 0), extent(len(LOOKS), 1)
    for path in PAGES[first::step]:
        page = watched.open(path)
        expect(page.locator(DRAWN.get(path, ".js-plotly-plot .main-svg")).first).to_be_visible(timeout=20_000)
        watched.assert_good()
    assert page.evaluate("document.documentElement.dataset.mantineColorScheme") == scheme


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_page_without_calls_and_one_without_database_are_good(
    watch: Any, tmp_path: Path, broken: str, width: int, scheme: str
) -> None:
    """Empty and broken pages are pages too."""
    app, _ = site(tmp_path, [])
    with served(app) as empty:
        for address, words in ((empty, "No proxy has reported"), (broken, "cannot be used")):
            watched = watch(address, width=width, scheme=scheme)
            expect(watched.open("/").get_by_text(words).first).to_be_visible()
            watched.assert_good()
