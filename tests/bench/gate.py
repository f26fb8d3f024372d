"""Measures what asking the gate costs the event loop, for each call, beside dozens of budgets; part of ``make bench``.

Scopes are read from a request as LiteLLM hands it over, and another thread counts spend meanwhile, as in a proxy.
"""

from __future__ import annotations

import gc
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from usage_plugin.capture.scope import Asked, Scopes
from usage_plugin.gate import Account, Accounts, Beyond, Gate, Limit, Plan
from usage_plugin.settings import Settings

CALLS, WARM_UP = 50_000, 2_000
# Calls that run at the same time.
IN_FLIGHT = 500
CASES = ((1, 1, False), (60, 3, False), (60, 10, False), (600, 10, False), (600, 10, True))
"""Budgets, of how many dimensions they are, and whether each call has tags that none had before."""
_NOW = datetime(2026, 11, 20, tzinfo=UTC)
DIMENSIONS = ("team", "key", "tag", "organization", "user", "project", "end_user", "feature", "environment", "model")
REQUEST: Mapping[str, Any] = {
    "model": "chat",
    "messages": [{"role": "user", "content": "Hello"}],
    "litellm_call_id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "metadata": {
        "litellm_received_at": _NOW,
        "user_api_key_org_id": "organization 0",
        "user_api_key_team_id": "team 0",
        "user_api_key_user_id": "user 0",
        "user_api_key_hash": "key 0",
        "user_api_key_project_id": "project 0",
        "user_api_key_end_user_id": "end_user 0",
        "tags": ["User-Agent: python", "tag 0", "another", "feature:feature 0", "env:environment 0"],
    },
}


def main() -> None:
    """Measure and print."""
    print("asking the gate, in us of the event loop for each call: scopes of the request, verdict, reservation")
    print(f"{'budgets':>8}{'of the call':>13}{'tags':>8}{'p50':>8}{'p99':>8}{'p99.9':>8}{'p99 of a dict lookup':>23}")
    floor = _cuts(_measured(lambda _number: REQUEST.get("model")))[1]
    for budgets, dimensions, is_new in CASES:
        gate, mine = gate_with(budgets, DIMENSIONS[:dimensions])
        with _counted_meanwhile(gate):
            p50, p99, p999 = _cuts(measure(gate, is_new=is_new))
        tags = "new" if is_new else "known"
        print(f"{budgets:>8}{mine:>13}{tags:>8}{p50:>8.1f}{p99:>8.1f}{p999:>8.1f}{floor:>23.1f}", flush=True)


def gate_with(budgets: int, dimensions: tuple[str, ...]) -> tuple[Gate, int]:
    """Make a gate with so many budgets, of these dimensions in turn, each with a parent of all calls.

    Returns:
        The gate, and how many of its accounts the measured call meets.
    """
    everything = _account(0)
    members: dict[str, dict[str, Accounts]] = {}
    for number in range(budgets - 1):
        dimension, place = dimensions[number % len(dimensions)], number // len(dimensions)
        members.setdefault(dimension, {})[f"{dimension} {place}"] = {_account(number): None, everything: None}
    gate = Gate()
    plan = Plan(
        everybody={everything: None},
        dimensions=tuple(members),
        members=tuple(members.values()),
        means_nano_usd={"chat": 1_000_000},
        only_target={"chat": ("model 0", "openai")},
    )
    gate.put_up(plan)
    return gate, 1 + len(members)


def measure(gate: Gate, calls: int = CALLS, *, is_new: bool = False) -> list[float]:
    """Ask for so many calls, and give what each took in microseconds; a call ends when it is old enough.

    Args:
        gate: Asked by one call after the other.
        calls: How many.
        is_new: Each call has a tag that none had before, so that nothing is remembered of its tags.
    """
    scopes = Scopes(Settings.model_construct())
    coming = [REQUEST]

    def ask(number: int) -> None:
        plan = gate.plan
        asked = Asked(coming[0], None, "acompletion", plan.only_target)
        gate.ask(plan, str(number), scopes.of(asked, plan), asked.group, may_degrade=True)

    def end(number: int) -> None:
        gate.count({}, [str(number - IN_FLIGHT)])
        if is_new:
            metadata = REQUEST["metadata"]
            coming[0] = {**REQUEST, "metadata": {**metadata, "tags": [*metadata["tags"], f"run {number}"]}}

    return _measured(ask, end, calls)


def _measured(
    work: Callable[[int], object], after: Callable[[int], object] = lambda _number: None, calls: int = CALLS
) -> list[float]:
    taken = list[float]()
    gc.collect()
    for number in range(WARM_UP + calls):
        began = time.thread_time_ns()
        work(number)
        taken.append((time.thread_time_ns() - began) / 1000)
        after(number)
    return taken[WARM_UP:]


@contextmanager
def _counted_meanwhile(gate: Gate) -> Iterator[None]:
    """Let another thread add to every account twice a second, as the one that stores calls does."""
    stop = threading.Event()
    accounts = {*gate.plan.everybody, *(each for them in gate.plan.members for mine in them.values() for each in mine)}

    def count() -> None:
        while not stop.wait(0.5):
            gate.count(dict.fromkeys(accounts, 1), [])

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _account(number: int) -> Account:
    return Account(
        Limit(
            budget_id=number,
            name=str(number),
            amount_nano_usd=10**18,
            beyond=Beyond.BLOCK,
            starts_at=_NOW,
            ends_at=_NOW + timedelta(days=1),
        )
    )


def _cuts(taken: list[float]) -> tuple[float, float, float]:
    cuts = statistics.quantiles(taken, n=1000)
    return cuts[499], cuts[989], cuts[998]


if __name__ == "__main__":
    main()
