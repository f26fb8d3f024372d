"""The page Requests in a real browser: its grid, and a call down to its arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.dashboard.browser.sites import TOO_WIDE

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("provider", ["rich", "well-off", "poor"])
def test_no_digit_is_cut_off_in_the_grid(extreme: str, watch: Any, provider: str) -> None:
    """Times and estimated costs, large and small, are whole at 1440 pixels, and all columns fit beside them."""
    page = watch(extreme).open(f"/requests?provider={provider}")
    expect(page.locator(".ag-row [col-id=cost_nano_usd]")).to_contain_text("≈ $")
    for column in ("cost_nano_usd", "completed_at", "total_tokens", "latency_ms", "cost_confidence"):
        cell = f"[...document.querySelectorAll('.ag-row [col-id={column}]')]"
        assert page.evaluate(f"{cell}.some({TOO_WIDE})") is False, column
    assert page.evaluate(f"[...document.querySelectorAll('.ag-center-cols-viewport')].some({TOO_WIDE})") is False


def test_a_row_opens_its_arithmetic(full: str, watch: Any) -> None:
    """A click on a row shows how its cost comes about; the address names the call; closing forgets it."""
    watched = watch(full)
    page = watched.open("/requests")
    page.locator(".ag-row").nth(2).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="How the cost comes about")).to_be_visible()
    page.wait_for_url("**/requests#*")
    watched.assert_good()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.wait_for_function("location.hash === ''")


def test_grid_sorts_in_the_store(full: str, watch: Any) -> None:
    """The dearest call of all comes first, not the dearest of those already loaded."""
    page = watch(full).open("/requests?range=90d")
    page.locator(".ag-header-cell[col-id=cost_nano_usd]").click()
    expect(page.locator(".ag-row[row-index='0'] [col-id=cost_nano_usd]")).to_contain_text("$400.00")
