from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.cli.conftest import Cli
from usage_plugin.account import ProcessAccount
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.pipeline import keep_account
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

TRACE = Path(__file__).parents[1] / "data" / "azure_llm_trace_2023_conv_2000.csv"


def test_the_trace_is_imported_as_it_is_and_once(cli: Cli) -> None:
    """What it did can be read by people and by programs."""
    first = cli("import", "csv", str(TRACE), "--set", "model=gpt-4o-mini", "--set", "provider=azure")
    assert first.code == 0
    assert "2,000 calls new" in first.out
    again = cli("import", "csv", str(TRACE), "--set", "model=gpt-4o-mini", "--set", "provider=azure", "--json")
    result = json.loads(again.out)
    assert (again.code, result["read"], result["new"], result["known"], result["rejected_file"]) == (
        0,
        2000,
        0,
        2000,
        None,
    )
    assert again.err == ""


def test_rejected_lines_are_in_a_file_beside_and_the_exit_code_says_so(cli: Cli) -> None:
    """In the folder where the command runs; a clean import afterwards takes the file away."""
    Path("calls.csv").write_text("time,tokens_in\n2026-01-01,1\nnever,1\n")
    ran = cli("import", "csv", "calls.csv")
    assert ran.code == 1
    assert "1 rejected, see calls.csv.rejected.jsonl" in ran.out
    assert json.loads(Path("calls.csv.rejected.jsonl").read_text())["line"] == 3
    Path("calls.csv").write_text("time,tokens_in\n2026-01-01,1\n")
    assert cli("import", "csv", "calls.csv").code == 0
    assert not Path("calls.csv.rejected.jsonl").exists()


def test_a_file_of_somebody_else_is_not_overwritten(cli: Cli) -> None:
    """Not even the source itself."""
    Path("calls.csv").write_text("time,tokens_in\nnever,1\n")
    ran = cli("import", "csv", "calls.csv", "--rejected", "calls.csv")
    assert ran.code == 2
    assert "holds something else" in ran.error_line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["parquet", "a.csv"], "parquet"),
        (["csv", "missing.csv"], "missing.csv cannot be read"),
        (["csv", "a.csv", "--map", "price"], "--map price has no value"),
        (["csv", "a.csv", "--map", "dollars=price"], "a call has no dollars"),
        (["csv", "a.csv", "--timezone", "Mars/Olympus"], "Mars/Olympus is no time zone"),
        (["csv", "a.csv", "--before", "soon"], "--before: soon is no moment"),
        (["litellm-spendlogs", "a.csv"], "no export of LiteLLM_SpendLogs"),
        (["litellm-spendlogs", "a.csv", "--set", "model=x"], "are for csv and jsonl"),
        (["litellm-spendlogs", "sqlite:///a.db"], "LiteLLM keeps no log in sqlite"),
        (["litellm-spendlogs", "mysql://ada:secret@host/x"], "mysql is not supported"),
    ],
)
def test_wrong_use_is_one_line_and_stores_nothing(arguments: list[str], says: str, cli: Cli, tmp_path: Path) -> None:
    """It names the value; a password is never shown."""
    Path("a.csv").write_text("time,tokens_in\n2026-01-01,1\n")
    ran = cli("import", *arguments)
    assert ran.code == 2
    assert says in ran.error_line
    assert "secret" not in ran.error_line
    assert not (tmp_path / "data" / "usage.db").exists()


def test_a_database_that_does_not_answer_is_one_line(cli: Cli) -> None:
    """LiteLLM's own; without its password."""
    ran = cli("import", "litellm-spendlogs", "postgresql://ada:secret@127.0.0.1:9/litellm")
    assert ran.code == 1
    assert "LiteLLM's database cannot be read" in ran.error_line
    assert "secret" not in ran.error_line


def test_calls_that_are_recorded_live_are_pointed_out(cli: Cli, tmp_path: Path) -> None:
    """With the option that leaves them out of the import."""
    engine = connect(f"sqlite:///{tmp_path / 'data' / 'usage.db'}")
    migrate(engine)
    now = datetime.now(UTC)
    write_events(engine, [make_event(completed_at=now - timedelta(days=400)), make_event(completed_at=now)])
    Path("a.csv").write_text("time,tokens_in\n2026-01-01,1\n")
    assert cli("import", "csv", "a.csv").err == ""
    who = ProcessAccount(process_id="1", role="proxy", host="node", pid=1, version="1", started_at=now, beat_at=now)
    keep_account(engine, who)
    assert f"--before {now:%Y-%m-%dT%H:%M:%SZ}" in cli("import", "csv", "a.csv").error_line


def test_a_time_that_was_pruned_is_not_counted_twice(
    cli: Cli, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its calls' keys are gone, so they are rejected with the way to import what never was."""
    monkeypatch.setenv("USAGE_DATABASE_URL", database_url)
    recent = datetime.now(UTC) - timedelta(days=5)
    old = "time,tokens_in,cost\n2026-01-01,1,0.5\n2026-01-02,1,0.5\n"
    # The recent one comes last: SQLite's row with the highest number stays in any case.
    for lines in (old, f"{old}{recent.isoformat()},1,0.5\n"):
        Path("a.csv").write_text(lines)
        assert cli("import", "csv", "a.csv").code == 0
    assert cli("prune").out.startswith("Deleted 2 calls")
    ran = cli("import", "csv", "a.csv", "--json")
    counts = json.loads(ran.out)
    assert (ran.code, counts["rejected"], counts["known"], counts["new"]) == (1, 2, 1, 0)
    entry = json.loads(Path("a.csv.rejected.jsonl").read_text().splitlines()[0])
    assert entry["line"] == 2
    assert "it ended at 2026-01-01T00:00:00Z" in entry["reason"]
    assert "--pruned-too" in entry["reason"]
    assert cli("verify").code == 0
    Path("b.csv").write_text("time,tokens_in,cost\n2026-01-03,1,0.5\n")
    forced = json.loads(cli("import", "csv", "b.csv", "--pruned-too", "--json").out)
    assert (forced["new"], forced["rejected"]) == (1, 0)
    with connect(database_url).connect() as connection:
        assert connection.execute(text("SELECT SUM(requests) FROM usage_daily")).scalar_one() == 4
