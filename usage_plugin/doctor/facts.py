"""The machine in, one record of what the checks need out; nothing is created or changed by looking."""

from __future__ import annotations

import importlib.metadata
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from usage_plugin.account import RECORDS, ProcessAccount
from usage_plugin.clock import Clock, utc_now
from usage_plugin.errors import InputError, StoreError, StoreUnavailable
from usage_plugin.hold.heartbeat import FORGOTTEN_AFTER, Heartbeat, fingerprint, process_exists
from usage_plugin.hold.local import local_accounts, local_beats
from usage_plugin.proxy_config import ProxyConfig, read_proxy_config
from usage_plugin.settings import ENV_PREFIX, Settings
from usage_plugin.store import read
from usage_plugin.store.budgets import Budget, budgets
from usage_plugin.store.database import connect, unavailable
from usage_plugin.store.jobs import Ran, last_runs
from usage_plugin.store.migrate import SchemaState, schema_state
from usage_plugin.store.namespace import lies_beside_litellm
from usage_plugin.store.sheets.backlog import not_added_up
from usage_plugin.watch import CLOSED_AFTER, NOT_ADDED_UP, SILENT_AFTER, merge


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """What the database says of itself."""

    error: StoreError | None = None
    created: bool = True
    """Whether a SQLite file is there; a server's database answers or does not."""
    schema: SchemaState | None = None
    beside_litellm: bool = False
    """Whether LiteLLM's tables lie in the schema of ours."""
    newest_call_at: datetime | None = None
    accounts: tuple[ProcessAccount, ...] = ()
    """What every machine's processes say of themselves."""
    not_added_up: int = 0
    """Calls that ended long enough ago to be in sheets and are in none, counted up to one more than tolerated."""
    budgets: tuple[Budget, ...] = ()
    job_runs: tuple[Ran, ...] = ()
    """The last run of each of the worker's jobs."""
    clock_ahead_s: float | None = None
    """Seconds that the server's clock is ahead of ours; ``None`` where the database has no clock of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the checks look at, seen at one moment."""

    now: datetime
    settings: Settings
    enabled_by: str
    """The place that switches recording on or off."""
    config: ProxyConfig | None
    config_error: InputError | None
    litellm_version: str | None
    data_folder_error: str | None
    beats: tuple[Heartbeat, ...]
    """Newest first."""
    refusals: tuple[Heartbeat, ...]
    """Last words of processes that record nothing since their settings cannot work; newest first."""
    ended: frozenset[tuple[str, int]]
    """Processes of this machine that are no more, whatever their last beat says."""
    database: DatabaseFacts
    accounts: tuple[ProcessAccount, ...]
    """What processes that recorded here in the last day say, on any machine that the database knows of."""

    @property
    def writers(self) -> tuple[Heartbeat, ...]:
        """Processes that record, whether they still run or not; newest first."""
        return tuple(beat for beat in self.beats if beat.role in RECORDS)

    @property
    def running(self) -> tuple[Heartbeat, ...]:
        """Processes that have given a sign of life just now."""
        return tuple(
            beat
            for beat in self.beats
            if beat.stopped_at is None
            and (beat.host, beat.pid) not in self.ended
            and self.now - beat.beat_at < SILENT_AFTER
        )

    @property
    def running_writers(self) -> tuple[Heartbeat, ...]:
        """Processes that record now."""
        return tuple(beat for beat in self.running if beat in self.writers)

    @property
    def running_workers(self) -> tuple[Heartbeat, ...]:
        """Processes of this machine that add this database up."""
        mine = fingerprint(self.settings.url)
        return tuple(beat for beat in self.running if beat.role == "worker" and beat.database_fingerprint == mine)


def gather(settings: Settings, environment: Mapping[str, str], clock: Clock = utc_now) -> Facts:
    """Look at everything once."""
    config, config_error = _config(settings.litellm_config, environment)
    now, beats, database = clock(), local_beats(settings), _database(settings.url, clock)
    host = socket.gethostname()
    return Facts(
        now=now,
        settings=settings,
        enabled_by=_enabled_by(config, environment),
        config=config,
        config_error=config_error,
        litellm_version=_version("litellm"),
        data_folder_error=_cannot_write(settings.data_dir),
        beats=tuple(beat for beat in beats if beat.database_fingerprint),
        refusals=tuple(beat for beat in beats if not beat.database_fingerprint),
        ended=frozenset((host, beat.pid) for beat in beats if beat.host == host and not process_exists(beat.pid)),
        database=database,
        accounts=_accounts(settings, database, now),
    )


def _accounts(settings: Settings, database: DatabaseFacts, now: datetime) -> tuple[ProcessAccount, ...]:
    known = merge(database.accounts, local_accounts(settings))
    return tuple(account for account in known if now - account.beat_at < FORGOTTEN_AFTER)


def _enabled_by(config: ProxyConfig | None, environment: Mapping[str, str]) -> str:
    name = f"{ENV_PREFIX}ENABLED"
    given = {variable.upper(): value for variable, value in environment.items()}.get(name)
    configured = config.plugin_settings.get("enabled") if config else None
    if given or config is None or configured in (None, ""):
        return f"{name}={given or 'false'}"
    return f"enabled: {str(configured).lower()} under callback_settings.usage_plugin in {config.path}"


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
    existing = next(path for path in (folder, *folder.absolute().parents) if _is_there(path))
    if not existing.is_dir():
        return f"{existing} is a file, not a folder"
    try:
        with tempfile.TemporaryFile(dir=existing):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # it lies in a folder that we may not look into
        return False


def _database(url: str, clock: Clock) -> DatabaseFacts:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not _is_there(Path(str(parsed.database))):
        return _no_file_yet(parsed)
    try:
        engine = connect(url)
        schema = schema_state(engine)
        is_current = schema is SchemaState.CURRENT
        with engine.connect() as connection:
            return DatabaseFacts(
                schema=schema,
                beside_litellm=lies_beside_litellm(connection),
                newest_call_at=read.newest(engine).completed_at if is_current else None,
                accounts=read.processes(engine) if is_current else (),
                not_added_up=not_added_up(connection, clock() - CLOSED_AFTER, NOT_ADDED_UP) if is_current else 0,
                budgets=tuple(budgets(engine)) if is_current else (),
                job_runs=last_runs(engine) if is_current else (),
                clock_ahead_s=_clock_ahead_s(connection, clock),
            )
    except StoreError as error:
        return DatabaseFacts(error=error)
    except SQLAlchemyError as error:
        return DatabaseFacts(error=unavailable(parsed, error))


def _no_file_yet(url: URL) -> DatabaseFacts:
    problem = _cannot_write(Path(str(url.database)).parent)
    if problem is None:
        return DatabaseFacts(created=False, schema=SchemaState.EMPTY)
    what = f"the database {url.render_as_string()} is not created yet, and cannot be: {problem}"
    remedy = "Make it a folder that this user can write to, or choose another with USAGE_DATABASE_URL or USAGE_DATA_DIR"
    return DatabaseFacts(created=False, error=StoreUnavailable(what, remedy))


def _clock_ahead_s(connection: Connection, clock: Clock) -> float | None:
    if connection.dialect.name == "sqlite":
        return None
    before = clock()
    theirs: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    ours = before + (clock() - before) / 2
    return (theirs - ours).total_seconds()
