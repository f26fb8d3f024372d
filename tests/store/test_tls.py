"""TLS to PostgreSQL: what the URL says reaches the driver, and what does not work is one line with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from tests.store.tls_front import certificate, front
from usage_plugin.errors import SettingsError, StoreUnavailable
from usage_plugin.settings import load_settings
from usage_plugin.store.database import check, connect
from usage_plugin.store.migrate import SchemaState, migrate, schema_state


@dataclass(frozen=True, slots=True)
class Fronts:
    """Ports of PostgreSQL: one that speaks TLS as ``localhost``, and one that does not.

    Args:
        ports: With TLS and without.
        folder: Of ``localhost.pem``, which that one is to be trusted by, and of ``other.pem``.
    """

    ports: dict[bool, int]
    folder: Path

    def url(self, database: str, query: str, host: str = "localhost", *, has_tls: bool = True) -> str:
        """Write the URL of a database behind one of them."""
        place = f"{host}:{self.ports[has_tls]}/{make_url(database).database}?hostaddr=127.0.0.1"
        query = query.format(folder=self.folder)
        return load_settings({"database_url": f"postgresql://postgres:hush@{place}&{query}"}).url


@pytest.fixture(scope="module")
def fronts(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronts]:
    """Open both ports."""
    server = Path(str(make_url(postgres_server).query["host"])) / ".s.PGSQL.5432"
    folder = tmp_path_factory.mktemp("tls")
    certificate(folder, "other")
    with front(server, certificate(folder, "localhost")) as with_tls, front(server, None) as without:
        yield Fronts({True: with_tls, False: without}, folder)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_calls_travel_in_tls(fronts: Fronts, postgres_url: str, mode: str) -> None:
    """With the authority's certificate also verified."""
    engine = connect(fronts.url(postgres_url, f"sslmode={mode}&sslrootcert={{folder}}/localhost.pem"))
    migrate(engine)
    assert schema_state(engine) is SchemaState.CURRENT
    with engine.connect() as connection:
        assert connection.connection.driver_connection.pgconn.ssl_in_use  # type: ignore[union-attr]
    engine.dispose()


NO_TLS = {"has_tls": False, "query": "sslmode=require"}
NO_FILE = {"query": "sslmode=verify-full&sslrootcert={folder}/none.pem"}
ANOTHER = {"query": "sslmode=verify-ca&sslrootcert={folder}/other.pem"}
ANOTHER_NAME = {"host": "db", "query": "sslmode=verify-full&sslrootcert={folder}/localhost.pem"}
NO_MODE = {"query": "sslmode=always"}


@pytest.mark.parametrize(
    ("wrong", "says", "remedy"),
    [
        (NO_TLS, "does not support SSL", "Switch TLS on at the server"),
        (NO_FILE, "none.pem", "with sslrootcert"),
        (ANOTHER, "verify failed", "with sslrootcert"),
        (ANOTHER_NAME, "host name", "as the server's certificate"),
        (NO_MODE, 'sslmode value: "always"', "sslmode=verify-full"),
    ],
)
def test_what_does_not_work_is_one_line(
    fronts: Fronts, postgres_url: str, wrong: dict[str, Any], says: str, remedy: str
) -> None:
    """It names the option or the file, and what to do, and never the password."""
    engine = connect(fronts.url(postgres_url, **wrong))
    with pytest.raises(StoreUnavailable) as caught:
        check(engine)
    engine.dispose()
    assert says in caught.value.problem
    assert "sslmode=" in caught.value.problem
    assert remedy in caught.value.remedy
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("sslrotcert=/etc/ca.pem", "no option sslrotcert; did you mean sslrootcert"),
        ("schema=Usage", "schema=Usage cannot be"),
        ("schema=pg_usage", "no pg_ in front"),
        ("schema=a,b", "schema=a,b cannot be"),
    ],
)
def test_a_misspelt_option_is_refused_at_once(query: str, says: str) -> None:
    """Before anything connects."""
    with pytest.raises(SettingsError, match=says) as caught:
        load_settings({"database_url": f"postgresql://u:hush@h/d?{query}"})
    assert "hush" not in str(caught.value)
