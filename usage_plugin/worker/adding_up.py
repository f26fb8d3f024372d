"""Closed hours and days in, their sheets out, so that pages need not read single calls."""

from __future__ import annotations

from usage_plugin.logs import get_logger
from usage_plugin.store.sheets.build import add_up
from usage_plugin.store.sheets.patience import Patience
from usage_plugin.worker.jobs import JobContext

_log = get_logger(__name__)


class AddUp:
    """Adds up what has become due. An hour is due some minutes after its end; until then pages read its calls."""

    def __init__(self) -> None:
        self._patience = Patience()

    def __call__(self, context: JobContext) -> str:
        """Add up, the newest first; what is written to just now rests until the next time."""
        made = add_up(context.engine, context.clock(), context.zone, context.breathe, self._patience)
        context.counts.update(calls=made.calls, sheets=made.sheets)
        if not made.calls:
            return ""
        _log.info("added_up", calls=made.calls, sheets=made.sheets)
        return f"Added up {made.calls:,} calls into {made.sheets:,} sheets."
