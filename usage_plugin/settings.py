"""Environment and LiteLLM's ``callback_settings`` in, one frozen Settings record out; the environment wins.

The one file that reads the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from usage_plugin.errors import SettingsError

APP_NAME = "litellm-usage-plugin"
ENV_PREFIX = "USAGE_"


def default_data_dir() -> Path:
    """Give the user's data folder for this app: the same for every working directory."""
    return Path(platformdirs.user_data_dir(APP_NAME, appauthor=False))


class Settings(BaseSettings):
    """Every setting, with its default and its reason. Environment ``USAGE_<NAME>`` or config key ``<name>``."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="forbid", validate_default=True)

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
        default=50_000,
        ge=100,
        description="Most calls kept in memory while the database does not answer (about 2 kB each); "
        "beyond it the newest are counted as lost and reported.",
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
    dashboard_host: str = Field(default="127.0.0.1", description="Address that the dashboard listens on.")
    dashboard_port: int = Field(default=8050, ge=1, le=65535, description="Port of the dashboard.")
    proxy_host: str = Field(default="127.0.0.1", description="Address that `usage-plugin up` gives the proxy.")
    proxy_port: int = Field(default=4000, ge=1, le=65535, description="Port that `usage-plugin up` gives the proxy.")
    litellm_config: Path = Field(
        default=Path("litellm_config.yaml"),
        description="LiteLLM config that `usage-plugin up` starts and `usage-plugin doctor` checks.",
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not value:
            return value
        try:
            backend = make_url(value).get_backend_name()
        except ArgumentError:
            msg = "it is not a database URL"
            raise ValueError(msg) from None
        if backend not in {"sqlite", "postgresql", "postgres"}:
            msg = f"{backend} is not supported"
            raise ValueError(msg)
        return value

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
        """The database URL in SQLAlchemy's spelling, with the default filled in and psycopg 3 chosen."""
        if not self.database_url:
            return f"sqlite:///{self.data_dir / 'usage.db'}"
        url = make_url(self.database_url.replace("postgres://", "postgresql://", 1))
        if url.get_backend_name() == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        return url.render_as_string(hide_password=False)

    @property
    def safe_url(self) -> str:
        """The database URL without its password, for logs and pages."""
        return make_url(self.url).render_as_string(hide_password=True)


def load_settings(config_values: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings.

    Args:
        config_values: LiteLLM's ``callback_settings.usage_plugin``, keys in lower case.

    Raises:
        SettingsError: A value cannot work, or a config key is unknown; names both and the remedy.
    """
    try:
        return Settings(**dict(config_values or {}))
    except ValidationError as error:
        raise SettingsError(*_explain(error)) from None


def _explain(error: ValidationError) -> tuple[str, str]:
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    shown = "(hidden)" if "url" in name else repr(first.get("input"))
    return (
        f"setting {ENV_PREFIX}{name.upper()} = {shown} cannot be used: {reason}",
        "See docs/configuration.md for what it takes",
    )
