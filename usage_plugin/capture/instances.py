"""Settings in, the process's one handler out."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import lru_cache
from typing import Any

import litellm

from usage_plugin.account import Role
from usage_plugin.capture.catalog import load_price_map
from usage_plugin.capture.handler import Usage_PROXY_Handler, UsageHandler, UsageSdkHandler
from usage_plugin.capture.meaning import ReportMeaning
from usage_plugin.capture.normalise import Normaliser
from usage_plugin.capture.report import Reporter
from usage_plugin.capture.shutdown import flush_on_shutdown, report_before_exit
from usage_plugin.clock import utc_now
from usage_plugin.errors import SettingsError
from usage_plugin.guard import Guard
from usage_plugin.hold.heartbeat import state_dirs, write_heartbeat_anywhere
from usage_plugin.hold.recorder import Recorder
from usage_plugin.logs import ensure_visible, get_logger
from usage_plugin.settings import Settings, load_settings, settings_without_recording

_log = get_logger(__name__)
CONFIG_KEY = "usage_plugin"


@lru_cache(maxsize=1)
def proxy_handler() -> UsageHandler:
    """Give the handler that a LiteLLM config names; made once a process, whoever asks."""
    handler = _make(Usage_PROXY_Handler, "proxy")
    flush_on_shutdown(handler.recorder, handler.guard)
    return handler


@lru_cache(maxsize=1)
def sdk_handler() -> UsageHandler:
    """Give a handler for ``litellm.callbacks`` in a program that calls LiteLLM without a proxy, sync or async.

    Call ``sdk_handler().recorder.flush()`` before a short program ends to be sure that all is written;
    at a normal exit that happens by itself.
    """
    handler = _make(UsageSdkHandler, "sdk")
    report_before_exit(handler.guard)
    return handler


def _make(kind: type[UsageHandler], role: Role) -> UsageHandler:
    ensure_visible()
    guard = Guard()
    settings, refusal = _settings()
    catalog = load_price_map()
    reports = ReportMeaning(Normaliser(settings, catalog))
    recorder = Recorder(settings, reports, role=role, guard=guard, litellm_config=_config_path())
    if settings.enabled:
        recorder.start()
    if refusal:
        with guard.stage("heartbeat"):
            _leave_word(recorder, refusal)
    return kind(Reporter(catalog), recorder, guard)


def _settings() -> tuple[Settings, str | None]:
    """Read the settings; ones that cannot work switch recording off, since an error here would stop the proxy.

    Returns:
        The settings, and why nothing is recorded where they cannot work.
    """
    given: Any = getattr(litellm, "callback_settings", None)
    own = given.get(CONFIG_KEY) if isinstance(given, dict) else None
    values = own if isinstance(own, dict) else None
    try:
        return load_settings(values), None
    except SettingsError as error:
        _log.error("usage_is_not_recorded", reason=str(error))
        return settings_without_recording(values), str(error)


def _leave_word(recorder: Recorder, refusal: str) -> None:
    """Tell ``doctor`` why this process records nothing; without a fingerprint, since it has no database."""
    beat = replace(
        recorder.heartbeat(), safe_url="", database_fingerprint="", last_error=refusal, last_error_at=utc_now()
    )
    write_heartbeat_anywhere(state_dirs(recorder.settings), beat)


def _config_path() -> str | None:
    """Name the config that the proxy was started with, for ``doctor``."""
    arguments = sys.argv
    for flag in ("--config", "-c"):
        if flag in arguments[:-1]:
            return arguments[arguments.index(flag) + 1]
    return None
