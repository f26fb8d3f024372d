"""A YAML file and the environment in, who is told what out: checked, with errors that show no secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from usage_plugin.alerts.finding import Severity, Source
from usage_plugin.alerts.routing import Channel, QuietHours, Route, Routing
from usage_plugin.errors import InputError
from usage_plugin.proxy_config import FROM_ENVIRONMENT
from usage_plugin.settings import Settings

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LENGTH = re.compile(r"(\d+)\s*([smhd])")
_HOURS = re.compile(r"(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})")
_HELP = "See docs/alerts.md for an example"


def _length(value: Any) -> timedelta:
    match = _LENGTH.fullmatch(str(value).strip())
    if match is None:
        msg = "it takes a number and a unit: 30s, 5m, 4h or 1d"
        raise ValueError(msg)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _clock(value: Any) -> time:
    # Without quotes YAML reads 08:00 as a number to the base of 60.
    text = f"{value // 60}:{value % 60:02}" if isinstance(value, int) else str(value).strip()
    try:
        return time.fromisoformat(text.zfill(5))
    except ValueError:
        msg = "it takes a time of day like 08:00"
        raise ValueError(msg) from None


def _quiet(value: Any) -> QuietHours | None:
    if value in (None, "none", False):
        return None
    match = _HOURS.fullmatch(str(value).strip())
    if match is None:
        msg = "it takes two times of day like 22:00-07:00, or none"
        raise ValueError(msg)
    return QuietHours(_clock(match[1]), _clock(match[2]))


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_Length = Annotated[timedelta, BeforeValidator(_length)]
_Quiet = Annotated[QuietHours | None, BeforeValidator(_quiet)]
_Names = Annotated[tuple[str, ...], BeforeValidator(_list)]
_Every = Literal["hour", "day"]
_Digest = dict[Severity, _Every]


def _daily() -> _Digest:
    return {Severity.INFO: "day"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)


class _Channel(_Strict):
    url: str | None = None
    webhook: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    quiet_hours: _Quiet = None
    digest: _Digest | None = None


class _Route(_Strict):
    channels: _Names
    severity: Severity = Severity.INFO
    source: Annotated[tuple[Source, ...], BeforeValidator(_list)] = ()
    dimension: _Names = ()
    member: _Names = ()
    owner: _Names = ()


class _File(_Strict):
    channels: dict[str, _Channel]
    routes: tuple[_Route, ...] = ()
    group_for: _Length = timedelta(seconds=30)
    remind_after: dict[Severity, _Length] = Field(
        default_factory=lambda: {Severity.CRITICAL: timedelta(hours=4), Severity.WARNING: timedelta(hours=24)}
    )
    quiet_hours: _Quiet = None
    digest: _Digest = Field(default_factory=_daily)
    digest_at: Annotated[time, BeforeValidator(_clock)] = time(8)
    give_up_after: _Length = timedelta(hours=24)


def routing_of(settings: Settings, environment: Mapping[str, str]) -> Routing:
    """Read who is told what; without a file and URLs nobody is.

    Args:
        settings: Name the file, or hold the URLs themselves.
        environment: Where ``os.environ/NAME`` is looked up.

    Raises:
        InputError: The file is missing or cannot be used; names the place, and shows nothing of a secret.
    """
    channels = _of_urls(settings.alert_urls)
    if settings.alerts_file is None:
        return _routing(_File(channels=channels))
    file = _read(settings.alerts_file, environment)
    return _routing(file.model_copy(update={"channels": {**file.channels, **channels}}))


def _of_urls(urls: str) -> dict[str, _Channel]:
    """Name the channels of ``USAGE_ALERT_URLS`` by their kinds: ``mailto``, ``slack``, ``slack-2``."""
    found: dict[str, _Channel] = {}
    for url in re.split(r"[\s,]+(?=[a-zA-Z][\w+.-]*://)", urls.strip()):
        kind = url.partition("://")[0].lower()
        if not url:
            continue
        name = base = "webhook" if kind in ("http", "https") else kind
        number = 1
        while name in found:
            number += 1
            name = f"{base}-{number}"
        found[name] = _Channel(url=url)
    return found


def _read(path: Path, environment: Mapping[str, str]) -> _File:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"the alerts file {path} does not exist", "Correct USAGE_ALERTS_FILE") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the alerts file {path} cannot be read: {error}", "Check the path and its rights") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else "it cannot be parsed"
        raise InputError(f"the alerts file {path} is not YAML: {place}", "Correct that line") from None
    try:
        return _File.model_validate(_resolved(content, environment, path))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        reason = "is unknown" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        raise InputError(f"{place} in the alerts file {path} cannot be used: {reason}", _HELP) from None


def _resolved(value: Any, environment: Mapping[str, str], path: Path) -> Any:
    """Look up ``os.environ/NAME`` as LiteLLM does, at any depth.

    Raises:
        InputError: One is not set: a channel without its address would be silent.
    """
    if isinstance(value, dict):
        return {name: _resolved(item, environment, path) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, environment, path) for item in value]
    if not isinstance(value, str) or not value.startswith(FROM_ENVIRONMENT):
        return value
    name = value.removeprefix(FROM_ENVIRONMENT)
    found = environment.get(name)
    if not found:
        raise InputError(f"the alerts file {path} names {value}, which is not set", f"Set {name} for the worker")
    return found


def _routing(file: _File) -> Routing:
    return Routing(
        channels={name: _channel(name, each, file) for name, each in file.channels.items()},
        routes=tuple(_route(each, file) for each in file.routes),
        group_for=file.group_for,
        remind_after=file.remind_after,
        digest_at=file.digest_at,
        give_up_after=file.give_up_after,
    )


def _channel(name: str, given: _Channel, file: _File) -> Channel:
    if (given.url is None) == (given.webhook is None):
        raise InputError(f"the channel {name} needs either url, for Apprise, or webhook", _HELP)
    if given.webhook is not None and not given.webhook.startswith(("http://", "https://")):
        raise InputError(f"the webhook of the channel {name} begins neither with http:// nor with https://", _HELP)
    own_hours = "quiet_hours" in given.model_fields_set
    return Channel(
        name=name,
        url=given.url,
        webhook=given.webhook,
        headers=given.headers,
        quiet_hours=given.quiet_hours if own_hours else file.quiet_hours,
        digest=file.digest if given.digest is None else given.digest,
    )


def _route(given: _Route, file: _File) -> Route:
    for name in given.channels:
        if name not in file.channels:
            known = ", ".join(file.channels) or "there are none"
            raise InputError(f"a route names the channel {name!r}, which there is not", f"Channels: {known}")
    return Route(**given.model_dump())
