"""Batches in, stored rows out: makes the schema ready, writes, and tells apart what to retry and what to set aside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Engine

from usage_plugin.errors import SchemaMismatch, StoreRefused
from usage_plugin.event import UsageEvent
from usage_plugin.logs import get_logger
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import SchemaState, migrate, schema_state
from usage_plugin.store.write import write_events

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

    def write(self, events: Sequence[UsageEvent]) -> int:
        """Store a batch; a call that the database refuses is set aside, the others are stored.

        Returns:
            How many calls were set aside.

        Raises:
            StoreError: Nothing more can be stored now; writing the whole batch again later is safe.
        """
        engine = self.prepare()
        try:
            write_events(engine, events)
        except StoreRefused as error:
            if len(events) == 1:
                self._set_aside(events[0], error)
                return 1
            half = len(events) // 2
            return self.write(events[:half]) + self.write(events[half:])
        return 0

    def close(self) -> None:
        """Close the connections."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _set_aside(self, event: UsageEvent, error: StoreRefused) -> None:
        _log.error("call_refused_by_database", event_key=event.event_key, reason=str(error), kept_in=SET_ASIDE_FILE)
        line = json.dumps({"reason": str(error), "event": asdict(event)}, default=_plain)
        with (self._settings.data_dir / SET_ASIDE_FILE).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
