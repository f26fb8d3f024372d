"""What dashboard tests ask for: a store, an app over it, a way to call callbacks, and an app that is served."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dash import Dash
from sqlalchemy import Engine
from waitress.server import create_server  # type: ignore[import-untyped]

from dashboard import Data, create_app
from usage_plugin.event import UsageEvent
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.testing import FakeClock, make_event

pytest.register_assert_rewrite("tests.dashboard.watching")

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)


def ago(event_hours: float = 0, **overrides: Any) -> UsageEvent:
    """Make a call that ended some hours before NOW."""
    return make_event(completed_at=NOW - timedelta(hours=event_hours), **overrides)


@pytest.fixture
def store(migrated_sqlite_url: str) -> Iterator[Engine]:
    """Give a migrated, empty SQLite database."""
    engine = connect(migrated_sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(tmp_path: Path, sqlite_url: str) -> Settings:
    """Point at the test's own database and data folder."""
    return Settings(database_url=sqlite_url, data_dir=tmp_path)


@pytest.fixture
def data(store: Engine, settings: Settings) -> Data:
    """Look at the store with a clock that stands at NOW."""
    return Data(store, settings, clock=FakeClock(NOW))


@pytest.fixture
def app(data: Data) -> Dash:
    """Build the app over the test's store."""
    return create_app(data)


Post = Callable[..., dict[str, Any]]


def poster(app: Dash) -> Post:
    """Give a function that calls a callback as a browser does, by a component that it fills.

    Its keyword ``values`` maps ``component.property`` to what the browser holds; ``changed`` names the trigger.
    """
    client = app.server.test_client()
    callbacks = client.get("/_dash-dependencies").get_json()

    def post(output: str, changed: str = "", **values: Any) -> dict[str, Any]:
        callback = next(entry for entry in callbacks if _is_meant(entry, output, changed))
        parts = {key: key.partition("__") for key in values}
        named = {f"{name.replace('_', '-')}.{prop}": values[key] for key, (name, _, prop) in parts.items()}
        asked = {
            "output": callback["output"],
            "outputs": _outputs(callback["output"]),
            "inputs": [_with_value(entry, named) for entry in callback["inputs"]],
            "state": [_with_value(entry, named) for entry in callback["state"]],
            "changedPropIds": [changed] if changed else [],
        }
        answer = client.post("/_dash-update-component", json=asked)
        assert answer.status_code in (200, 204), answer.get_data(as_text=True)
        filled: dict[str, Any] = (answer.get_json() or {}).get("response", {}) if answer.status_code == 200 else {}
        return filled

    return post


@pytest.fixture
def post(app: Dash) -> Post:
    """Call callbacks of the test's app."""
    return poster(app)


@contextmanager
def served(app: Dash) -> Iterator[str]:
    """Serve an app on a free port; gives its address."""
    server = create_server(app.server, host="127.0.0.1", port=0, threads=6)
    threading.Thread(target=server.run, daemon=True).start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Launch the chromium that is installed, in a way that works in containers too."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no chromium is installed")
    return {"executable_path": found, "args": ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]}


def _is_meant(entry: dict[str, Any], output: str, changed: str) -> bool:
    """Of callbacks that fill the same, that which listens to what changed is meant."""
    listens = {f"{each['id']}.{each['property']}" for each in entry["inputs"]}
    return output in entry["output"] and not entry["clientside_function"] and (not changed or changed in listens)


def _outputs(spec: str) -> Any:
    names = spec.strip(".").split("...")
    outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
    return outputs if spec.startswith("..") else outputs[0]


def _with_value(entry: dict[str, str], named: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "value": named.get(f"{entry['id']}.{entry['property']}")}
