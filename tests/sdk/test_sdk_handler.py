"""``usage_plugin.sdk_handler()`` records what a program calls without a proxy, though the program ends at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlmodel import Session, select

from tests.upstream.process import ROOT, Upstream, running
from usage_plugin.store.database import connect
from usage_plugin.store.tables import UsageRecord

# 100 new x $0.15/M + 20 cached x $0.075/M + 30 out x $0.60/M
COST_NANO_USD = 100 * 150 + 20 * 75 + 30 * 600


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """Start the stand-in providers."""
    with running() as upstream:
        yield upstream


def run(way: str, upstream: Upstream, folder: Path) -> Sequence[UsageRecord]:
    environment = {**os.environ, "USAGE_DATA_DIR": str(folder), "NO_PROXY": "*"}
    program = [sys.executable, "-m", "tests.sdk.program", way, upstream.base_url]
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    engine = connect(f"sqlite:///{folder / 'usage.db'}")
    with Session(engine) as session:
        return session.exec(select(UsageRecord)).all()


@pytest.mark.parametrize("way", ["sync", "async"])
def test_each_call_is_one_row(way: str, upstream: Upstream, tmp_path: Path) -> None:
    """A plain call and a stream are a row each, with tokens, cost and provider."""
    rows = run(way, upstream, tmp_path)
    assert sorted(row.stream for row in rows) == [False, True]
    for row in rows:
        assert (row.status, row.provider, row.model) == ("success", "openai", "gpt-4o-mini")
        assert (row.prompt_tokens, row.completion_tokens, row.input_cache_read_tokens) == (120, 30, 20)
        assert (row.cost_nano_usd, row.cost_confidence) == (COST_NANO_USD, "exact")


def test_failed_calls_are_rows(upstream: Upstream, tmp_path: Path) -> None:
    """A call that the provider refuses is a failure that costs nothing, sync and async."""
    rows = run("failing", upstream, tmp_path)
    assert [(row.status, row.error_class, row.cost_nano_usd) for row in rows] == [("failure", "BadRequestError", 0)] * 2


def test_streams_that_a_program_abandons_are_rows(upstream: Upstream, tmp_path: Path) -> None:
    """LiteLLM says nothing of them; the notes of their begins do, with an estimate that is marked."""
    rows = run("abandoned", upstream, tmp_path)
    assert [(row.status, row.provider, row.model, row.stream) for row in rows] == [
        ("interrupted", "openai", "gpt-4o-mini", True)
    ] * 2
    assert {(row.tokens_source, row.cost_confidence) for row in rows} == {("estimated", "estimated")}


def test_a_stream_without_usage_is_not_free(upstream: Upstream, tmp_path: Path) -> None:
    """Without ``include_usage`` nobody counts, and nobody knows the cost."""
    (row,) = run("silent", upstream, tmp_path)
    assert (row.status, row.cost_nano_usd, row.cost_confidence) == ("success", None, "unpriced")
    assert row.unpriced_reason == "provider_sent_no_usage"


def test_a_call_right_before_the_end_is_reported(upstream: Upstream, tmp_path: Path) -> None:
    """LiteLLM hands it over only when the interpreter ends, and we wait for that."""
    (row,) = run("at once", upstream, tmp_path)
    assert (row.status, row.prompt_tokens, row.cost_nano_usd) == ("success", 120, COST_NANO_USD)
