"""An import's arguments in, its result out after it was killed on the way, and what it should have stored."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from tests.history.spend_logs import connected
from usage_plugin.store.tables import UsageRecord, table_of

COMMAND = "from usage_plugin.cli import main; main()"
# Stores so many batches, and is killed: while it stores the next one, or else right after that.
VICTIM = """
import os, signal, sys, threading, time
from usage_plugin.cli import main
from usage_plugin.history import run
batches, within = int(sys.argv.pop(1)), bool(int(sys.argv.pop(1)))
write = run.write_events
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def write_and_die(*arguments):
    global batches
    batches -= 1
    if batches < 0 and within:
        threading.Timer(0.02, die).start()
    stored = write(*arguments)
    if batches < 0 and not within:
        die()
    while batches < 0:
        time.sleep(1)
    return stored
run.write_events = write_and_die
main()
"""
RECORDS = table_of(UsageRecord).c
Sums = set[tuple[str, ...]]


def killed(
    engine: Engine, folder: Path, *arguments: str, after: Sequence[int], at_most_s: float = 120
) -> dict[str, Any]:
    """Import, kill it each time that so many more batches are stored, and let it end.

    Args:
        engine: Of the database that it imports into.
        folder: To run in.
        *arguments: Of the command.
        after: Numbers of batches; in turn it is killed within the transaction of the next one, and after it.
        at_most_s: Longest time up to each kill, and to the end.

    Raises:
        AssertionError: It ended before it could be killed, or not at all.
    """
    for number, batches in enumerate(after):
        process = _start(engine, folder, VICTIM, str(batches), str(int(number % 2 == 0)), "import", *arguments)
        _, err = process.communicate(timeout=at_most_s)
        assert process.returncode == -signal.SIGKILL, err
    process = _start(engine, folder, COMMAND, "import", *arguments)
    out, err = process.communicate(timeout=at_most_s)
    assert process.returncode in (0, 1), err
    result: dict[str, Any] = json.loads(out)
    assert result["resumed"]
    return result


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


def _start(engine: Engine, folder: Path, program: str, *arguments: str) -> subprocess.Popen[str]:
    url = engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    environment = {**os.environ, "USAGE_DATABASE_URL": url, "USAGE_DATA_DIR": str(folder / "data")}
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments, "--json"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
