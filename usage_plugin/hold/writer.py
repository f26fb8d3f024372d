"""Batches in, stored rows out: makes the schema ready, writes, and tells apart what to retry and what to set aside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from usage_plugin.account import ProcessAccount
from usage_plugin.errors import SchemaMismatch, StoreRefused
from usage_plugin.event import UsageEvent
from usage_plugin.hold.codec import encode
from usage_plugin.logs import get_logger
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import SchemaState, migrate, schema_state
from usage_plugin.store.pipeline import forget_old, keep_account, settle_account
from usage_plugin.store.requests import with_a_row
from usage_plugin.store.write import SpoolMark, forget_mark, stored_mark, write_events

_log = get_logger(__name__)
SET_ASIDE_FILE = "refused-calls.jsonl"


class Writer:
    """Owns the engine of the writing thread; connects on first use.

    Args:
        settings: Where to, and whether the schema may be made.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: Engine | None = None

    def prepare(self) -> Engine:
        """Connect and make the schema ready, once.

        Raises:
            StoreError: The database does not answer, or its schema is not ours.
        """
        if self._engine is None:
            engine = connect(self._settings.url)
            if self._settings.auto_migrate:
                migrate(engine)
            elif (state := schema_state(engine)) is not SchemaState.CURRENT:
                raise SchemaMismatch(f"the database's schema is {state}", "Run `usage-plugin migrate`")
            self._engine = engine
        return self._engine

    def write(
        self, events: Sequence[UsageEvent], mark: SpoolMark | None = None, counted: Sequence[UsageEvent] = ()
    ) -> int:
        """Store a batch; a call that the database refuses is set aside, the others are stored.

        Args:
            events: What to store.
            mark: How far their spool is stored then.
            counted: Rows to be added to those with the same key.

        Returns:
            How many calls were set aside.

        Raises:
            StoreError: Nothing more can be stored now; writing the whole batch again later is safe.
        """
        engine = self.prepare()
        try:
            write_events(engine, events, mark, counted)
        except StoreRefused as error:
            refused = self.write(events) if counted else self._write_halves(events, error)
            return refused + self._write_counted(mark, counted)
        return 0

    def without_row(self, events: Sequence[UsageEvent]) -> list[UsageEvent]:
        """Leave out the events whose requests have their rows already.

        Raises:
            StoreError: The store cannot be asked now.
        """
        known = with_a_row(self.prepare(), events)
        return [event for event in events if event.event_key not in known]

    def position_of(self, owner: str) -> SpoolMark:
        """Ask the store how far it has a spool.

        Raises:
            StoreError: It cannot be asked now.
        """
        return stored_mark(self.prepare(), owner)

    def forget(self, owner: str) -> None:
        """Tell the store that a spool is gone, so that nothing of its process waits any more.

        Raises:
            StoreError: It cannot be told now.
        """
        engine = self.prepare()
        settle_account(engine, owner)
        forget_mark(engine, owner)

    def keep_account(self, account: ProcessAccount) -> None:
        """Keep a process's account of itself.

        Raises:
            StoreError: It cannot be kept now.
        """
        keep_account(self.prepare(), account)

    def forget_accounts(self, before: datetime) -> None:
        """Drop the accounts of processes that have been silent since *before*.

        Raises:
            StoreError: They cannot be dropped now.
        """
        forget_old(self.prepare(), before)

    def close(self) -> None:
        """Close the connections."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _write_halves(self, events: Sequence[UsageEvent], error: StoreRefused) -> int:
        if len(events) == 1:
            _log.error("call_refused_by_database", event_key=events[0].event_key, reason=str(error))
            self.set_aside(encode(events[0]), str(error))
            return 1
        half = len(events) // 2
        return self.write(events[:half]) + self.write(events[half:])

    def _write_counted(self, mark: SpoolMark | None, counted: Sequence[UsageEvent]) -> int:
        engine = self.prepare()
        try:
            write_events(engine, (), mark, counted)
        except StoreRefused as error:
            for event in counted:
                _log.error("call_refused_by_database", event_key=event.event_key, reason=str(error))
                self.set_aside(encode(event), str(error))
            write_events(engine, (), mark)
            return len(counted)
        return 0

    def set_aside(self, raw: bytes, reason: str) -> None:
        """Keep what can never be stored in a file, with the reason; where the disk does not take it, in the log."""
        line = json.dumps({"reason": reason, "event": raw.decode("utf-8", "replace")})
        try:
            with (self._settings.data_dir / SET_ASIDE_FILE).open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            _log.error("call_not_kept_aside", why=reason, reason=str(error))
