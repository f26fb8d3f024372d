"""Settings in, a serving dashboard out, or one line that says why not."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from collections.abc import Sequence
from typing import NoReturn

from waitress import serve  # type: ignore[import-untyped]

from dashboard.app import create_app
from dashboard.data import Data
from usage_plugin.demo.place import demo_url
from usage_plugin.errors import InputError, StoreError, UsagePluginError
from usage_plugin.hold.beating import beating
from usage_plugin.logs import ensure_visible, get_logger
from usage_plugin.settings import Settings, load_settings
from usage_plugin.store.database import check, connect

THREADS = 8
_log = get_logger("usage_plugin.dashboard")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the dashboard until interrupted; gives the exit code."""
    asked = _parser().parse_args(arguments)
    ensure_visible()
    try:
        run(_settings(demo=asked.demo), demo=asked.demo, host=asked.host, port=asked.port)
    except UsagePluginError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


def run(settings: Settings, *, demo: bool = False, host: str | None = None, port: int | None = None) -> None:
    """Serve the dashboard.

    Args:
        settings: Say which database, and where to listen.
        demo: Mark the figures as generated.
        host: Instead of the setting's.
        port: Instead of the setting's.

    Raises:
        InputError: Nothing can listen there.
        StoreUnavailable: The folder of a SQLite file cannot be made.
    """
    settings = settings.model_copy(update={"dashboard_host": host or settings.dashboard_host})
    listener = listen(settings.dashboard_host, settings.dashboard_port if port is None else port)
    engine = connect(settings.url)
    try:
        check(engine)
    except StoreError as error:  # the pages say so too, and recover by themselves
        _log.warning("database_unavailable", error=str(error))
    app = create_app(Data(engine, settings, demo=demo))
    address, bound = listener.getsockname()[:2]
    _log.info("dashboard_ready", url=f"http://{address}:{bound}", database=settings.safe_url)
    signal.signal(signal.SIGTERM, _leave)
    with beating(settings, "dashboard"):
        serve(app.server, sockets=[listener], threads=THREADS, ident=None)


def _leave(_signal: int, _frame: object) -> NoReturn:
    """Leave as by Ctrl-C, so that the heartbeat says that it was on purpose."""
    raise KeyboardInterrupt


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else starts.

    Raises:
        InputError: It is taken, or the address is not this machine's.
    """
    try:
        return socket.create_server((host, port))
    except OSError as error:
        reason = error.strerror or str(error)
        problem = f"the dashboard cannot listen on {host}:{port}: {reason}"
        raise InputError(problem, "Choose another port with USAGE_DASHBOARD_PORT or --port") from None


def _settings(*, demo: bool) -> Settings:
    """Read the settings; the demo's figures lie in a database of their own."""
    settings = load_settings()
    return settings.model_copy(update={"database_url": demo_url(settings)}) if demo else settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dashboard",
        description="Serve the dashboard.",
        epilog="Example: python -m dashboard --port 8051",
    )
    parser.add_argument("--demo", action="store_true", help="show the demo database, marked as generated data")
    parser.add_argument("--host", help="address to listen on (default: USAGE_DASHBOARD_HOST)")
    parser.add_argument("--port", type=int, help="port to listen on (default: USAGE_DASHBOARD_PORT)")
    return parser
