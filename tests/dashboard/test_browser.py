"""The dashboard in a real browser: what only a browser can show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dash import Dash, dcc
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from dashboard import Data, create_app
from dashboard.components.graph import CONFIG
from tests.dashboard.conftest import served
from tests.dashboard.findings import anomaly_row, keep_rows
from tests.dashboard.watching import Watched
from usage_plugin.account import ProcessAccount
from usage_plugin.clock import utc_now
from usage_plugin.event import CostConfidence, PriceSnapshot, Status, UsageEvent
from usage_plugin.periods import Period
from usage_plugin.rules import Rule, Threshold, row_of
from usage_plugin.settings import Settings
from usage_plugin.store.budgets import Budget, budgets, save_budget
from usage_plugin.store.calendar import plan_event
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.part import Part
from usage_plugin.store.pipeline import keep_account
from usage_plugin.store.rules import save_rule
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

pytestmark = pytest.mark.browser

PAGES = (
    "/", "/requests", "/anomalies", "/anomalies/1", "/budgets", "/budgets/1", "/calendar", "/calendar#1", "/alerts",
    "/pipeline",
)  # fmt: skip
DRAWN = {
    "/requests": ".ag-row", "/anomalies": ".entry", "/budgets": ".entry", "/calendar": ".table",
    "/calendar#1": "#event-remove",
    "/alerts": ".all-well",
}  # fmt: skip
"""What a page shows once it is filled; the others show charts."""
# Colours do not depend on the width, nor the layout on the colours: each is seen once with the other.
LOOKS = [(1440, "light"), (390, "dark")]
PROMISE_MS = 5000
TOO_WIDE = "part => part.scrollWidth > part.clientWidth"
BEYOND_CARD = """[...document.querySelectorAll('.kpi-value')].map(value => {
    const range = document.createRange();
    range.selectNodeContents(value);
    const card = value.closest('.card').getBoundingClientRect();
    return [value.textContent, card.right - range.getBoundingClientRect().right];
}).filter(([, room]) => room < 12)"""
PRICE = PriceSnapshot("k", "openai", "gpt-4o", "litellm_price_map", "1.106.2", (("input_cost_per_token", "0.000001"),))
MODELS = (
    "gpt-4o",
    "claude-sonnet-4-5",
    "gemini-2.5-pro",
    "a-model-with-a-very-long-name/of-a-vendor/2026-01-01-preview",
)


def company() -> list[UsageEvent]:
    """Make 40 days of calls: dear and cheap, of every status and confidence, and one day that is far too dear."""
    now = utc_now()
    return [
        make_event(
            completed_at=now - timedelta(hours=2 * index, seconds=9),
            model=MODELS[index % 4],
            provider=("openai", "anthropic", "gemini")[index % 3],
            team_id=f"team-{index % 5}" if index % 6 else None,
            user_id=f"somebody-{index % 9}@example.com",
            status=list(Status)[0 if index % 7 else index % 4],
            cost_usd=None if index % 11 == 0 else (400 if 30 < index < 36 else 0.01 * (index % 12 + 1)),
            confidence=CostConfidence.UNPRICED if index % 11 == 0 else list(CostConfidence)[index % 3],
            price=PRICE,
        )
        for index in range(480)
    ]


def site(folder: Path, events: list[UsageEvent]) -> tuple[Dash, Engine]:
    url = f"sqlite:///{folder / 'usage.db'}"
    engine = connect(url)
    migrate(engine)
    write_events(engine, events)
    return create_app(Data(engine, Settings(database_url=url, data_dir=folder))), engine


def process(name: str, **changes: Any) -> ProcessAccount:
    """Make an account of a proxy that stays alive for the whole test."""
    now = utc_now()
    known: dict[str, Any] = {
        "process_id": name, "role": "proxy", "host": f"gateway-7c9f6d5b8-{name}", "pid": 12, "version": "0.1.0",
        "started_at": now, "beat_at": now + timedelta(hours=1), "seen": 12_345, "spooled": 12_345, "stored": 12_340,
    }  # fmt: skip
    return ProcessAccount(**{**known, **changes})


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a dashboard with 40 days of calls and something wrong in the recording."""
    app, engine = site(tmp_path_factory.mktemp("full"), company())
    keep_account(engine, process("x2kqp", waiting=5, spool_bytes=12_000, oldest_waiting_at=utc_now()))
    keep_account(engine, process("gone", set_aside=2, folded=400, stopped_at=utc_now()))
    now = utc_now().replace(minute=0, second=0, microsecond=0)
    times = {"started_at": now - timedelta(hours=80), "peak_at": now - timedelta(hours=70), "ended_at": now}
    first, *_ = keep_rows(engine, anomaly_row(1, **times), anomaly_row(2, **times, dimension="user", member="u" * 90))
    keep_rows(engine, anomaly_row(3, **times, merged_into_id=first))
    plan_event(engine, "Launch " * 14, starts_at=now, ends_at=now + timedelta(days=1), note="x" * 200, now=now)
    for name, usd in (("A budget", 9000), ("one-that-is-spent-and-has-a-very-long-name" * 2, 1)):
        save_budget(engine, Budget(name=name, part=Part(), amount_nano_usd=usd * 10**9, period=Period.MONTH), now)
    with served(app) as address:
        yield address
    engine.dispose()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[str, Engine]]:
    """Serve a dashboard over a store that a test writes to."""
    app, engine = site(tmp_path, [make_event(completed_at=utc_now() - timedelta(minutes=1))])
    with served(app) as address:
        yield address, engine
    engine.dispose()


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[str]:
    """Serve a dashboard whose database is away."""
    app = create_app(Data(connect("postgresql+psycopg://u:p@127.0.0.1:1/x"), Settings(data_dir=tmp_path)))
    with served(app) as address:
        yield address


@pytest.fixture
def watch(browser: Browser) -> Iterator[Any]:
    """Open watched pages; they are closed after the test."""
    opened: list[Watched] = []

    def start(address: str, **look: Any) -> Watched:
        opened.append(Watched(browser, address, **look))
        return opened[-1]

    yield start
    for watched in opened:
        watched.close()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_pages_are_good_in_every_look(full: str, watch: Any, width: int, scheme: str) -> None:
    """No error, no foreign request, no sideways scrolling, nobody kept out: on each page, wide and narrow."""
    watched = watch(full, width=width, scheme=scheme)
    for path in PAGES:
        page = watched.open(path)
        expect(page.locator(DRAWN.get(path, ".js-plotly-plot .main-svg")).first).to_be_visible(timeout=20_000)
        watched.assert_good()
    assert page.evaluate("document.documentElement.dataset.mantineColorScheme") == scheme


ARN = "bedrock/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.fixture(scope="module")
def extreme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a dashboard of calls with very long names and very large and small costs."""
    long = {"model": ARN, "team_alias": "Team " * 20, "team_id": "t", "user_id": f"{'somebody.' * 12}@example.com"}
    costs = {"rich": 9_000_000, "well-off": 999_999, "poor": "0.000000123"}
    calls = [
        make_event(
            completed_at=utc_now() - timedelta(hours=1),
            provider=provider,
            cost_usd=cost,
            confidence=CostConfidence.ESTIMATED,
            **long,
        )
        for provider, cost in costs.items()
    ]
    app, engine = site(tmp_path_factory.mktemp("extreme"), calls)
    huge = dict.fromkeys(("seen", "spooled", "stored", "waiting", "adopted", "folded", "set_aside", "lost"), 10**10)
    keep_account(engine, process("host." * 20, last_error="the database is away " * 20, **huge))
    with served(app) as address:
        yield address
    engine.dispose()


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


@pytest.mark.parametrize("provider", ["rich", "well-off", "poor"])
def test_no_digit_is_cut_off_in_the_grid(extreme: str, watch: Any, provider: str) -> None:
    """Times and estimated costs, large and small, are whole at 1440 pixels, and all columns fit beside them."""
    page = watch(extreme).open(f"/requests?provider={provider}")
    expect(page.locator(".ag-row [col-id=cost_nano_usd]")).to_contain_text("≈ $")
    for column in ("cost_nano_usd", "completed_at", "total_tokens", "latency_ms", "cost_confidence"):
        cell = f"[...document.querySelectorAll('.ag-row [col-id={column}]')]"
        assert page.evaluate(f"{cell}.some({TOO_WIDE})") is False, column
    assert page.evaluate(f"[...document.querySelectorAll('.ag-center-cols-viewport')].some({TOO_WIDE})") is False


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


@pytest.mark.parametrize(("path", "row"), [("/", ".table tr"), ("/requests", ".ag-row")])
def test_a_new_call_shows_within_five_seconds(live: tuple[str, Engine], watch: Any, path: str, row: str) -> None:
    """A row that is written while the page is open appears on it by itself."""
    address, engine = live
    page = watch(address).open(path)
    expect(page.locator(row).get_by_text("gpt-4o-mini")).to_be_visible()
    write_events(engine, [make_event(completed_at=utc_now(), model="brand-new-model")])
    expect(page.locator(row).get_by_text("brand-new-model")).to_be_visible(timeout=PROMISE_MS)


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
