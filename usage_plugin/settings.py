"""Environment and LiteLLM's ``callback_settings`` in, one frozen Settings record out; the environment wins.

The one file that reads the environment.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url

from usage_plugin.database_url import absolute, check_database_url, resolve_database_url, sqlite_url
from usage_plugin.errors import SettingsError
from usage_plugin.time_zone import zone_of

APP_NAME = "litellm-usage-plugin"
ENV_PREFIX = "USAGE_"
_HOST = re.compile(r"\*|\.?[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*|[0-9a-fA-F:]+")


def default_data_dir() -> Path:
    """Give the user's data folder for this app: the same for every working directory."""
    return Path(platformdirs.user_data_dir(APP_NAME, appauthor=False))


class Settings(BaseSettings):
    """Every setting, with its default and its reason. Environment ``USAGE_<NAME>`` or config key ``<name>``."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", validate_default=True
    )

    database_url: str = Field(
        default="",
        description="Where usage is stored: `sqlite:///file` or `postgresql://user:password@host/database`. "
        "Empty: `usage.db` in the data folder, the same for the proxy and the dashboard.",
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder for the default database and the state files that `doctor` reads.",
    )
    enabled: bool = Field(default=True, description="`false` keeps the callback loaded but records nothing.")
    auto_migrate: bool = Field(
        default=True,
        description="Create or upgrade the schema when the proxy starts to write. Switch it off where the "
        "database user may not create tables, and run `usage-plugin migrate` instead.",
    )
    flush_every_s: float = Field(
        default=0.5, gt=0, le=60, description="Longest time a call waits in memory before it is written."
    )
    batch_size: int = Field(default=500, ge=1, le=10_000, description="Most calls written in one transaction.")
    buffer_size: int = Field(
        default=20_000,
        ge=100,
        description="Most calls kept in memory while neither the disk nor the database takes them (about 2 kB each). "
        "From half of it on they are counted together by the hour; beyond it the newest are lost, and reported.",
    )
    spool_max_mb: float = Field(
        default=1024,
        ge=0.1,
        description="Largest size on disk of the calls of one process that wait for the database (about 2 kB each). "
        "Beyond it the oldest are counted together by the hour.",
    )
    unreported_after_s: float = Field(
        default=30,
        gt=0,
        le=3600,
        description="A request that is over for so long without a word from LiteLLM is recorded as `interrupted`. "
        "If LiteLLM reports it after all, that row is replaced.",
    )
    pipeline_lag_limit_s: float = Field(
        default=60.0,
        gt=0,
        description="Seconds that a call may wait for the database before `doctor` and the dashboard raise an alert.",
    )
    retain_records_days: int = Field(
        default=90,
        ge=0,
        le=36_500,
        description="Days for which `usage-plugin prune` keeps single calls and their tags; 0 for ever.",
    )
    retain_sheets_days: int = Field(
        default=800,
        ge=0,
        le=36_500,
        description="Days for which totals by the hour are kept, at least as long as single calls; 0 for ever. "
        "800 days let two years be compared.",
    )
    retain_daily_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="Days for which daily totals are kept, at least as long as those by the hour; 0 for ever.",
    )
    timezone: str = Field(
        default="UTC",
        description="Whose days and hours the dashboard shows: a name like `Europe/Berlin`. What is stored is in UTC.",
    )
    watched_members: int = Field(
        default=100,
        ge=1,
        le=1000,
        description="Members of each dimension (keys, models, teams, ...) that are watched for anomalies: those with "
        "the most spend.",
    )
    anomaly_min_usd: float = Field(
        default=1.0, ge=0, description="Dollars that must be at stake for an anomaly to be told."
    )
    anomaly_min_share: float = Field(
        default=0.2,
        ge=0,
        le=10,
        description="How far a series must be off for an anomaly to be told, as a share of what was expected.",
    )
    feature_tag_prefix: str = Field(
        default="feature:", description="A request tag with this prefix sets the call's `feature`."
    )
    environment_tag_prefix: str = Field(
        default="env:", description="A request tag with this prefix sets the call's `environment`."
    )
    environment: str = Field(default="", description="`environment` of calls that bring no tag for it.")
    store_client_ip: bool = Field(
        default=True, description="Keep the caller's address; switch off where it counts as personal data."
    )
    alerts_file: Path | None = Field(
        default=None,
        description="YAML file that says who is told of alerts, and how: channels, routes, quiet hours, digests.",
    )
    alert_urls: str = Field(
        default="",
        repr=False,
        description="Who is told of all alerts, without a file: Apprise URLs and webhooks, separated by spaces.",
    )
    runaway_usd_per_hour: float = Field(
        default=5.0,
        gt=0,
        description="A key, user or team that suddenly spends many times as much as usual is told of when that costs "
        "so many dollars an hour; who never spent anything, at ten times as many.",
    )
    runaway_requests_per_hour: float = Field(
        default=600.0,
        gt=0,
        description="The same of requests without a known price: so many more an hour than usual.",
    )
    dashboard_host: str = Field(default="127.0.0.1", description="Address that the dashboard listens on.")
    dashboard_port: int = Field(default=8050, ge=1, le=65535, description="Port of the dashboard.")
    dashboard_allowed_hosts: str = Field(
        default="",
        description="Names, separated by commas, that browsers may ask the dashboard by besides this machine's: that "
        "of a reverse proxy. `.example.com` is any name below it, `*` any at all.",
    )
    proxy_host: str = Field(default="127.0.0.1", description="Address that `usage-plugin up` gives the proxy.")
    proxy_port: int = Field(default=4000, ge=1, le=65535, description="Port that `usage-plugin up` gives the proxy.")
    litellm_config: Path = Field(
        default=Path("litellm_config.yaml"),
        description="LiteLLM config that `usage-plugin up` starts and `usage-plugin doctor` checks.",
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value:
            check_database_url(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return zone_of(value).key

    @field_validator("dashboard_allowed_hosts")
    @classmethod
    def _only_names(cls, value: str) -> str:
        wrong = [name for name in value.replace(",", " ").split() if not _HOST.fullmatch(name)]
        if wrong:
            msg = f"{wrong[0]} is no name of a host: write it without scheme, port and path, like usage.example.com"
            raise ValueError(msg)
        return value

    @field_validator("data_dir")
    @classmethod
    def _same_everywhere(cls, value: Path) -> Path:
        return absolute(value)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment before the config file's values, as the contract says."""
        return env_settings, init_settings

    @property
    def url(self) -> str:
        """The database URL in SQLAlchemy's spelling: default filled in, psycopg 3 chosen, a file's path absolute."""
        return resolve_database_url(self.database_url) if self.database_url else sqlite_url(self.data_dir / "usage.db")

    @property
    def zone(self) -> ZoneInfo:
        """The reporting time zone."""
        return ZoneInfo(self.timezone)

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """The names of ``dashboard_allowed_hosts``, in lower case."""
        return tuple(self.dashboard_allowed_hosts.lower().replace(",", " ").split())

    @property
    def spool_bytes(self) -> int:
        """The spool's largest size."""
        return int(self.spool_max_mb * 1024 * 1024)

    @property
    def safe_url(self) -> str:
        """The database URL without its password, for logs and pages."""
        return make_url(self.url).render_as_string(hide_password=True)


def load_settings(config_values: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings; what is empty counts as not given.

    Args:
        config_values: LiteLLM's ``callback_settings.usage_plugin``, keys in lower case.

    Raises:
        SettingsError: A value cannot work, or a config key is unknown; names both and the remedy.
    """
    try:
        return Settings(**_given(config_values))
    except ValidationError as error:
        raise SettingsError(*_explain(error)) from None


def settings_without_recording(config_values: Mapping[str, Any] | None = None) -> Settings:
    """Give settings that record nothing, for a process whose own cannot work.

    The data folder is the one that was asked for, so that ``doctor`` finds what the process leaves there.

    Args:
        config_values: As for ``load_settings``.
    """
    named = os.environ.get(f"{ENV_PREFIX}DATA_DIR") or _given(config_values).get("data_dir") or default_data_dir()
    return Settings.model_construct(enabled=False, data_dir=absolute(Path(str(named))))


def _given(config_values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (config_values or {}).items() if value not in ("", None)}


def _explain(error: ValidationError) -> tuple[str, str]:
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return _explain_unknown(name)
    reason = first["msg"].removeprefix("Value error, ")
    shown = "(hidden)" if "url" in name else repr(first.get("input"))
    return (
        f"setting {ENV_PREFIX}{name.upper()} = {shown} cannot be used: {reason}",
        "See docs/configuration.md for what it takes",
    )


def _explain_unknown(name: str) -> tuple[str, str]:
    close = difflib.get_close_matches(name.lower(), Settings.model_fields)
    advice = f"Did you mean {' or '.join(close)}? " if close else ""
    return (
        f"unknown setting {name} under callback_settings.usage_plugin in the LiteLLM config",
        f"{advice}See docs/configuration.md for all names",
    )
