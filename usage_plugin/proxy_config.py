"""A LiteLLM config file in, what concerns this package out: callbacks, our settings, the key and a model to try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from usage_plugin.errors import InputError

CALLBACK = "usage_plugin.proxy_handler_instance"
MASTER_KEY_VARIABLE = "LITELLM_MASTER_KEY"
FROM_ENVIRONMENT = "os.environ/"
_PARTIAL_LISTS = ("success_callback", "failure_callback")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyConfig:
    """The parts of a LiteLLM config that matter here."""

    path: Path
    callbacks: tuple[str, ...] = ()
    partly_called: bool = False
    """The callback stands in ``success_callback`` or ``failure_callback``, where LiteLLM calls only a part of it."""
    counts_no_log_calls: bool = False
    plugin_settings: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    master_key: str | None = None
    """As written: a key, ``os.environ/NAME`` or nothing."""

    @property
    def records_usage(self) -> bool:
        """Whether LiteLLM loads our callback from this file."""
        return CALLBACK in self.callbacks

    @property
    def model_to_try(self) -> str | None:
        """A model that answers by itself, else the first that is no wildcard."""
        named = [name for name in self.models if "*" not in name]
        return next((name for name in named if name.startswith("demo-")), named[0] if named else None)


def read_proxy_config(path: Path, environment: Mapping[str, str]) -> ProxyConfig:
    """Read a LiteLLM config.

    Args:
        path: A YAML file.
        environment: Where ``os.environ/NAME`` values of our own settings are looked up.

    Raises:
        InputError: The file is missing, unreadable or no LiteLLM config; one line with the place.
    """
    content = _load(path)
    settings = _mapping(content, "litellm_settings", path)
    callback_settings = _mapping(content, "callback_settings", path)
    return ProxyConfig(
        path=path,
        callbacks=_names(settings.get("callbacks")),
        partly_called=any(CALLBACK in _names(settings.get(name)) for name in _PARTIAL_LISTS),
        counts_no_log_calls=settings.get("global_disable_no_log_param") is True,
        plugin_settings=_resolved(callback_settings.get("usage_plugin"), environment),
        models=_models(content.get("model_list")),
        master_key=_text(_mapping(content, "general_settings", path).get("master_key")),
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = "Run in the folder that holds it, or name it with --config or USAGE_LITELLM_CONFIG"
        raise InputError(f"the LiteLLM config {path} does not exist", remedy) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the LiteLLM config {path} cannot be read: {error}", "Check the path and its rights"
        ) from None
    except yaml.YAMLError as error:
        raise InputError(f"the LiteLLM config {path} is not YAML: {_place(error)}", "Correct that line") from None
    if not isinstance(content, dict):
        kind = "empty" if content is None else f"a {type(content).__name__}"
        raise InputError(
            f"the LiteLLM config {path} is {kind}, not a mapping", "Start from litellm_config.yaml"
        ) from None
    return content


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it cannot be parsed"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)


def _mapping(content: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    value = content.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        problem = f"{name} in the LiteLLM config {path} is a {type(value).__name__}, not a mapping"
        raise InputError(problem, "Correct its indentation")
    return value


def _names(value: Any) -> tuple[str, ...]:
    """Read a list of callbacks; LiteLLM takes a bare string too."""
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(item for item in values if isinstance(item, str))


def _models(value: Any) -> tuple[str, ...]:
    entries = value if isinstance(value, list) else []
    names = (entry.get("model_name") for entry in entries if isinstance(entry, dict))
    return tuple(name for name in names if isinstance(name, str))


def _resolved(value: Any, environment: Mapping[str, str]) -> dict[str, Any]:
    """Look up ``os.environ/NAME`` as LiteLLM does; one that is not set counts as not given."""
    pairs = value.items() if isinstance(value, dict) else ()
    looked_up = ((str(name), _look_up(item, environment)) for name, item in pairs)
    return {name: item for name, item in looked_up if item is not None}


def _look_up(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value.startswith(FROM_ENVIRONMENT):
        return environment.get(value.removeprefix(FROM_ENVIRONMENT))
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
