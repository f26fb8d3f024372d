"""Budgets: their list, their page and their form, as a browser asks for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, text

from dashboard import Data, create_app, ids
from dashboard.acts import READ_ONLY
from dashboard.components.budget import no_budgets
from dashboard.components.budget_form import FIELDS
from dashboard.filters import Filters
from dashboard.queries.budgets import all_budgets, entered, one_budget, shares_in, shares_text
from tests.dashboard.conftest import NOW, Post, ago, poster
from tests.dashboard.findings import USD
from tests.dashboard.test_components import words
from usage_plugin.budgets import Standing
from usage_plugin.errors import InputError
from usage_plugin.event import CostConfidence
from usage_plugin.periods import Period
from usage_plugin.settings import Settings
from usage_plugin.store.budgets import Action, Budget, budgets, save_budget
from usage_plugin.store.database import connect
from usage_plugin.store.grant import grant_read
from usage_plugin.store.part import Part
from usage_plugin.store.prune import prune
from usage_plugin.store.retention import Retention
from usage_plugin.store.write import write_events
from usage_plugin.testing import FakeClock


def text_of(filled: object) -> str:
    return json.dumps(filled, ensure_ascii=False)


def budget(store: Engine, **changes: Any) -> Budget:
    known: dict[str, Any] = {
        "name": "Search", "part": Part.read("team=t1"), "amount_nano_usd": 100 * USD, "period": Period.MONTH,
    }  # fmt: skip
    return save_budget(store, Budget(**{**known, **changes}), NOW)


def sixty_days(**overrides: Any) -> list[Any]:
    return [ago(24 * day + 1, cost_usd=5, team_id="t1", team_alias="Search", **overrides) for day in range(60)]


def test_the_list_puts_what_is_spent_most_first(data: Data, store: Engine) -> None:
    """A budget that is switched off is last, however much of it is spent."""
    write_events(store, sixty_days())
    for name, usd, enabled in (("large", 1000, True), ("small", 10, True), ("off", 1, False)):
        budget(store, name=name, amount_nano_usd=usd * USD, is_enabled=enabled)
    frame = all_budgets(data.look())
    assert [each.budget.name for each in frame.standings] == ["small", "large", "off"]


def test_a_row_says_what_somebody_must_know(post: Post, store: Engine) -> None:
    """Projected over, when it runs out, what calls beyond it meet, and that calls have no price."""
    write_events(store, [*sixty_days(), ago(1, cost_usd=None, team_id="t1")])
    budget(store, action=Action.BLOCK)
    said = text_of(post(ids.BUDGETS_LIST)[ids.BUDGETS_LIST])
    for part in (
        "projected over",
        "refuses calls",
        "+ 1 call unpriced",
        "$20.00",
        "of $100.00",
        "runs out",
        "team Search",
    ):
        assert part in said, part
    assert "refuses calls when spent" in said, "not now"
    assert "No budgets yet" not in said
    assert "No budgets yet" in words(no_budgets())


def test_a_budgets_page_adds_its_days_up(data: Data, store: Engine) -> None:
    """Solid up to today, forecast from today to the end of the month, and an even pace that ends at the amount."""
    write_events(store, sixty_days())
    kept = budget(store)
    frame = one_budget(data.look(), kept.id)
    course = frame.course
    assert course is not None
    assert isinstance(frame.standing, Standing)
    assert course.spent_usd[:4].tolist() == [5.0, 10.0, 15.0, 20.0]
    assert np.isnan(course.spent_usd[4:]).all()
    assert np.isnan(course.forecast_usd[:3]).all()
    expected = frame.standing.outlook.expected_nano_usd
    assert expected is not None
    assert course.forecast_usd[-1] == pytest.approx(expected / USD)
    assert course.pace_usd[-1] == course.limit_usd == 100.0
    assert course.likely_usd is not None
    assert course.likely_usd[0] <= course.forecast_usd[-1] <= course.likely_usd[1]


def test_a_page_says_expected_interval_and_past_error(post: Post, store: Engine) -> None:
    """And of a short history how much is missing."""
    write_events(store, [*sixty_days(), *(ago(24 * day + 1, cost_usd=5, team_id="t2") for day in range(3))])
    kept = budget(store)
    new = budget(store, name="new", part=Part.read("team=t2"))
    said = text_of(post(ids.BUDGET_KPIS, url__pathname=f"/budgets/{kept.id}"))
    for part in ("80 %: $", "off by", "about", "Even pace", "ahead of an even pace"):
        assert part in said, part
    assert "26 more days needed" in text_of(post(ids.BUDGET_KPIS, url__pathname=f"/budgets/{new.id}"))
    assert "No such budget" in text_of(post(ids.BUDGET_STATE, url__pathname="/budgets/99"))


def test_days_that_are_missing_are_not_waited_for(post: Post, store: Engine) -> None:
    """Where calls have no price, more days of such calls bring no forecast: budget and Overview say what is missing."""
    unpriced = [ago(24 * day + 1, cost_usd=None, team_id="t1") for day in range(30)]
    write_events(store, [*unpriced, ago(40 * 24 + 1, cost_usd=5, team_id="t1")])
    kept = budget(store)
    why = "too many days are missing: on 29 of 40 no call has a price"
    for said in (text_of(post(ids.BUDGET_KPIS, url__pathname=f"/budgets/{kept.id}")), text_of(post(ids.AHEAD))):
        assert why in said
        assert "needed" not in said


def test_a_page_says_what_of_its_spend_is_estimated(post: Post, store: Engine) -> None:
    """Beside the share, since it is a part of it."""
    rough = ago(1, cost_usd=5, team_id="t1", confidence=CostConfidence.ESTIMATED)
    partial = ago(1, cost_usd=2, team_id="t1", confidence=CostConfidence.PARTIAL)
    write_events(store, [ago(1, cost_usd=5, team_id="t1"), rough, partial])
    said = text_of(post(ids.BUDGET_KPIS, url__pathname=f"/budgets/{budget(store).id}"))
    assert "12.0% of the amount, $5.00 of it estimated, $2.00 of it a lower bound" in said


@pytest.mark.parametrize("period", list(Period))
def test_every_period_has_a_course(data: Data, store: Engine, period: Period) -> None:
    """A day has one bar, a rolling period no pace."""
    write_events(store, sixty_days())
    kept = budget(store, period=period, rolling_days=7 if period is Period.ROLLING else None)
    course = one_budget(data.look(), kept.id).course
    assert course is not None
    assert np.isfinite(course.spent_usd).any()
    assert np.isnan(course.pace_usd).all() == (period is Period.ROLLING)


def given(**changes: Any) -> dict[str, Any]:
    fresh = {
        "name": "New", "dimension": "team", "member": "Search", "amount": 12.5, "period": "month",
        "thresholds": "50, 80, 100", "action": "alert", "is_enabled": True,
    }  # fmt: skip
    held = {**dict.fromkeys(FIELDS), **fresh, **changes}
    return {f"{ids.budget(name).replace('-', '_')}__{prop}": held[name] for name, prop in FIELDS.items()}


def save(post: Post, path: str = "/budgets", **changes: Any) -> str:
    values = {"budget_save__n_clicks": 1, "url__pathname": path}
    return text_of(post("budget-said.children@", "budget-save.n_clicks", **values, **given(**changes)))


def test_a_budget_is_kept_as_it_was_entered(post: Post, store: Engine) -> None:
    """A name of the list stands for its member; the form of its page begins with what is kept."""
    write_events(store, sixty_days())
    assert "Budget New is kept." in save(post, thresholds="80%; 100", action="degrade", degrade_to="cheap")
    (kept,) = budgets(store)
    assert (kept.part, kept.amount_nano_usd, kept.thresholds) == (Part.read("team=t1"), 12_500_000_000, (0.8, 1.0))
    path = f"/budgets/{kept.id}"
    held = post(ids.budget("thresholds"), url__pathname=path)
    assert held[ids.budget("member")]["value"] == "Search"
    assert held[ids.budget("thresholds")]["value"] == "80, 100"
    assert "is kept" in save(post, path, amount=20, rolling_days="")
    (changed,) = budgets(store)
    assert (changed.id, changed.amount_nano_usd) == (kept.id, 20 * USD)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "cannot be named"),
        ({"name": "x" * 101}, "101 characters is too long"),
        ({"amount": ""}, "The amount is missing"),
        ({"amount": 0}, "Give an amount above 0"),
        ({"amount": -3}, "The amount is missing"),
        ({"amount": "1; DROP TABLE"}, "The amount is missing"),
        ({"member": ""}, "It is not said which team is meant"),
        ({"dimension": "colour"}, "calls have no"),
        ({"period": "fortnight"}, "The period is missing"),
        ({"period": "rolling"}, "rolls over None days"),
        ({"thresholds": "half"}, "Write percents like 50, 80, 100"),
        ({"thresholds": "-5"}, "Give at most"),
        ({"action": "degrade"}, "Name a model group"),
        ({"parent": "77"}, "one that is gone"),
    ],
)
def test_what_cannot_work_is_refused_with_its_value_and_a_remedy(
    post: Post, store: Engine, changes: dict[str, Any], said: str
) -> None:
    """Nothing is kept, and the message says what to enter."""
    write_events(store, [ago(1)])
    assert said.casefold() in save(post, **changes).casefold()
    assert budgets(store) == []


def test_a_name_that_is_taken_is_refused(post: Post, store: Engine) -> None:
    """Messages name budgets, so that no two may have one name."""
    write_events(store, [ago(1)])
    budget(store, name="New")
    assert "There is a budget named 'New' already" in save(post)


def test_markup_in_names_stays_text(post: Post, store: Engine) -> None:
    """A name is shown as it is, never as HTML."""
    write_events(store, [ago(1)])
    budget(store, name="<img src=x onerror=alert(1)>")
    said = text_of(post(ids.BUDGETS_LIST)[ids.BUDGETS_LIST])
    assert "<img src=x" in said
    assert "dangerously" not in said.casefold()


def test_a_budget_is_removed_by_a_click_only(post: Post, store: Engine) -> None:
    """Opening its page calls the button's callback without a click."""
    kept = budget(store)
    path = f"/budgets/{kept.id}"
    assert post(ids.BUDGET_REMOVED, "budget-remove.n_clicks", url__pathname=path) == {}
    assert len(budgets(store)) == 1
    said = post(ids.BUDGET_REMOVED, "budget-remove.n_clicks", url__pathname=path, budget_remove__n_clicks=1)
    assert "The budget is removed." in text_of(said)
    assert budgets(store) == []
    again = post(ids.BUDGET_REMOVED, "budget-remove.n_clicks", url__pathname=path, budget_remove__n_clicks=1)
    assert "It may have been removed already" in text_of(again)


@pytest.mark.parametrize("shares", [(0.5, 0.8, 1.0), (0.123,), (2.0,), ()])
def test_thresholds_are_read_as_they_are_written(shares: tuple[float, ...]) -> None:
    """Percents, with a digit after the point where there is one."""
    assert shares_in(shares_text(shares)) == pytest.approx(shares)


def test_thresholds_that_are_no_numbers_are_refused() -> None:
    """The message shows what was entered."""
    with pytest.raises(InputError, match="'half'"):
        shares_in("half")


def test_a_new_budgets_form_is_empty_and_counts(data: Data, store: Engine) -> None:
    """With the thresholds that most people want."""
    assert entered(data.look(), None)["thresholds"] == "50, 80, 100"
    assert set(entered(data.look(), None)) == set(FIELDS)
    assert Filters().count == 0


def test_a_dashboard_that_may_only_read_says_so(tmp_path: Path, migrated_postgres_url: str) -> None:
    """Fields rest with the reason, and a change that is sent all the same is answered in words."""
    owner = connect(migrated_postgres_url)
    with owner.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS budget_reader"))
        connection.execute(text("CREATE ROLE budget_reader LOGIN"))
    grant_read(owner, "budget_reader")
    write_events(owner, [ago(1)])
    kept = budget(owner)
    url = owner.url.set(username="budget_reader").render_as_string(hide_password=False)
    engine = connect(url)
    post = poster(create_app(Data(engine, Settings(database_url=url, data_dir=tmp_path), clock=FakeClock(NOW))))
    begun = post(ids.BUDGET_FORM, url__pathname="/budgets")
    assert begun[ids.BUDGET_FORM]["disabled"] is True
    assert READ_ONLY in text_of(begun)
    assert READ_ONLY in save(post, member="t9")
    removed = {"url__pathname": f"/budgets/{kept.id}", "budget_remove__n_clicks": 1}
    assert READ_ONLY in text_of(post(ids.BUDGET_REMOVED, "budget-remove.n_clicks", **removed))
    assert [each.name for each in budgets(owner)] == ["Search"]
    for each in (owner, engine):
        each.dispose()


def test_a_budget_that_nobody_can_add_up_any_more_hides_no_other(post: Post, store: Engine) -> None:
    """It has no amount that is too small; its page and the Overview say why, and what is set wrong."""
    write_events(store, sixty_days())
    quarter, day = budget(store, name="long", period=Period.QUARTER), budget(store, name="short", period=Period.DAY)
    prune(store, Retention(7, 10, 0), NOW)
    said = text_of(post(ids.BUDGETS_LIST)[ids.BUDGETS_LIST])
    for part in ("long", "no longer kept by the hour", "USAGE_RETAIN_SHEETS_DAYS", "short", "expected at the end"):
        assert part in said, part
    page = post(ids.BUDGET_STATE, url__pathname=f"/budgets/{quarter.id}")
    assert "Nobody can tell what is spent" in text_of(page[ids.BUDGET_STATE])
    assert "USAGE_RETAIN_SHEETS_DAYS says how long" in text_of(page[ids.BUDGET_STATE])
    assert page[ids.BUDGET_HEADING] is not None
    assert "The budget can be added up in its next period" in text_of(page[ids.BUDGET_STATE])
    # Its form is there all the same: it can be changed and removed.
    shown = post(ids.BUDGET_FIGURES, url__pathname=f"/budgets/{quarter.id}")
    assert "drawn" in text_of(shown[ids.BUDGET_FIGURES])
    assert "gone" in text_of(shown[ids.BUDGET_COURSE])
    assert "no longer kept" not in text_of(post(ids.BUDGET_KPIS, url__pathname=f"/budgets/{day.id}"))


def test_a_page_of_a_time_that_is_gone_offers_what_is_kept(post: Post, store: Engine) -> None:
    """No sum that is too small, no traceback; nor is said what a month comes to whose first days are gone."""
    write_events(store, sixty_days())
    prune(store, Retention(7, 10, 0), NOW)
    said = text_of(post(ids.OVERVIEW_STATE, url__search="?range=90d"))
    for part in ("Not all calls of this time are kept any more", "Show calls in the last 7 days"):
        assert part in said, part
    assert "Not all calls" not in text_of(post(ids.OVERVIEW_STATE, url__search="?range=7d"))
    prune(store, Retention(1, 2, 0), NOW)
    ahead = text_of(post(ids.AHEAD))
    assert "no longer kept" in ahead
    assert "so far" not in ahead
