"""A plan in, running processes until a signal or a death out; whatever happens, all of them are stopped at the end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.up.children import Child, ChildFailed, last_lines, start_child, stop_all, wait_until_answering
from usage_plugin.up.notices import NoticeReader
from usage_plugin.up.plan import Plan

Say = Callable[[str], None]
# The first import of litellm on a busy machine of two cores takes 20 s.
START_PATIENCE_S = 180.0
_WATCH_EVERY_S = 0.5
_STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def run(plan: Plan, say: Say) -> None:
    """Migrate, start, wait, announce, watch; returns after Ctrl-C or SIGTERM.

    Args:
        plan: From ``make_plan``.
        say: Shows one line to the user.

    Raises:
        StoreError: The database cannot be used; nothing was started.
        ChildFailed: A process ended or never answered; the others are stopped.
    """
    children: list[Child] = []
    with _signals_as_interrupt():
        try:
            migrate(connect(plan.settings.url))
            _start(plan, children, say)
            _announce(plan, children, say)
            _watch(children, say)
        except KeyboardInterrupt as interrupt:
            say(f"Stopping on {interrupt} ...")
        except ChildFailed as failure:
            for line in last_lines(failure.log_path):
                say(f"  | {line}")
            raise
        finally:
            _stop(children)


def _start(plan: Plan, children: list[Child], say: Say) -> None:
    say(f"Usage is kept in {plan.settings.safe_url}")
    if not plan.config.records_usage:
        say(
            f"Warning: {plan.config.path} does not name the callback, so nothing is recorded; see `usage-plugin doctor`"
        )
    *first, last = (f"the {service.short_name}" for service in plan.services)
    say(f"Starting {', '.join(first)} and {last}; their logs are in {plan.services[0].log.parent}")
    for service in plan.services:
        children.append(start_child(service, plan.environment))  # noqa: PERF401 - an interrupt must find each one
    wait_until_answering(children, START_PATIENCE_S)


def _announce(plan: Plan, children: list[Child], say: Say) -> None:
    say("")
    for child in children:
        place = child.service.url if child.service.listens else "adds up what is closed, so that pages open at once"
        say(f"  {child.service.short_name.capitalize():<10} {place}")
    if plan.first_call:
        say("\nA first call:\n")
        say(plan.first_call)
    say("\nCtrl-C stops everything.")


def _watch(children: list[Child], say: Say) -> None:
    """Return never: until a signal or a death, show what our code has to say in their logs."""
    readers = [NoticeReader(child.service.log) for child in children]
    while True:
        time.sleep(_WATCH_EVERY_S)
        for reader in readers:
            for notice in reader.new_notices():
                say(notice)
        for child in children:
            child.ensure_running()


def _stop(children: list[Child]) -> None:
    """Stop in order; an impatient second Ctrl-C ends the waiting, not the stopping."""
    try:
        stop_all(children)
    except KeyboardInterrupt:
        stop_all(children, patience_s=0)


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the run like Ctrl-C does."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    numbers = [getattr(signal, name) for name in _STOP_SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
