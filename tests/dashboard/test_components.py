"""Components, compared as what they are: no browser, no callback."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from dash import dcc, html
from plotly.io.json import to_json_plotly

from dashboard.components.activity import cost_of, recent_table
from dashboard.components.breakdown import confidence_panel, share_list, token_panel
from dashboard.components.detail import arithmetic_table, detail_view, missing_view
from dashboard.components.graph import graph
from dashboard.components.grid import columns, row_of
from dashboard.components.kpi import Kpi, change, cost_text
from dashboard.components.parts import dot, link
from dashboard.components.states import TITLES, empty_state, notice_list
from dashboard.filters import Filters
from dashboard.queries.health import Emptiness, Notice, Reason, Trouble
from dashboard.queries.requests import Arithmetic
from dashboard.theme import LIGHT
from tests.dashboard.conftest import NOW
from usage_plugin.arithmetic import cost_lines
from usage_plugin.event import CostConfidence
from usage_plugin.store.read import ConfidenceSplit, Dimension, Member, Price, RecordDetail, Share, Spent, Usage
from usage_plugin.store.read.records import SORTABLE
from usage_plugin.store.tables import UsageRecord
from usage_plugin.time_zone import UTC_ZONE

WEEK = Filters()


def record(**changes: Any) -> UsageRecord:
    known: dict[str, Any] = {
        "event_key": "k1", "received_at": NOW, "started_at": NOW, "completed_at": NOW, "latency_ms": 843.0,
        "call_type": "acompletion", "model": "gpt-4o", "provider": "openai", "status": "success",
        "tokens_source": "provider", "total_tokens": 1_100, "cost_nano_usd": 2_800_000, "cost_confidence": "exact",
    }  # fmt: skip
    return UsageRecord(**{**known, **changes})


def words(component: Any) -> str:
    """Read a component as a person would: all its texts in order."""
    if component is None:
        return ""
    if isinstance(component, list | tuple):
        return " ".join(filter(None, map(words, component)))
    return words(component.children) if hasattr(component, "children") else str(component)


def plain(component: Any) -> Any:
    """Write a component as it goes to the browser: Dash's components have no equality of their own."""
    return json.loads(to_json_plotly(component))


def kpi(now: float | None, before: float | None, more_is: str = "bad") -> Kpi:
    return Kpi(label="Cost", value="", now=now, before=before, course=[], more_is=more_is)


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (15, 10, "▲ 50.0% up 50.0%  vs previous"),
        (5, 10, "▼ 50.0% down 50.0%  vs previous"),
        (200, 10, "▲ 20-fold up 20-fold  vs previous"),
        (10, 10, "as before"),
        (9_999, 3, "hardly any before"),
        (10, None, "no comparison"),
        (None, 10, "no comparison"),
        (10, 0, "was 0 before"),
        (0, 0, "as before"),
    ],
)
def test_change_is_said_in_words(now: float | None, before: float | None, said: str) -> None:
    """A change can be read without seeing colours; without a past nothing is compared."""
    assert words(change(kpi(now, before))) == said


def test_only_bad_news_is_red() -> None:
    """More requests are no bad news; more cost is, and less is good."""
    classes = [change(kpi(*values)).className for values in ((2, 1, "bad"), (1, 2, "bad"), (2, 1, ""))]
    assert classes == ["kpi-change bad", "kpi-change good", "kpi-change"]


def test_unknown_cost_is_a_word() -> None:
    """A cost that nobody knows never looks like a sum."""
    assert cost_text(Usage(requests=1, unpriced_requests=1)) == cost_of(record(cost_nano_usd=None)) == "unpriced"
    for confidence in ("cached", "free"):
        assert cost_of(record(cost_nano_usd=0, cost_confidence=confidence)) == confidence
    assert cost_of(record(cost_nano_usd=0, cost_confidence="exact")) == "$0.00"
    assert cost_text(Usage()) == "—"
    assert cost_of(record(cost_confidence="estimated")) == "≈ $0.00280"
    assert cost_of(record(cost_confidence="partial")) == "≥ $0.00280"


def test_confidence_panel_counts_what_has_no_price() -> None:
    """The exact share is of the known cost, and unpriced calls stand beside it."""
    usage = Usage(requests=5, cost_nano_usd=4 * 10**9, estimated_cost_nano_usd=10**9, unpriced_requests=1)
    split = ConfidenceSplit(requests={"exact": 3, "estimated": 1, "unpriced": 1}, cost_nano_usd={})
    said = words(confidence_panel(usage, split, LIGHT))
    assert "75.0% of the cost is exact" in said
    assert "Exact $3.00 · 3 calls" in said
    assert "Estimated $1.00 · 1 call" in said
    assert "1 unpriced: cost unknown" in said


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        (Usage(requests=1, unpriced_requests=1), "No call has a known cost"),
        (Usage(requests=1, cost_nano_usd=0), "Nothing was billed"),
        (Usage(), "No cost to judge"),
    ],
)
def test_confidence_without_a_cost(usage: Usage, said: str) -> None:
    """No share of nothing is claimed."""
    assert said in words(confidence_panel(usage, ConfidenceSplit(requests={}, cost_nano_usd={}), LIGHT))


def test_token_panel_adds_disjoint_categories() -> None:
    """Each kind of token once; kinds that did not occur are left out."""
    usage = Usage(
        input_uncached_tokens=600,
        input_cache_write_5m_tokens=100,
        input_cache_write_1h_tokens=100,
        output_text_tokens=200,
    )
    said = words(token_panel(usage, LIGHT))
    assert said == "1,000 tokens Input 600 · 60.0% Cache write 200 · 20.0% Output 200 · 20.0%"


def test_shares_lead_to_their_calls() -> None:
    """Each member's name is a link to its calls with the other filters kept; the rest has none."""
    shares = [Share(Member("t1", "Search"), Spent(requests=1, cost_nano_usd=3 * 10**9)), Share(None, Spent(requests=2))]
    listed = share_list(shares, Dimension.TEAM, Filters(model=("m",)))
    first, rest = listed.children
    to_calls = dcc.Link("Search", href="/requests?model=m&team=t1", className="link")
    assert plain(first.children[0].children[0].children) == plain(to_calls)
    assert words(first) == "Search 1 call $3.00 100.0%"
    assert first.children[0].children[0].title == "Search"
    assert words(rest) == "All others 2 calls —"


def test_recent_rows_open_their_call() -> None:
    """The newest calls are rows, each leading to its detail."""
    listed = recent_table([record(user_id="u")], NOW + timedelta(seconds=3), WEEK)
    assert words(listed).endswith("3 s ago gpt-4o — u success 1,100 843 ms $0.00280")
    cells = listed.children.children[-1].children[0].children
    assert plain(cells[0].children) == plain(link("3 s ago", "/requests#k1"))
    assert plain(cells[1]) == plain(html.Td(html.Span("gpt-4o", title="gpt-4o"), className="name main"))
    assert plain(cells[4].children) == plain(dot("success", "status-success"))


def test_grid_rows_fill_each_column() -> None:
    """Each column of the grid is a column that the store can sort by, and has a text."""
    fields = [column["field"] for column in columns(UTC_ZONE)]
    assert set(fields) <= SORTABLE
    row = row_of(record(api_key_hash="0123456789abcdef", is_terminal=False), UTC_ZONE)
    assert set(row) == {*fields, "event_key"}
    assert row["api_key_hash"] == "01234567…"
    assert row["status"] == "success (attempt)"


def test_arithmetic_table_ends_in_bold_cost() -> None:
    """units x unit price = dollars, line by line, with source and date of the prices."""
    prices = {"input_cost_per_token": Decimal("0.000002"), "output_cost_per_token": Decimal("0.000008")}
    lines = cost_lines({"input_uncached_tokens": 1000, "output_text_tokens": 100}, prices)
    price = Price("litellm_price_map", "1.106.2", NOW, prices)
    shown = words(arithmetic_table(Arithmetic(lines, Decimal("0.01"), Decimal("0.0128")), record(), price, UTC_ZONE))
    assert "Input 1,000 $2.00 / 1M $0.0020" in shown
    assert "Output 100 $8.00 / 1M $0.0008" in shown
    assert "Adjustment: tools, tiers, discounts, rounding $0.0100 Cost $0.0128" in shown
    assert "LiteLLM's price map (LiteLLM 1.106.2), first used 2026-03-04 12:30:00 UTC" in shown


def test_dollars_of_a_bill_stand_under_one_another() -> None:
    """The dollars of all lines have as many decimals as the longest, and so have the prices of a unit."""
    prices = {
        "input_cost_per_token": Decimal("0.000000125"),
        "output_cost_per_token": Decimal("0.00001"),
        "input_cost_per_query": Decimal("0.035"),
    }
    units = {"input_uncached_tokens": 178_152, "output_text_tokens": 3_918, "search_units": 2}
    lines = cost_lines(units, prices)
    shown = words(arithmetic_table(Arithmetic(lines, Decimal(0), Decimal("0.131449")), record(), None, UTC_ZONE))
    assert "178,152 $0.125 / 1M $0.022269 Output 3,918 $10.000 / 1M $0.039180" in shown
    assert "Searches 2 $0.035 / search $0.070000 Cost $0.131449" in shown


def test_a_missing_call_is_not_explained_by_what_cannot_be() -> None:
    """Nothing removes calls by itself, so a link to none is from elsewhere."""
    assert words(missing_view("k1")) == (
        "There is no call k1 in this database. The link may come from a dashboard of another one."
    )


def test_arithmetic_of_an_unpriced_call_says_what_is_missing() -> None:
    """Without a price there is no product and no sum."""
    lines = cost_lines({"input_uncached_tokens": 1000}, {})
    unpriced = record(cost_nano_usd=None, cost_confidence="unpriced")
    shown = words(arithmetic_table(Arithmetic(lines, Decimal(0), None), unpriced, None, UTC_ZONE))
    assert "Input 1,000 no price — Cost unpriced No unit prices were known" in shown


def test_detail_leaves_out_what_a_call_has_not() -> None:
    """Fields without a value are not listed; zero and no are values."""
    found = RecordDetail(record(fallbacks=0, stream=False), ("feature:chat",), None)
    shown = words(detail_view(found, Arithmetic((), Decimal(0), Decimal("0.0028")), UTC_ZONE))
    assert "Fallbacks 0" in shown
    assert "Streamed no" in shown
    assert "feature:chat" in shown
    assert "Error class" not in shown


@pytest.mark.parametrize("confidence", list(CostConfidence))
def test_every_confidence_is_explained(confidence: CostConfidence) -> None:
    """No way of knowing a cost is shown without saying what it means."""
    shown = words(
        detail_view(
            RecordDetail(record(cost_confidence=confidence.value), (), None),
            Arithmetic((), Decimal(0), None),
            UTC_ZONE,
        )
    )
    assert f"{confidence.value}: " in shown


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_title_and_a_remedy(reason: Reason) -> None:
    """An empty page never only says that it is empty."""
    panel = empty_state(Emptiness(reason, "in the last 7 days", NOW), Filters(team=("x",)), "/")
    title, *remedy = panel.children
    assert plain(title) == plain(html.H2(TITLES[reason]))
    assert words(remedy).strip()


def test_no_match_offers_the_page_without_filters() -> None:
    """One click drops the filters and keeps the time."""
    panel = empty_state(Emptiness(Reason.NO_MATCH), Filters(range="30d", team=("x",)), "/requests")
    assert plain(panel.children[-1]) == plain(link("Clear the filters", "/requests?range=30d", "button"))


@pytest.mark.parametrize("trouble", list(Trouble))
def test_every_trouble_is_said(trouble: Trouble) -> None:
    """Each trouble is a sentence that carries its number or its cause."""
    (line,) = notice_list([Notice(trouble, detail="disk full", count=3, since=NOW)])
    assert any(fact in words(line).lower() for fact in ("disk full", "2026-03-04"))


def test_no_graph_can_be_uploaded() -> None:
    """plotly's "Share chart" needs a server and leave to use it: a graph has neither."""
    config = graph("g", "what it shows").children.config
    assert (config["showSendToCloud"], config["plotlyServerURL"]) == (False, "")
