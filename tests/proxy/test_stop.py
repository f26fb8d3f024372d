"""A proxy that is stopped or killed under load: what it served is recorded, once."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from tests.extent import IS_WHOLE, extent
from tests.proxy.load import Load, Sent, account, answered, wait_until_one_is_stored, wait_until_served
from tests.proxy.rows import wait_for_rows
from tests.proxy.stopping import DISPATCHED_WITHIN_S, KEY, WAYS, started, stop_in_flight, write_plain_config
from tests.upstream.process import Upstream
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate

pytestmark = pytest.mark.proxy

CALLS = extent(60, 200)
# Long enough for all to be under way and the fast ones, which take a fifth of it, to be answered; a kill ends the rest.
LASTS_UNTIL_KILLED_S = max(10.0, CALLS / 8)
PICTURE = ("/v1/images/generations", {"model": "image", "prompt": "A cat"})
GEMINI = ("/v1/chat/completions", {"model": "gemini", "messages": [{"role": "user", "content": "Hello"}]})


@dataclass(frozen=True, slots=True)
class Lives:
    """A proxy that was killed with calls in flight, and the next one, which was ended by Ctrl-C with others.

    Args:
        store: That both recorded to.
        killed: Calls of the first.
        answered: Those of them that the provider had answered to the last byte.
        stopped: Calls of the second.
    """

    store: Engine
    killed: set[str]
    answered: set[str]
    stopped: list[Sent]


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Lives]:
    """Live both lives; the second begins with an image, a first call to Gemini, and another image."""
    folder = tmp_path_factory.mktemp("lives")
    config, url = write_plain_config(folder, upstream.base_url), f"sqlite:///{folder / 'usage.db'}"
    store = _migrated(url)
    killed = _kill_in_flight(config, url, store, upstream)
    was_answered = killed & answered(upstream)
    stopped = stop_in_flight(config, url, upstream, CALLS, stop=signal.SIGINT, before=_call_images)
    yield Lives(store, killed, was_answered, stopped)
    store.dispose()


def _migrated(url: str) -> Engine:
    engine = connect(url)
    migrate(engine)
    return engine


def _kill_in_flight(config: Path, url: str, store: Engine, upstream: Upstream) -> set[str]:
    with started(config, url) as (process, proxy_url):
        load = Load(proxy_url, KEY, lasts_s=LASTS_UNTIL_KILLED_S)
        load.start(CALLS)
        wait_until_served(upstream, load.call_ids, DISPATCHED_WITHIN_S)
        wait_until_one_is_stored(store, load.call_ids, LASTS_UNTIL_KILLED_S)
        process.kill()
        load.wait()
    return set(load.call_ids)


def _call_images(proxy_url: str) -> None:
    with httpx.Client(base_url=proxy_url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60) as client:
        for path, body in (PICTURE, GEMINI, PICTURE):
            client.post(path, json=body).raise_for_status()


def _whole(calls: Iterable[Sent]) -> list[str]:
    return [call.call_id for call in calls if call.complete]


# Of the ways to run LiteLLM, the whole suite tries the one that breaks most easily; `make chaos` tries all.
@pytest.mark.parametrize("way", WAYS if IS_WHOLE else ("two workers",))
def test_a_stopped_proxy_has_recorded_all_that_it_served(tmp_path: Path, upstream: Upstream, way: str) -> None:
    """With calls in flight at SIGTERM: each one is answered and has a row, and a whole answer is a success."""
    config, url = write_plain_config(tmp_path, upstream.base_url), f"sqlite:///{tmp_path / 'usage.db'}"
    store = _migrated(url)
    sent = stop_in_flight(config, url, upstream, CALLS, *WAYS[way])
    found = account(store, [call.call_id for call in sent])
    store.dispose()
    assert (found.missing, found.doubled) == ([], [])
    assert Counter(call.status for call in sent)[200] == CALLS, "the proxy answers what it has begun"
    assert found.statuses(_whole(sent)) == {"success"}
    assert not list((tmp_path / "data" / "spool").rglob("*.log"))


def test_a_killed_proxys_calls_are_recorded_by_the_next(lives: Lives) -> None:
    """What the provider had not answered at ``kill -9`` is interrupted, of the rest what was reported is a success."""
    found = account(lives.store, lives.killed)
    assert (found.missing, found.doubled) == ([], [])
    assert found.statuses(lives.killed - lives.answered) == {"interrupted"}
    assert found.statuses(lives.answered) in ({"success"}, {"success", "interrupted"})


def test_ctrl_c_loses_no_call(lives: Lives) -> None:
    """It is a stop as any other."""
    found = account(lives.store, [call.call_id for call in lives.stopped])
    assert (found.missing, found.doubled) == ([], [])
    assert found.statuses(_whole(lives.stopped)) == {"success"}


def test_reports_that_begin_to_come_in_pairs_are_a_row_each(lives: Lives) -> None:
    """From its first Gemini call on LiteLLM reports an image twice, before that once."""
    wait_for_rows(lives.store, 2, at_most_s=0, call_type="aimage_generation")
