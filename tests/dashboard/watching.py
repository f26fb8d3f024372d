"""A browser page in, everything that must not happen on it out."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

SIZES = {1440: 900, 1200: 900, 900: 900, 390: 844}
_axe = Axe()


class Watched:
    """A page that notes console errors, script errors and requests that leave the machine."""

    def __init__(self, browser: Browser, address: str, *, width: int = 1440, scheme: str = "light") -> None:
        self.address = address
        self.faults: list[str] = []
        context = browser.new_context(
            viewport={"width": width, "height": SIZES[width]},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        self.page: Page = context.new_page()
        self.page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self._check(request.url))

    def _check(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"a request to {url}")

    def open(self, path: str) -> Page:
        """Load a page and wait for its figures, or for the reason why there are none."""
        self.page.goto(self.address + path)
        expect(self.page.locator(".drawn, .state-panel").first).to_be_visible(timeout=20_000)
        expect(self.page.locator(".loading")).to_have_count(0)
        return self.page

    def overflow_px(self) -> int:
        """Say by how much the page is wider than the window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return width

    def violations(self) -> list[str]:
        """Ask axe-core for what keeps people out."""
        found: list[dict[str, Any]] = _axe.run(self.page).response["violations"]
        return [f"{entry['id']}: {node['html'][:200]}" for entry in found for node in entry["nodes"]]

    def assert_good(self) -> None:
        """Check all of it."""
        assert self.violations() == []
        assert self.overflow_px() <= 0
        assert self.faults == []

    def close(self) -> None:
        """End the page and what it remembers."""
        self.page.context.close()
