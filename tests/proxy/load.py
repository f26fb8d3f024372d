"""A proxy and a number in; that many calls of every kind at once, and what became of each, out."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import Engine
from sqlmodel import Session, select

from tests.proxy.clients import CALL_ID, TIMEOUT_S, say
from tests.upstream.ask import marker
from tests.upstream.process import Upstream
from usage_plugin.store.tables import UsageRecord

Kind = Callable[[str], tuple[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Sent:
    """A call, and how it ended for its client.

    Args:
        call_id: Its own, and the mark in the upstream's log.
        status: HTTP's; 0 where no answer began.
        complete: Whether the answer came to its end.
    """

    call_id: str
    status: int
    complete: bool


def _chat(text: str) -> tuple[str, dict[str, Any]]:
    return "/v1/chat/completions", {"model": "chat", "messages": say(text)}


def _chat_stream(text: str) -> tuple[str, dict[str, Any]]:
    return "/v1/chat/completions", {"model": "chat", "messages": say(text), "stream": True}


def _messages_stream(text: str) -> tuple[str, dict[str, Any]]:
    return "/v1/messages", {"model": "claude", "max_tokens": 90, "messages": say(text), "stream": True}


def _responses_stream(text: str) -> tuple[str, dict[str, Any]]:
    return "/v1/responses", {"model": "chat", "input": text, "stream": True}


KINDS: tuple[Kind, ...] = (_chat, _chat_stream, _messages_stream, _responses_stream)


class Load:
    """Calls at once, each in a thread of its own.

    Args:
        url: The proxy's.
        key: A caller's.
        lasts_s: Longest time that the provider takes over a call.
    """

    def __init__(self, url: str, key: str, *, lasts_s: float) -> None:
        self._url, self._key, self._lasts_s = url, key, lasts_s
        self._client = httpx.Client(
            base_url=url, timeout=TIMEOUT_S, limits=httpx.Limits(max_connections=None), headers=_bearer(key)
        )
        self._pool = ThreadPoolExecutor(512)
        self._futures: list[Future[Sent]] = []
        self.call_ids: list[str] = []

    def start(self, calls: int) -> None:
        """Send so many calls of all kinds: most last as long as they may, each fourth is fast."""
        for number in range(calls):
            call_id = str(uuid.uuid4())
            self.call_ids.append(call_id)
            self._futures.append(self._pool.submit(self._send, number, call_id))

    def wait(self) -> list[Sent]:
        """Wait until every client has its answer, or was cut off."""
        sent = [future.result(TIMEOUT_S) for future in self._futures]
        self._client.close()
        self._pool.shutdown()
        return sent

    def _send(self, number: int, call_id: str) -> Sent:
        lasts_ms = int(self._lasts_s * (200 if number % 8 < 2 else 1000))
        pace = {"chunks": 20, "chunk_delay_ms": lasts_ms // 24} if number % 4 else {"delay_ms": lasts_ms}
        path, body = KINDS[number % 4](marker(prompt=1200, completion=74, mark=call_id, **pace))
        status = 0
        try:
            with self._client.stream("POST", path, json=body, headers={CALL_ID: call_id}) as answer:
                status = answer.status_code
                said = "".join(answer.iter_text())
        except httpx.HTTPError:
            return Sent(call_id, status, complete=False)
        return Sent(call_id, status, complete="event: error" not in said)


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def wait_until_served(upstream: Upstream, call_ids: Iterable[str], at_most_s: float) -> None:
    """Wait until the provider has seen all of these calls.

    Raises:
        AssertionError: It has not, in time.
    """
    wanted, seen = set(call_ids), set[str]()
    pause = threading.Event()
    for _ in range(int(at_most_s / 0.1)):
        seen = served(upstream)
        if wanted <= seen:
            return
        pause.wait(0.1)
    raise AssertionError(f"{len(wanted - seen)} of {len(wanted)} calls did not reach the provider in {at_most_s} s")


def wait_until_one_is_stored(engine: Engine, call_ids: Iterable[str], at_most_s: float) -> None:
    """Wait until the first of these calls has its row.

    Raises:
        AssertionError: None has, in time.
    """
    wanted = set(call_ids)
    pause = threading.Event()
    for _ in range(int(at_most_s / 0.1)):
        if account(engine, wanted).status_of:
            return
        pause.wait(0.1)
    raise AssertionError(f"none of {len(wanted)} calls was stored in {at_most_s} s")


def served(upstream: Upstream) -> set[str]:
    """Name all calls that the provider has seen, by their marks."""
    return {str(call["ask"]["mark"]) for call in upstream.calls()}


def answered(upstream: Upstream) -> set[str]:
    """Name all calls that the provider has answered to the last byte, by their marks."""
    return {str(call["ask"]["mark"]) for call in upstream.calls() if call["answered"]}


@dataclass(frozen=True, slots=True)
class Account:
    """Calls beside their terminal rows.

    Args:
        status_of: Of each call that has a row.
        missing: Calls without one.
        doubled: Calls with more than one.
    """

    status_of: dict[str, str]
    missing: list[str]
    doubled: list[str]

    def statuses(self, call_ids: Iterable[str]) -> set[str]:
        """Name what these calls are recorded as."""
        return {self.status_of[call_id] for call_id in call_ids}


def account(engine: Engine, call_ids: Iterable[str]) -> Account:
    """Compare calls with what is stored of them."""
    with Session(engine) as session:
        stored = session.exec(
            select(UsageRecord.litellm_call_id, UsageRecord.status).where(UsageRecord.is_terminal)
        ).all()
    wanted = set(call_ids)
    rows = [(call_id, status) for call_id, status in stored if call_id in wanted]
    count = Counter(call_id for call_id, _ in rows)
    return Account(
        status_of={str(call_id): status for call_id, status in rows},
        missing=sorted(wanted - set(count)),
        doubled=sorted(str(call_id) for call_id in count if count[call_id] > 1),
    )
