"""``usage-plugin budgets`` at the command line."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from tests.cli.conftest import Cli
from usage_plugin.clock import utc_now
from usage_plugin.event import CostConfidence
from usage_plugin.store.database import connect
from usage_plugin.store.prune import prune
from usage_plugin.store.retention import Retention
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event


@pytest.fixture
def spent(migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the blue team spend a dollar an hour for ten days, and once nobody knows what."""
    monkeypatch.setenv("USAGE_DATABASE_URL", migrated_sqlite_url)
    engine, now = connect(migrated_sqlite_url), utc_now()
    calls = [make_event(completed_at=now - timedelta(hours=hour), cost_usd="1", team_id="blue") for hour in range(240)]
    write_events(engine, [*calls, make_event(completed_at=now, cost_usd=None, team_id="blue")])
    engine.dispose()
    return migrated_sqlite_url


def test_without_budgets_it_says_how_to_make_one(cli: Cli, spent: str) -> None:
    """An empty list is no riddle."""
    ran = cli("budgets")
    assert ran.code == 0
    assert "has no budgets. Make one: usage-plugin budgets --set" in ran.out


def test_a_budget_is_made_changed_and_removed(cli: Cli, spent: str) -> None:
    """Options that are not given leave the budget as it is."""
    made = cli("budgets", "--set", "Blue", "--scope", "team=blue", "--amount", "1,000.50", "--rolling-days", "7",
               "--threshold", "0.1", "--threshold", "0.9", "--owner", "ada")  # fmt: skip
    assert made.code == 0, made.err
    first, money, expected = made.out.splitlines()
    assert first == "Blue: team=blue, 7 days"
    assert "of $1,000.50 spent (1" in money
    assert "and 1 calls without a price" in money
    # 239 hours before 23:30 are in the tenth day, before that in the eleventh.
    assert re.search(r"no forecast: not enough data, (9|10) of 28 days are known", expected), expected
    (values,) = json.loads(cli("budgets", "--json").out)["budgets"]
    assert 144 <= values["spent_usd"] <= 168
    assert values["thresholds_crossed"] == [0.1]
    assert (values["unpriced_requests"], values["pace_usd"], values["projected_over"]) == (1, None, None)
    changed = cli("budgets", "--set", "Blue", "--action", "degrade", "--degrade-to", "small", "--amount", "5", "--json")
    (values,) = json.loads(changed.out)["budgets"]
    assert (values["action"], values["degrade_to"], values["owner"], values["rolling_days"]) == (
        "degrade",
        "small",
        "ada",
        7,
    )
    assert values["projected_over"] is True
    blocked = cli("budgets", "--set", "Blue", "--action", "block", "--period", "month", "--disable").out
    assert blocked.startswith("Blue: team=blue, month, blocks, switched off\n")
    cli("budgets", "--set", "Part", "--scope", "tag=x", "--amount", "1", "--period", "day", "--parent", "Blue")
    assert cli("budgets", "--set", "Part", "--parent", "none").code == 0
    left = cli("budgets", "--remove", "Blue")
    assert left.out.startswith("Part: tag=x, day\n")


def test_what_is_estimated_or_too_small_is_named(cli: Cli, spent: str) -> None:
    """As parts of what is spent, by both commands, in words and for programs."""
    engine, now = connect(spent), utc_now()
    rough = {CostConfidence.ESTIMATED: "2", CostConfidence.PARTIAL: "4"}
    costs = [make_event(completed_at=now, cost_usd=usd, confidence=known) for known, usd in rough.items()]
    write_events(engine, costs)
    engine.dispose()
    ran = cli("budgets", "--set", "All", "--scope", "total", "--amount", "1000", "--rolling-days", "20")
    assert "spent (25%, $2.00 of it estimated, $4.00 of it a lower bound, and 1 calls without a price)" in ran.out
    (budget,) = json.loads(cli("budgets", "--json").out)["budgets"]
    (forecast,) = json.loads(cli("forecast", "--period", "year", "--json").out)["forecasts"]
    names = ("spent_estimated_usd", "spent_partial_usd", "unpriced_requests")
    for values in (budget, forecast):
        assert [values[name] for name in names] == [2, 4, 1]
    assert budget["spent_usd"] == 246
    assert (
        "spent, $2.00 of it estimated, $4.00 of it a lower bound, and 1 calls"
        in cli("forecast", "--period", "year").out
    )


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--amount", "5"], 2, "which budget the other options are about"),
        (["--set", "B"], 1, "To make it, add --scope, --amount, --period"),
        (["--set", "B", "--scope", "teem=x", "--amount", "1", "--period", "day"], 1, "Did you mean team"),
        (["--set", "B", "--scope", "team=x", "--amount", "much", "--period", "day"], 1, "like 500 or 12.50"),
        (["--set", "B", "--scope", "team=x", "--amount", "1", "--period", "day", "--parent", "C"], 1, "named 'C'"),
        (["--set", "B", "--scope", "team=x", "--amount", "1", "--period", "day", "--rolling-days", "3"], 1, "Give one"),
        (["--set", "B", "--scope", "team=x", "--amount", "1", "--period", "eon"], 2, "--help"),
        (["--remove", "B"], 1, "There are: none yet"),
    ],
    ids=str,
)
def test_mistakes_are_one_line(cli: Cli, spent: str, arguments: list[str], code: int, says: str) -> None:
    """With the value and the remedy."""
    ran = cli("budgets", *arguments)
    assert ran.code == code
    assert says in ran.error_line


def test_a_database_that_is_not_there_yet(cli: Cli) -> None:
    """The remedy is to migrate."""
    ran = cli("budgets")
    assert ran.code == 1
    assert "usage-plugin migrate" in ran.error_line


def test_a_budget_that_nobody_can_add_up_any_more_hides_no_other(cli: Cli, spent: str) -> None:
    """It says why, and has no amount that is too small."""
    for name, period in (("long", ("--rolling-days", "9")), ("short", ("--period", "day"))):
        ran = cli("budgets", "--set", name, "--scope", "team=blue", "--amount", "500", *period)
        assert ran.code == 0, ran.err
    engine = connect(spent)
    prune(engine, Retention(1, 2, 0), utc_now())
    engine.dispose()
    text = cli("budgets").out
    assert "  nobody can tell what is spent: calls before " in text
    assert text.count("of $500.00 spent") == 1
    long, short = json.loads(cli("budgets", "--json").out)["budgets"]
    assert (long["name"], "spent_usd" in long, "spent_usd" in short) == ("long", False, True)
    assert "USAGE_RETAIN_SHEETS_DAYS" in long["untold"]
