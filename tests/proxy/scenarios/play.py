"""A running proxy and scenarios in; for each what the client saw, what was served, and the rows, out."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import Engine

from tests.proxy.clients import CALL_ID, TIMEOUT_S
from tests.proxy.process import Proxy
from tests.proxy.rows import SETTLE_S, find_rows
from tests.proxy.scenarios.model import Asked, Scenario
from usage_plugin.store.tables import UsageRecord

AT_ONCE = 8


@dataclass(slots=True)
class Played:
    """What came of a scenario."""

    scenario: Scenario
    answers: list[int] = field(default_factory=list)
    call_ids: set[str] = field(default_factory=set)
    served: int = 0
    rows: list[UsageRecord] = field(default_factory=list)


def play(proxy: Proxy, scenarios: Sequence[Scenario], wait_at_most_s: float) -> list[Played]:
    """Send everything, some at a time, and wait until as many rows are there as shall be.

    Args:
        proxy: With the config of ``tests.proxy.config``.
        scenarios: With distinct names.
        wait_at_most_s: After the last answer; rows that should not be there get a moment to show themselves.
    """
    with httpx.Client(base_url=proxy.url, timeout=TIMEOUT_S) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        played = list(pool.map(lambda scenario: _send(client, scenario), scenarios))
    wanted = sum(len(scenario.rows) for scenario in scenarios)
    deadline = time.monotonic() + wait_at_most_s
    while sum(len(_rows_of(proxy.engine, each)) for each in played) < wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(SETTLE_S)
    served = Counter(call["ask"]["mark"] for call in proxy.upstream.calls())
    for each in played:
        each.rows = _rows_of(proxy.engine, each)
        each.served = served[each.scenario.name]
    return played


def _rows_of(engine: Engine, played: Played) -> list[UsageRecord]:
    forgotten = [asked.known_by for asked in played.scenario.asked if asked.known_by]
    found = [row for column, value in forgotten for row in find_rows(engine, **{column: value})]
    return found + [row for call_id in sorted(played.call_ids) for row in find_rows(engine, litellm_call_id=call_id)]


def _send(client: httpx.Client, scenario: Scenario) -> Played:
    played = Played(scenario)
    with ThreadPoolExecutor(len(scenario.asked) if scenario.at_once else 1) as pool:
        played.answers = list(pool.map(lambda asked: _ask(client, asked, played), scenario.asked))
    return played


def _ask(client: httpx.Client, asked: Asked, played: Played) -> int:
    call_id = asked.headers.get(CALL_ID) or str(uuid.uuid4())
    headers = asked.headers | {CALL_ID: call_id} | ({"Authorization": f"Bearer {asked.key}"} if asked.key else {})
    played.call_ids.add(call_id)
    request = client.build_request(
        asked.method,
        asked.path,
        headers=headers,
        timeout=asked.gives_up_after_s or TIMEOUT_S,
        **_content(asked, played.scenario.name),
    )
    try:
        answer = client.send(request, stream=True)
    except httpx.ReadTimeout:
        return 0
    played.call_ids.add(answer.headers.get(CALL_ID, call_id))
    status = answer.status_code
    _read_some(answer, asked.leaves_after)
    return status


def _content(asked: Asked, mark: str) -> dict[str, Any]:
    """Put the scenario's name into the marker of the usage, so that the upstream's log can be asked for it."""
    text = json.dumps(asked.body).replace("[[usage ", f"[[usage mark={mark} ")
    if asked.raw is not None:
        return {"content": asked.raw}
    if asked.files:
        return {"data": json.loads(text), "files": asked.files}
    return {"json": json.loads(text)} if asked.body else {}


def _read_some(answer: httpx.Response, lines: int | None) -> None:
    try:
        for number, _ in enumerate(answer.iter_lines(), 1):
            if number == lines:
                break
    except httpx.RemoteProtocolError:
        pass  # the provider broke off, and so does the proxy
    finally:
        answer.close()
