"""Environment, ``.env`` and the LiteLLM config in, the settings that a command works with out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from usage_plugin.env_file import ENV_FILE, load_env_file
from usage_plugin.proxy_config import ProxyConfig, read_proxy_config
from usage_plugin.settings import Settings, load_settings


def load(config_path: Path | None = None, **overrides: Any) -> tuple[Settings, ProxyConfig | None]:
    """Read the settings as the proxy would, so that every command looks at the proxy's database.

    Args:
        config_path: ``--config`` as given; by default what the settings say, where a missing file is no error.
        **overrides: Options of the command line; ``None`` means not given.

    Raises:
        InputError: The config is named but missing, or cannot be read.
        SettingsError: A setting holds what cannot work.
    """
    load_env_file(ENV_FILE, os.environ)
    path = config_path or load_settings().litellm_config
    if config_path is None and not path.exists():
        return _settings(None, path, overrides), None
    config = read_proxy_config(path, os.environ)
    return _settings(config, path, overrides), config


def load_with_config(config_path: Path | None, **overrides: Any) -> tuple[Settings, ProxyConfig]:
    """Read the settings and a LiteLLM config that has to be there.

    Raises:
        InputError: The config is missing or cannot be read.
        SettingsError: A setting holds what cannot work.
    """
    load_env_file(ENV_FILE, os.environ)
    path = config_path or load_settings().litellm_config
    config = read_proxy_config(path, os.environ)
    return _settings(config, path, overrides), config


def load_without_config(config_path: Path | None) -> Settings:
    """Read the settings of the environment alone, for a command that reports a broken config by itself.

    Raises:
        SettingsError: A setting holds what cannot work.
    """
    load_env_file(ENV_FILE, os.environ)
    return _settings(None, config_path or load_settings().litellm_config, {})


def _settings(config: ProxyConfig | None, path: Path, overrides: dict[str, Any]) -> Settings:
    given = {name: value for name, value in overrides.items() if value is not None}
    settings = load_settings(config.plugin_settings if config else None)
    return settings.model_copy(update={"litellm_config": path, **given})
