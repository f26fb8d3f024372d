"""``usage-plugin worker``: the database of the settings in, its closed hours and days added up for the pages out."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from usage_plugin.cli.context import load
from usage_plugin.cli.progress import progress_bar

if TYPE_CHECKING:
    from usage_plugin.store.sheets.build import Made

NAME = "worker"
EXAMPLE = "usage-plugin worker --once"
# A proxy on the same machine goes first.
_NICENESS = 10
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def command(
    once: Annotated[bool, typer.Option("--once", help="Add up all that is due, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once, print the result as JSON.")] = False,
) -> None:
    """Add closed hours and days up each minute, so that pages open at once however many calls there are.

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
        work = Work(connect(settings.url), settings.zone, stop)
        if not once:
            ensure_visible()
            os.nice(_NICENESS)
            with beating(settings, "worker"):
                run(work)
            return
        try:
            with progress_bar("Adding up") as progress:
                made = run_once(work, progress)
        except Stopped:
            raise KeyboardInterrupt from None
    typer.echo(_as_json(settings.safe_url, made) if as_json else _as_text(settings.safe_url, made))


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


def _as_json(database: str, made: Made | None) -> str:
    counts = {"calls": made.calls if made else 0, "sheets": made.sheets if made else 0}
    return json.dumps({"database": database, **counts, "another_worker": made is None})


def _as_text(database: str, made: Made | None) -> str:
    if made is None:
        return f"Another worker is adding up {database} now."
    if not made.calls:
        return f"All that is closed in {database} is added up already."
    return f"Added up {made.calls:,} calls of {database} into {made.sheets:,} sheets."
