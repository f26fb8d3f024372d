"""``usage-plugin worker``: the database of the settings in, what is to be done from time to time done out."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from usage_plugin.cli.context import load
from usage_plugin.cli.progress import progress_bar

if TYPE_CHECKING:
    from usage_plugin.worker import Once, Result

NAME = "worker"
EXAMPLE = "usage-plugin worker --once"
# A proxy on the same machine goes first.
_NICENESS = 10
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def command(
    once: Annotated[bool, typer.Option("--once", help="Do everything once, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once, print the result as JSON.")] = False,
) -> None:
    """Do in the background what pages and alerts need, above all add closed hours and days up each minute.

    One worker at a time works on a database; others wait and take over. Without any, totals are the same and slower.
    """
    from usage_plugin.hold.beating import beating
    from usage_plugin.logs import ensure_visible
    from usage_plugin.store.database import connect
    from usage_plugin.worker import Stopped, Work, run, run_once

    if as_json and not once:
        raise typer.BadParameter("only --once ends with a result", param_hint="--json")
    settings, _ = load()
    with _stop_signals() as stop:
        work = Work(connect(settings.url), settings, stop, environment=os.environ)
        if not once:
            ensure_visible()
            os.nice(_NICENESS)
            with beating(settings, "worker"):
                run(work)
            return
        try:
            with progress_bar("Working") as progress:
                done = run_once(work, progress)
        except Stopped:
            raise KeyboardInterrupt from None
    typer.echo(_as_json(settings.safe_url, done) if as_json else _as_text(settings.safe_url, done))
    if done is not None and any(_has_failed(each) for each in done.results):
        raise typer.Exit(1)


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C and a container's stop set: what is being added up just now is finished first."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in _STOP_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _as_json(database: str, done: Once | None) -> str:
    counts = {"calls": 0, "sheets": 0} | (done.counts if done else {})
    jobs = [asdict(each) for each in done.results] if done else []
    return json.dumps({"database": database, **counts, "jobs": jobs, "another_worker": done is None})


def _as_text(database: str, done: Once | None) -> str:
    if done is None:
        return f"Another worker is working on {database} now."
    lines = [f"{each.job}: {each.said}" for each in done.results if each.said]
    return "\n".join(lines) or f"There is nothing to do in {database}."


def _has_failed(result: Result) -> bool:
    return result.outcome.value == "failed"
