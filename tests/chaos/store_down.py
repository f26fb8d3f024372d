"""A PostgreSQL that is stopped in; memory, latency and recovery of what goes on without it, out; by ``make chaos``."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.bench.load import Answered, drive
from tests.bench.variants import NONE, OURS, running
from tests.chaos.many_calls import WARM_UP
from tests.chaos.stores import Postgresql
from tests.proxy.process import environment_of
from tests.proxy.rows import wait_for_rows
from tests.upstream.process import ROOT
from tests.upstream.process import running as running_upstream
from usage_plugin.database_url import resolve_database_url
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate

CALLS = 100_000
MOST_MB = 30
ROUNDS = 5
CALLS_A_ROUND = 120
AT_ONCE = 4
UP, DOWN = "store up", "store down"


def main() -> int:
    """Measure and print; says whether memory grew too much or calls are missing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Postgresql(folder)
        migrate(connect(resolve_database_url(store.url)))
        is_good = _memory(store, folder / "many", CALLS)
        is_good = _latency(store, folder) and is_good
        store.close()
    return 0 if is_good else 1


def _memory(store: Postgresql, folder: Path, calls: int) -> bool:
    with store.outages()["server stopped"](), _reporting(store, folder, calls) as child:
        while_down = _figures(child)
        store.come_back()
        _stdin(child).write("go on\n")
        _stdin(child).flush()
        after = _figures(child)
        child.wait(60)
    grown = while_down["highest_mb"] - while_down["before_mb"]
    found, in_order = _recovered(store)
    print(f"{calls:,} calls reported in {while_down['seconds']:.0f} s with the store down")
    print(f"memory grew by {grown:.1f} MB at most (goal: {MOST_MB}), from {while_down['before_mb']:.0f} MB")
    print(f"memory after recovery {after['after_mb'] - while_down['before_mb']:+.1f} MB")
    print(f"recovered in {after['seconds']:.0f} s: {found:,} rows, {'in' if in_order else 'NOT in'} order, each once")
    return grown <= MOST_MB and in_order and found == calls


@contextmanager
def _reporting(store: Postgresql, folder: Path, calls: int) -> Iterator[subprocess.Popen[str]]:
    folder.mkdir()
    command = [sys.executable, "-m", "tests.chaos.many_calls", str(calls)]
    environment = environment_of(folder) | {"USAGE_DATABASE_URL": store.url}
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def _figures(child: subprocess.Popen[str]) -> dict[str, Any]:
    """Read its next account; whatever else stands on its output is LiteLLM's.

    Raises:
        AssertionError: It ended.
    """
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("{"):
            figures: dict[str, Any] = json.loads(line)
            return figures
    raise AssertionError(f"the reporting process ended with {child.wait()}")


def _stdin(child: subprocess.Popen[str]) -> Any:
    assert child.stdin is not None
    return child.stdin


def _recovered(store: Postgresql) -> tuple[int, bool]:
    """Count the rows, and see whether they were stored in the order of the calls, batch by batch, each once."""
    engine = connect(resolve_database_url(store.url))
    with engine.connect() as connection:
        query = "SELECT litellm_call_id FROM usage_record WHERE litellm_call_id LIKE 'call-%' ORDER BY created_at, 1"
        found = list(connection.execute(text(query)).scalars())
        everything = connection.execute(text("SELECT SUM(calls) FROM usage_record")).scalar_one()
    engine.dispose()
    return len(found), found == sorted(set(found)) and everything == len(found) + WARM_UP


def _latency(store: Postgresql, folder: Path) -> bool:
    """Compare the latency of requests with the store up and down, with us and without."""
    measured: dict[tuple[str, str], list[Answered]] = {}
    with running_upstream() as upstream:
        with running(folder, upstream, [NONE, OURS], USAGE_DATABASE_URL=store.url) as urls:
            for url in urls.values():
                drive(url, calls=CALLS_A_ROUND)
            for state in (UP, DOWN) * ROUNDS:
                with store.away(state == DOWN):
                    for name, url in urls.items():
                        measured.setdefault((name, state), []).append(drive(url, calls=CALLS_A_ROUND, at_once=AT_ONCE))
        calls = CALLS_A_ROUND * (2 * ROUNDS + 1)
    _print_latency(measured)
    engine = connect(resolve_database_url(store.url))
    rows = wait_for_rows(engine, calls, model_group="chat")
    engine.dispose()
    print(f"{calls} calls of the proxy, {len(rows)} rows")
    return len(rows) == calls


def _print_latency(measured: dict[tuple[str, str], list[Answered]]) -> None:
    print(f"latency in ms, {AT_ONCE} callers, median of {ROUNDS} rounds in turn")
    print(f"{'':<26}{'p50':>8}{'p99':>8}")
    for (name, state), runs in measured.items():
        p50, p99 = (statistics.median(run.percentile_ms(percent) for run in runs) for percent in (50, 99))
        print(f"{f'{name}, {state}':<26}{p50:>8.1f}{p99:>8.1f}")


if __name__ == "__main__":
    sys.exit(main())
