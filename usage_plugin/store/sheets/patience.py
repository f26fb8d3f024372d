"""Stretches that should be added up in, those that nobody is writing to just now out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from usage_plugin.store.quarters import floor_quarter
from usage_plugin.store.sheets.segments import Stretch, changes_of

# Calls of the present are stored within seconds; an import writes to older hours, and goes on for minutes.
RECENT: Final = timedelta(hours=2)


class Patience:
    """Lets old stretches rest until a look finds them as the look before did, so that an import is added up once.

    The first look finds all of them at rest.
    """

    def __init__(self) -> None:
        self._seen: Mapping[Stretch, int] | None = None

    def at_rest(self, connection: Connection, wanted: Sequence[Stretch], now: datetime) -> list[Stretch]:
        """Leave out what was written to since the last look.

        Args:
            connection: Sees one moment.
            wanted: What should be added up.
            now: The present.
        """
        before, self._seen = self._seen, changes_of(connection, wanted)
        if before is None:
            return list(wanted)
        recent = floor_quarter(now - RECENT)
        return [each for each in wanted if each[1] > recent or before.get(each) == self._seen[each]]
