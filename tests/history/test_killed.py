from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from tests.history.spend_logs import connected, insert_many, table_row
from tests.store.oracle import expected, found
from usage_plugin.store.tables import SpoolPosition, UsageRecord, table_of

COMMAND = "from usage_plugin.cli import main; main()"
CALLS = 12_000
KILLS_AT = (2_000, 6_000)
WAIT_AT_MOST_S = 60.0
RECORDS = table_of(UsageRecord).c


def start(folder: Path, database_url: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "USAGE_DATABASE_URL": database_url, "USAGE_DATA_DIR": str(folder / "data")}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "import", *arguments, "--json"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_twice(engine: Engine, folder: Path, database_url: str, *arguments: str) -> dict[str, Any]:
    """Kill an import each time that some thousand calls more are stored, then let it end."""
    for enough in KILLS_AT:
        process = start(folder, database_url, *arguments)
        deadline = time.monotonic() + WAIT_AT_MOST_S
        while count(engine) < enough:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
        process.communicate()
        assert count(engine) < CALLS, "it was at its end before it could be killed"
    process = start(folder, database_url, *arguments)
    out, err = process.communicate(timeout=WAIT_AT_MOST_S)
    assert process.returncode in (0, 1), err
    result: dict[str, Any] = json.loads(out)
    assert result["resumed"]
    assert result["read"] < CALLS
    return result


def count(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count(RECORDS.event_key))).scalar_one())


def test_a_table_is_complete_and_once(engine: Engine, database_url: str, litellm_url: str, tmp_path: Path) -> None:
    """Killed twice on the way; each user's calls, tokens and dollars are those of LiteLLM's table."""
    insert_many(litellm_url, CALLS, metadata=table_row()["metadata"])
    killed_twice(engine, tmp_path, database_url, "litellm-spendlogs", litellm_url)
    theirs = 'SELECT "user", count(*), sum(total_tokens), round(sum(spend) * 1e9) FROM "LiteLLM_SpendLogs" GROUP BY 1'
    with connected(litellm_url) as connection:
        there = {tuple(map(str, map(_whole, row))) for row in connection.execute(theirs)}
    sums = (func.count(RECORDS.id), func.sum(RECORDS.total_tokens), func.sum(RECORDS.cost_nano_usd))
    with engine.connect() as connection:
        here = {
            tuple(map(str, row)) for row in connection.execute(select(RECORDS.user_id, *sums).group_by(RECORDS.user_id))
        }
    assert here == there
    assert expected(engine) == found(engine)
    with engine.connect() as connection:
        assert connection.execute(select(table_of(SpoolPosition).c.owner)).all() == []


def test_a_file_without_ids_is_complete_and_once(engine: Engine, database_url: str, tmp_path: Path) -> None:
    """Equal lines are calls of their own, wherever the kill came between them, and each broken line is named once."""
    lines = [f"2026-03-01T10:{n % 60:02}:00Z,gpt-4o-mini,{n % 100},1" for n in range(CALLS)]
    for broken in range(50, CALLS, 100):
        lines[broken] = f"broken {broken}"
    file = tmp_path / "calls.csv"
    file.write_text("\n".join(["time,model,tokens_in,tokens_out", *lines]) + "\n", encoding="utf-8")
    result = killed_twice(engine, tmp_path, database_url, "csv", str(file))
    entries = [json.loads(line) for line in (tmp_path / "calls.csv.rejected.jsonl").read_text().splitlines()]
    assert [entry["line"] for entry in entries] == [broken + 2 for broken in range(50, CALLS, 100)]
    assert result["rejected"] == len(entries)
    wanted = Counter(int(line.split(",")[2]) for line in lines if not line.startswith("broken"))
    by_tokens = select(RECORDS.prompt_tokens, func.count(RECORDS.id)).group_by(RECORDS.prompt_tokens)
    with engine.connect() as connection:
        assert {row[0]: row[1] for row in connection.execute(by_tokens)} == dict(wanted)


def _whole(value: Any) -> Any:
    return value if isinstance(value, str) else int(value)


pytestmark = pytest.mark.timeout(180)
