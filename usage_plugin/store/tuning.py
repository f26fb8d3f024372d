"""What people say of anomalies in, what is no news of their series any more out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from usage_plugin.store.analysis_tables import AnomalyRow, SeriesTuning
from usage_plugin.store.read.sql import reading
from usage_plugin.store.tables import table_of

BARS_LAST: Final = timedelta(days=90)
"""What was expected once is asked about again after this."""
_BARRED, _TOO_SMALL = ("expected", "false alarm"), "too small"
_AT_ONCE = 500


def teach(connection: Connection, concerned: Sequence[AnomalyRow], state: str, now: datetime) -> None:
    """Let series learn from what was said of their anomalies; ``open``, ``acknowledged`` and ``resolved`` say nothing.

    Args:
        connection: Of a transaction that writes.
        concerned: The anomaly and those that it explains.
        state: What was said.
        now: The present moment.
    """
    if state not in (*_BARRED, _TOO_SMALL):
        return
    known = _known(connection, {row.series_key for row in concerned})
    for row in concerned:
        tuning = known.get(row.series_key) or SeriesTuning(series_key=row.series_key, updated_at=now)
        known[row.series_key] = _taught(tuning, row, state, now)
    for tuning in known.values():
        _keep(connection, tuning.model_dump())


def tunings(engine: Engine, keys: Collection[str]) -> Mapping[str, SeriesTuning]:
    """Give what is known of series, by their key; nothing of those that nobody said anything of.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    with reading(engine) as connection:
        return _known(connection, keys)


def _known(connection: Connection, keys: Collection[str]) -> dict[str, SeriesTuning]:
    table, wanted, found = table_of(SeriesTuning), sorted(keys), dict[str, SeriesTuning]()
    for first in range(0, len(wanted), _AT_ONCE):
        query = select(table).where(table.c.series_key.in_(wanted[first : first + _AT_ONCE]))
        found |= {row["series_key"]: SeriesTuning(**row) for row in connection.execute(query).mappings()}
    return found


def _taught(tuning: SeriesTuning, row: AnomalyRow, state: str, now: datetime) -> SeriesTuning:
    if state == _TOO_SMALL:
        stake = abs(row.at_stake_nano_usd or 0)
        tuning.least_nano_usd = max(tuning.least_nano_usd or 0, stake)
    elif row.actual >= row.expected:
        tuning.bar_high = max((row.peak_actual, *_standing(tuning.bar_high, tuning, now)))
    else:
        tuning.bar_low = min((row.peak_actual, *_standing(tuning.bar_low, tuning, now)))
    if state in _BARRED:
        tuning.bars_until = now + BARS_LAST
    tuning.updated_at = now
    return tuning


def _standing(bar: float | None, tuning: SeriesTuning, now: datetime) -> tuple[float, ...]:
    stands = bar is not None and tuning.bars_until is not None and now < tuning.bars_until
    return (bar,) if bar is not None and stands else ()


def _keep(connection: Connection, values: Mapping[str, Any]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    write = dialect.insert(table_of(SeriesTuning)).values(**values)
    others = {name: value for name, value in values.items() if name != "series_key"}
    connection.execute(write.on_conflict_do_update(index_elements=["series_key"], set_=others))
