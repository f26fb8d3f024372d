"""What people enter on pages, in a real browser: kept, shown, opened by its link, and removed."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine

from tests.alerts.findings import finding
from tests.dashboard.browser.sites import PROMISE_MS
from tests.dashboard.findings import anomaly_row, keep_rows
from usage_plugin.alerts import Source, raise_alerts
from usage_plugin.clock import utc_now
from usage_plugin.rules import Rule, Threshold, row_of
from usage_plugin.store.budgets import budgets
from usage_plugin.store.rules import save_rule

pytestmark = pytest.mark.browser


def test_what_somebody_enters_is_kept_and_shown(live: tuple[str, Engine], watch: Any) -> None:
    """A budget is added, opened and removed by hand; opening its page alone changes nothing."""
    address, engine = live
    watched = watch(address)
    page = watched.open("/budgets")
    expect(page.get_by_text("No budgets yet")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Everything")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("The amount is missing")).to_be_visible()
    page.get_by_label("Amount").fill("250")
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator(".entry-title").get_by_text("Everything").click(timeout=PROMISE_MS)
    expect(page.get_by_role("heading", name="Everything")).to_be_visible(timeout=20_000)
    expect(page.get_by_label("Amount")).to_have_value("$250")
    assert len(budgets(engine)) == 1
    page.get_by_text("Remove this budget").click()
    page.get_by_role("button", name="Remove it for good").click()
    expect(page.get_by_text("No such budget")).to_be_visible(timeout=PROMISE_MS)
    assert watched.faults == []


def test_a_rule_is_tried_kept_opened_by_its_link_and_removed(live: tuple[str, Engine], watch: Any) -> None:
    """The form of a link begins with its rule; the trial shows a verdict and a chart; removing empties the form."""
    address, engine = live
    kept = save_rule(engine, row_of(Rule(name="Dear", settings=Threshold(above=0.5))), now=utc_now())
    watched = watch(address)
    page = watched.open(f"/rules#{kept.id}")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Dear", timeout=20_000)
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#rule-verdict")).to_contain_text("ould not have fired", timeout=60_000)
    watched.assert_good()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("No rules yet")).to_be_visible(timeout=20_000)
    expect(page.get_by_label("Name", exact=True)).to_have_value("", timeout=20_000)
    assert watched.faults == []


def test_feedback_moves_an_anomaly_to_its_segment(live: tuple[str, Engine], watch: Any) -> None:
    """One click on its page, and the inbox has it elsewhere; the segment is in the address."""
    address, engine = live
    keep_rows(engine, anomaly_row())
    watched = watch(address)
    page = watched.open("/anomalies")
    page.locator(".entry-title").click()
    expect(page.get_by_role("heading", name="Cost of all calls")).to_be_visible(timeout=20_000)
    expect(page.locator(".history li")).to_have_count(1)
    page.get_by_label("Note").fill("a load test")
    page.get_by_role("button", name="Expected").click()
    expect(page.locator(".history").get_by_text("a load test")).to_be_visible(timeout=PROMISE_MS)
    page.get_by_role("link", name="All anomalies").click()
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    page.locator(".tab").get_by_text("Resolved").click()
    page.wait_for_url("**/anomalies#resolved")
    expect(page.locator(".entry")).to_have_count(1)
    assert watched.faults == []


def test_somebody_looks_after_an_alert(live: tuple[str, Engine], watch: Any) -> None:
    """From the list to the alert in full, by one click, and open again by another; the name is remembered."""
    address, engine = live
    now = utc_now()
    raise_alerts(engine, Source.RULE, [finding(each, since=now) for each in ("a", "b")], now)
    watched = watch(address)
    page = watched.open("/alerts")
    page.get_by_role("link", name="Look after it").nth(1).click()
    page.get_by_label("Your name").fill("Ana")
    page.get_by_role("button", name="I look after it").click()
    expect(page.locator("#alert-said")).to_contain_text("Ana looks after “Something about a”", timeout=PROMISE_MS)
    expect(page.get_by_role("link", name="Ana looks after it")).to_be_visible(timeout=PROMISE_MS)
    page.get_by_role("link", name="Look after it", exact=True).click()
    expect(page.get_by_label("Your name")).to_have_value("Ana")
    page.get_by_role("link", name="Ana looks after it").click()
    page.get_by_role("button", name="Open again").click()
    expect(page.locator("#alert-said")).to_contain_text("“Something about a” is open again", timeout=PROMISE_MS)
    assert watched.faults == []
