from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from sqlalchemy import Engine, func, select

from tests.history.killing import RECORDS, killed, sums_here, sums_there
from tests.history.spend_logs import insert_many, table_row
from tests.store.oracle import expected, found
from usage_plugin.history.run import BATCH
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.tables import SpoolPosition, table_of

CALLS = 3 * BATCH + BATCH // 2
# Killed in its second batch, and after the first that it stores when it goes on: half a batch is left at least.
KILLED_AFTER = (1, 0)


def test_a_table_is_complete_and_once(engine: Engine, litellm_url: str, tmp_path: Path) -> None:
    """Killed twice on the way; each user's calls, tokens and dollars are those of LiteLLM's table."""
    insert_many(litellm_url, CALLS, metadata=table_row()["metadata"])
    result = killed(engine, tmp_path, "litellm-spendlogs", litellm_url, after=KILLED_AFTER)
    assert result["read"] < CALLS
    assert sums_here(engine) == sums_there(litellm_url)
    assert expected(engine) == found(engine)
    with engine.connect() as connection:
        assert connection.execute(select(table_of(SpoolPosition).c.owner)).all() == []


def test_a_file_without_ids_is_complete_and_once(sqlite_url: str, tmp_path: Path) -> None:
    """Equal lines are calls of their own, wherever the kill came between them, and each broken line is named once."""
    lines = [f"2026-03-01T10:{n % 60:02}:00Z,gpt-4o-mini,{n % 100},1" for n in range(CALLS)]
    for broken in range(50, CALLS, 100):
        lines[broken] = f"broken {broken}"
    file = tmp_path / "calls.csv"
    file.write_text("\n".join(["time,model,tokens_in,tokens_out", *lines]) + "\n", encoding="utf-8")
    engine = _empty(sqlite_url)
    result = killed(engine, tmp_path, "csv", str(file), after=KILLED_AFTER)
    entries = [json.loads(line) for line in (tmp_path / "calls.csv.rejected.jsonl").read_text().splitlines()]
    assert [entry["line"] for entry in entries] == [broken + 2 for broken in range(50, CALLS, 100)]
    assert result["rejected"] == len(entries)
    wanted = Counter(int(line.split(",")[2]) for line in lines if not line.startswith("broken"))
    by_tokens = select(RECORDS.prompt_tokens, func.count(RECORDS.id)).group_by(RECORDS.prompt_tokens)
    with engine.connect() as connection:
        assert {row[0]: row[1] for row in connection.execute(by_tokens)} == dict(wanted)


def _empty(url: str) -> Engine:
    engine = connect(url)
    migrate(engine)
    return engine
