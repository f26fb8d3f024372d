"""An import's arguments in, its result out after it was killed on the way, and what it should have stored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from tests.history.spend_logs import connected
from usage_plugin.store.tables import UsageRecord, table_of

COMMAND = "from usage_plugin.cli import main; main()"
RECORDS = table_of(UsageRecord).c
Sums = set[tuple[str, ...]]


def killed(
    engine: Engine, folder: Path, *arguments: str, at: Sequence[int], look_every_s: float = 0.005, at_most_s: float = 60
) -> dict[str, Any]:
    """Import, kill it each time that so many calls are stored, and let it end.

    Args:
        engine: Of the database that it imports into.
        folder: To run in.
        *arguments: Of the command.
        at: Numbers of calls.
        look_every_s: How often they are counted.
        at_most_s: Longest time up to each kill, and to the end.

    Raises:
        AssertionError: It ended before it could be killed, or not at all.
    """
    for enough in at:
        process = _start(engine, folder, *arguments)
        deadline = time.monotonic() + at_most_s
        while stored(engine) < enough:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(look_every_s)
        assert process.poll() is None, "it was at its end before it could be killed"
        process.kill()
        process.communicate()
    process = _start(engine, folder, *arguments)
    out, err = process.communicate(timeout=at_most_s)
    assert process.returncode in (0, 1), err
    result: dict[str, Any] = json.loads(out)
    assert result["resumed"]
    return result


def stored(engine: Engine) -> int:
    """Count the calls."""
    with engine.connect() as connection:
        return int(connection.execute(select(func.count(RECORDS.event_key))).scalar_one())


def sums_here(engine: Engine) -> Sums:
    """Give each user's calls, tokens and billionths of a dollar as they are stored."""
    sums = (func.count(RECORDS.id), func.sum(RECORDS.total_tokens), func.sum(RECORDS.cost_nano_usd))
    with engine.connect() as connection:
        rows = connection.execute(select(RECORDS.user_id, *sums).group_by(RECORDS.user_id))
        return {tuple(map(str, row)) for row in rows}


def sums_there(url: str) -> Sums:
    """Give the same of LiteLLM's table."""
    query = (
        'SELECT "user", count(*)::text, sum(total_tokens)::text, round(sum(spend::numeric) * 1000000000)::text'
        ' FROM "LiteLLM_SpendLogs" GROUP BY 1'
    )
    with connected(url) as connection:
        return set(connection.execute(query).fetchall())


def _start(engine: Engine, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    url = engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    environment = {**os.environ, "USAGE_DATABASE_URL": url, "USAGE_DATA_DIR": str(folder / "data")}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "import", *arguments, "--json"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
