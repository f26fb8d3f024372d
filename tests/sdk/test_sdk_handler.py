"""``usage_plugin.sdk_handler()`` records what a program calls without a proxy, though the program ends at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlmodel import Session, select

from tests.upstream.process import ROOT, Upstream, running
from usage_plugin.store.database import connect
from usage_plugin.store.tables import UsageRecord

# 100 new x $0.15/M + 20 cached x $0.075/M + 30 out x $0.60/M
COST_NANO_USD = 100 * 150 + 20 * 75 + 30 * 600


PROGRAMS = ("sync", "async", "abandoned", "at once")
ENDS_WITHIN_S = 120
Rows = Sequence[UsageRecord]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """Run all programs at once, each with a data folder of its own; gives what each of them has recorded."""
    folder = tmp_path_factory.mktemp("sdk")
    with running() as upstream, ThreadPoolExecutor(len(PROGRAMS)) as pool:
        rows = pool.map(lambda name: _run(name, upstream, folder / name), PROGRAMS)
        return dict(zip(PROGRAMS, rows, strict=True))


def _run(name: str, upstream: Upstream, folder: Path) -> Rows:
    environment = {**os.environ, "USAGE_DATA_DIR": str(folder), "NO_PROXY": "*"}
    program = [sys.executable, "-m", "tests.sdk.program", name, upstream.base_url]
    done = subprocess.run(
        program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=ENDS_WITHIN_S, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    engine = connect(f"sqlite:///{folder / 'usage.db'}")
    with Session(engine) as session:
        return session.exec(select(UsageRecord)).all()


def _of(rows: Rows, feature: str) -> list[UsageRecord]:
    return [row for row in rows if row.feature == feature]


@pytest.mark.parametrize("way", ["sync", "async"])
def test_each_call_is_one_row(way: str, recorded: dict[str, Rows]) -> None:
    """A plain call and a stream are a row each, with tokens, cost and provider."""
    rows = _of(recorded[way], way)
    assert sorted(row.stream for row in rows) == [False, True]
    for row in rows:
        assert (row.status, row.provider, row.model) == ("success", "openai", "gpt-4o-mini")
        assert (row.prompt_tokens, row.completion_tokens, row.input_cache_read_tokens) == (120, 30, 20)
        assert (row.cost_nano_usd, row.cost_confidence) == (COST_NANO_USD, "exact")


def test_failed_calls_are_rows(recorded: dict[str, Rows]) -> None:
    """A call that the provider refuses is a failure that costs nothing, sync and async."""
    rows = _of(recorded["sync"], "failing")
    assert [(row.status, row.error_class, row.cost_nano_usd) for row in rows] == [("failure", "BadRequestError", 0)] * 2


def test_streams_that_a_program_abandons_are_rows(recorded: dict[str, Rows]) -> None:
    """LiteLLM says nothing of them; the notes of their begins do, with an estimate that is marked."""
    rows = recorded["abandoned"]
    assert [(row.status, row.provider, row.model, row.stream) for row in rows] == [
        ("interrupted", "openai", "gpt-4o-mini", True)
    ] * 2
    assert {(row.tokens_source, row.cost_confidence) for row in rows} == {("estimated", "estimated")}


def test_a_stream_without_usage_is_not_free(recorded: dict[str, Rows]) -> None:
    """Without ``include_usage`` nobody counts, and nobody knows the cost."""
    (row,) = _of(recorded["sync"], "silent")
    assert (row.status, row.cost_nano_usd, row.cost_confidence) == ("success", None, "unpriced")
    assert row.unpriced_reason == "provider_sent_no_usage"


def test_a_call_right_before_the_end_is_reported(recorded: dict[str, Rows]) -> None:
    """LiteLLM hands it over only when the interpreter ends, and we wait for that."""
    (row,) = recorded["at once"]
    assert (row.status, row.prompt_tokens, row.cost_nano_usd) == ("success", 120, COST_NANO_USD)
