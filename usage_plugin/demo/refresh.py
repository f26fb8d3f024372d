"""A demo database in, one that ends at the present moment out: the last one while it is fresh, else a new one."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import make_url

from usage_plugin.demo.fill import FillResult, Progress, fill
from usage_plugin.demo.generate import DAYS, SEED
from usage_plugin.errors import InputError, StoreError
from usage_plugin.store import read
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import SchemaState, schema_state

# Pages show the last 24 hours first: half a day without a call would still look alive, a whole one would not.
FRESH_FOR = timedelta(hours=6)


def newest_call_at(url: str) -> datetime | None:
    """Say when the last call of a database ended; ``None`` where there is none, and nothing is created."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        return None
    engine = connect(url)
    try:
        current = schema_state(engine) is SchemaState.CURRENT
        return read.newest(engine).completed_at if current else None
    finally:
        engine.dispose()


def is_fresh(url: str, now: datetime) -> bool:
    """Say whether a demo database ends close enough to *now*; one that was interrupted ends long before."""
    try:
        newest = newest_call_at(url)
    except StoreError:
        return False
    return newest is not None and timedelta() <= now - newest < FRESH_FOR


def refill(path: Path, now: datetime, progress: Progress, *, seed: int = SEED, days: int = DAYS) -> FillResult:
    """Replace the demo database's file.

    Raises:
        InputError: The file cannot be replaced.
        StoreUnavailable: The new one cannot be written.
    """
    try:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"the demo database {path} cannot be replaced: {error.strerror}", "Remove it by hand"
        ) from None
    return _fill(f"sqlite:///{path}", now, progress, seed, days)


def fill_empty(url: str, now: datetime, progress: Progress, *, seed: int = SEED, days: int = DAYS) -> FillResult:
    """Fill a database that holds no call yet.

    Raises:
        InputError: It holds calls.
        StoreUnavailable: It does not answer or cannot be written.
    """
    if newest_call_at(url) is not None:
        name = make_url(url).render_as_string(hide_password=True)
        raise InputError(f"{name} holds calls already; demo data would mix with them", "Name an empty database")
    return _fill(url, now, progress, seed, days)


def _fill(url: str, now: datetime, progress: Progress, seed: int, days: int) -> FillResult:
    engine = connect(url)
    try:
        return fill(engine, now, seed=seed, days=days, progress=progress)
    finally:
        engine.dispose()
