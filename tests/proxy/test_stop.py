"""A proxy that is stopped or killed under load: what it served is recorded, once."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from tests.proxy.load import Load, account, answered, wait_until_one_is_stored, wait_until_served
from tests.proxy.rows import wait_for_rows
from tests.proxy.stopping import (
    DISPATCHED_WITHIN_S,
    KEY,
    WAYS,
    started,
    stop_in_flight,
    write_plain_config,
)
from tests.upstream.process import Upstream
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate

pytestmark = pytest.mark.proxy

# Of the ways to run LiteLLM, the whole suite tries the one that breaks most easily; `make chaos` tries all.
CALLS_IN_A_HURRY = 60
CALLS = int(os.environ.get("CALLS_IN_FLIGHT", CALLS_IN_A_HURRY))
# Long enough for all to be under way and the fast ones, which take a fifth of it, to be answered; a kill ends the rest.
LASTS_UNTIL_KILLED_S = max(10.0, CALLS / 8)


@pytest.fixture
def config(tmp_path: Path, upstream: Upstream) -> Path:
    return write_plain_config(tmp_path, upstream.base_url)


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Engine]:
    engine = connect(sqlite_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("way", WAYS if CALLS > CALLS_IN_A_HURRY else ("two workers",))
def test_a_stopped_proxy_has_recorded_all_that_it_served(
    config: Path, sqlite_url: str, store: Engine, upstream: Upstream, way: str
) -> None:
    """With calls in flight at SIGTERM: each answered one is a success and each one cut off is what it was."""
    sent = stop_in_flight(config, sqlite_url, upstream, CALLS, *WAYS[way])
    found = account(store, [call.call_id for call in sent])
    assert (found.missing, found.doubled) == ([], [])
    assert Counter(call.status for call in sent)[200] == CALLS, "the proxy answers what it has begun"
    assert found.statuses(call.call_id for call in sent if call.complete) == {"success"}
    assert not list((config.parent / "data" / "spool").rglob("*.log"))


def test_a_killed_proxys_calls_are_recorded_by_the_next(
    config: Path, sqlite_url: str, store: Engine, upstream: Upstream
) -> None:
    """What the provider had not answered at ``kill -9`` is interrupted, of the rest what was reported is a success."""
    with started(config, sqlite_url) as (process, url):
        load = Load(url, KEY, lasts_s=LASTS_UNTIL_KILLED_S)
        load.start(CALLS)
        wait_until_served(upstream, load.call_ids, DISPATCHED_WITHIN_S)
        wait_until_one_is_stored(store, load.call_ids, LASTS_UNTIL_KILLED_S)
        process.kill()
        load.wait()
    was_answered = answered(upstream).intersection(load.call_ids)
    stopped = stop_in_flight(config, sqlite_url, upstream, CALLS, stop=signal.SIGINT)
    found = account(store, [*load.call_ids, *(call.call_id for call in stopped)])
    assert (found.missing, found.doubled) == ([], [])
    assert found.statuses(set(load.call_ids) - was_answered) == {"interrupted"}
    assert found.statuses(was_answered) in ({"success"}, {"success", "interrupted"})
    assert found.statuses(call.call_id for call in stopped if call.complete) == {"success"}


def test_reports_that_begin_to_come_in_pairs_are_a_row_each(
    config: Path, sqlite_url: str, store: Engine, upstream: Upstream
) -> None:
    """From its first Gemini call on LiteLLM reports an image twice, before that once."""
    picture = ("/v1/images/generations", {"model": "image", "prompt": "A cat"})
    gemini = ("/v1/chat/completions", {"model": "gemini", "messages": [{"role": "user", "content": "Hello"}]})
    with started(config, sqlite_url) as (process, url):
        for path, body in (picture, gemini, picture):
            answer = httpx.post(f"{url}{path}", json=body, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
            assert answer.status_code == 200, answer.text
        process.send_signal(signal.SIGTERM)
        process.wait(40)
    wait_for_rows(store, 2, at_most_s=0, call_type="aimage_generation")
