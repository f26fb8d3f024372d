"""URLs of empty databases in; as many processes as are asked for migrate each of them at the same moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from multiprocessing.synchronize import Barrier

from usage_plugin.store.database import connect
from usage_plugin.store.migrate import SchemaState, migrate, schema_state

PATIENCE_S = 60.0


def migrate_at_once(urls: Sequence[str], processes: int) -> list[int | None]:
    """Let all processes meet before each database; gives their exit codes, 0 where all went well."""
    context = multiprocessing.get_context("forkserver")
    # What each process would import for itself, second after second of it.
    context.set_forkserver_preload(["__main__", __name__, "alembic.command", "psycopg"])
    barrier = context.Barrier(processes)
    started = [context.Process(target=_migrate_each, args=(urls, barrier)) for _ in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join(PATIENCE_S * 2)
        process.kill()
        process.join()
    return [process.exitcode for process in started]


def _migrate_each(urls: Sequence[str], barrier: Barrier) -> None:
    for url in urls:
        engine = connect(url)
        barrier.wait(PATIENCE_S)
        migrate(engine)
        assert schema_state(engine) is SchemaState.CURRENT
        engine.dispose()
