"""Settings and a LiteLLM config in, what has to be known before a start out: commands, environment, URLs."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from usage_plugin.errors import InputError
from usage_plugin.proxy_config import ProxyConfig
from usage_plugin.settings import Settings
from usage_plugin.up.master_key import resolve_master_key
from usage_plugin.up.ports import check_port
from usage_plugin.up.service import Service

PROXY_HEALTH = "/health/liveliness"
DASHBOARD_HEALTH = "/"
_RUN_WORKER = "import sys; from usage_plugin.cli import main; sys.argv[1:] = ['worker']; main()"
_RUN_PROXY = "from litellm.proxy.proxy_cli import run_server; run_server()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be started and with what."""

    settings: Settings
    config: ProxyConfig
    services: tuple[Service, ...]
    environment: Mapping[str, str] = field(repr=False)
    master_key: str = field(repr=False)

    @property
    def first_call(self) -> str | None:
        """One line of shell that makes a call nobody made before, so that no cache answers it."""
        if self.config.model_to_try is None:
            return None
        proxy = self.services[0]
        body = json.dumps(
            {
                "model": self.config.model_to_try,
                "messages": [{"role": "user", "content": "Hello, it is $(date +%T)"}],
            }
        )
        return (
            f"curl -s {proxy.url}/v1/chat/completions "
            f'-H "Authorization: Bearer {self.master_key}" -H "Content-Type: application/json" '
            f"-d {_in_double_quotes(body)}"
        )


def make_plan(settings: Settings, config: ProxyConfig, environment: Mapping[str, str], env_file: Path) -> Plan:
    """Check what can be checked before a start, and generate the master key where none is set.

    Raises:
        InputError: A package is not installed, a port is taken, or the key cannot be kept.
    """
    _require("litellm", "proxy")
    _require("dash", "dashboard")
    services = (_proxy(settings, config), _dashboard(settings), _worker(settings))
    for service in services:
        if not service.listens:
            continue
        name = f"{service.short_name.upper()}_PORT"
        remedy = f"Stop it, or choose another port: make run {name}=..., or USAGE_{name}"
        check_port(service.host, service.port, f"the {service.name}", remedy)
    variable, key = resolve_master_key(config.master_key, environment, env_file)
    shared = _shared_environment(settings, config, environment)
    return Plan(
        settings=settings,
        config=config,
        services=services,
        environment=shared | ({variable: key} if variable else {}),
        master_key=key,
    )


def _in_double_quotes(text: str) -> str:
    """Quote for a POSIX shell so that ``$(...)`` is still replaced."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _require(module: str, extra: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise InputError(f"{module} is not installed", f"pip install 'litellm-usage-plugin[{extra}]'")


def _proxy(settings: Settings, config: ProxyConfig) -> Service:
    host, port = settings.proxy_host, settings.proxy_port
    options = ("--config", str(config.path), "--host", host, "--port", str(port))
    return Service(
        name="LiteLLM proxy",
        command=(sys.executable, "-c", _RUN_PROXY, *options),
        host=host,
        port=port,
        health_path=PROXY_HEALTH,
        log=settings.data_dir / "logs" / "proxy.log",
    )


def _dashboard(settings: Settings) -> Service:
    return Service(
        name="dashboard",
        command=(sys.executable, "-m", "dashboard"),
        host=settings.dashboard_host,
        port=settings.dashboard_port,
        health_path=DASHBOARD_HEALTH,
        log=settings.data_dir / "logs" / "dashboard.log",
    )


def _worker(settings: Settings) -> Service:
    return Service(
        name="worker",
        command=(sys.executable, "-c", _RUN_WORKER),
        log=settings.data_dir / "logs" / "worker.log",
    )


def _shared_environment(settings: Settings, config: ProxyConfig, environment: Mapping[str, str]) -> dict[str, str]:
    """Say database and time zone in so many words, whatever the config's ``callback_settings`` say."""
    return dict(environment) | {
        "USAGE_DATABASE_URL": settings.url,
        "USAGE_DATA_DIR": str(settings.data_dir),
        "USAGE_TIMEZONE": settings.timezone,
        "USAGE_DASHBOARD_HOST": settings.dashboard_host,
        "USAGE_DASHBOARD_PORT": str(settings.dashboard_port),
        "USAGE_LITELLM_CONFIG": str(config.path.resolve()),
        "PYTHONUNBUFFERED": "1",
    }
