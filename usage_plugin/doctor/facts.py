"""The machine in, one record of what the checks need out; nothing is created or changed by looking."""

from __future__ import annotations

import importlib.metadata
import os
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.clock import Clock, utc_now
from usage_plugin.errors import InputError, StoreError
from usage_plugin.hold.heartbeat import Heartbeat, read_heartbeats, state_dirs
from usage_plugin.proxy_config import ProxyConfig, read_proxy_config
from usage_plugin.settings import Settings
from usage_plugin.store import read
from usage_plugin.store.database import connect, unavailable
from usage_plugin.store.migrate import SchemaState, schema_state

# A process beats every 2 s; a busy machine may be late.
ALIVE_WITHIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """What the database says of itself."""

    error: StoreError | None = None
    schema: SchemaState | None = None
    newest_call_at: datetime | None = None
    clock_ahead_s: float | None = None
    """Seconds that the server's clock is ahead of ours; ``None`` where the database has no clock of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the checks look at, seen at one moment."""

    now: datetime
    settings: Settings
    config: ProxyConfig | None
    config_error: InputError | None
    litellm_version: str | None
    data_folder_error: str | None
    beats: tuple[Heartbeat, ...]
    """Newest first."""
    ended: frozenset[int]
    """Processes of this machine that are no more, whatever their last beat says."""
    database: DatabaseFacts

    @property
    def writers(self) -> tuple[Heartbeat, ...]:
        """Processes that record, whether they still run or not; newest first."""
        return tuple(beat for beat in self.beats if beat.role != "dashboard")

    @property
    def running(self) -> tuple[Heartbeat, ...]:
        """Processes that have given a sign of life just now."""
        return tuple(
            beat
            for beat in self.beats
            if beat.stopped_at is None and beat.pid not in self.ended and self.now - beat.beat_at < ALIVE_WITHIN
        )

    @property
    def running_writers(self) -> tuple[Heartbeat, ...]:
        """Processes that record now."""
        return tuple(beat for beat in self.running if beat in self.writers)


def gather(settings: Settings, environment: Mapping[str, str], clock: Clock = utc_now) -> Facts:
    """Look at everything once."""
    config, config_error = _config(settings.litellm_config, environment)
    beats = [beat for folder in state_dirs(settings) for beat in read_heartbeats(folder)]
    return Facts(
        now=clock(),
        settings=settings,
        config=config,
        config_error=config_error,
        litellm_version=_version("litellm"),
        data_folder_error=_cannot_write(settings.data_dir),
        beats=tuple(sorted(beats, key=lambda beat: beat.beat_at, reverse=True)),
        ended=frozenset(beat.pid for beat in beats if beat.host == socket.gethostname() and not _exists(beat.pid)),
        database=_database(settings.url, clock),
    )


def _exists(pid: int) -> bool:
    if os.name != "posix":  # elsewhere signal 0 is Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _config(path: Path, environment: Mapping[str, str]) -> tuple[ProxyConfig | None, InputError | None]:
    try:
        return read_proxy_config(path, environment), None
    except InputError as error:
        return None, error


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cannot_write(folder: Path) -> str | None:
    """Say why *folder* takes no file, by trying: rights alone say nothing of a read-only mount."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _database(url: str, clock: Clock) -> DatabaseFacts:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        return DatabaseFacts(schema=SchemaState.EMPTY)
    try:
        engine = connect(url)
        schema = schema_state(engine)
        newest = read.newest(engine).completed_at if schema is SchemaState.CURRENT else None
        with engine.connect() as connection:
            return DatabaseFacts(
                schema=schema,
                newest_call_at=newest,
                clock_ahead_s=_clock_ahead_s(connection, clock),
            )
    except StoreError as error:
        return DatabaseFacts(error=error)
    except SQLAlchemyError as error:
        return DatabaseFacts(error=unavailable(parsed, error))


def _clock_ahead_s(connection: Connection, clock: Clock) -> float | None:
    if connection.dialect.name == "sqlite":
        return None
    before = clock()
    theirs: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    ours = before + (clock() - before) / 2
    return (theirs - ours).total_seconds()
