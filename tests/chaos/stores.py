"""The name of a database in; its URL, and the ways in which it can go away for a while, out."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Literal

from tests.chaos.sites import SMALL_ENOUGH_TO_FAIL, Site
from tests.own_server import OwnServer

Outage = Callable[[], AbstractContextManager[None]]
NO_LIMIT = -1


class Store(ABC):
    """A database that can be taken away.

    Args:
        folder: Where it may keep its files.
    """

    url: str

    @abstractmethod
    def __init__(self, folder: Path) -> None: ...

    @abstractmethod
    def outages(self) -> dict[str, Outage]:
        """Name the ways in which it goes away, and comes back when they are left."""

    @abstractmethod
    def close(self) -> None:
        """Give back what it holds."""


class Sqlite(Store):
    """A file in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "store"
        self._folder.mkdir()
        self._file = self._folder / "usage.db"
        self.url = f"sqlite:///{self._file}"

    def outages(self) -> dict[str, Outage]:
        """Another process holds the write lock, or the folder is away and something else in its place."""
        return {"file locked": self._locked, "folder moved away": self._moved}

    def close(self) -> None:
        """Nothing is held."""

    @contextmanager
    def _locked(self) -> Iterator[None]:
        other = sqlite3.connect(self._file, isolation_level=None, timeout=10)
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")
        other.close()

    @contextmanager
    def _moved(self) -> Iterator[None]:
        elsewhere = self._folder.with_name("elsewhere")
        self._folder.rename(elsewhere)
        self._folder.touch()
        yield
        self._folder.unlink()
        elsewhere.rename(self._folder)


class Postgresql(Store):
    """A server of our own."""

    def __init__(self, folder: Path) -> None:
        self._server = OwnServer(folder / "pg")
        self.url = self._server.url

    def outages(self) -> dict[str, Outage]:
        """The server is stopped, in order or in the middle of everything."""
        return {"server stopped": lambda: self._stopped("fast"), "server crashed": lambda: self._stopped("immediate")}

    def close(self) -> None:
        """Stop the server and delete its files."""
        self._server.close()

    def come_back(self) -> None:
        """Start the server, where it does not run."""
        self._server.start()

    @contextmanager
    def away(self, is_away: bool) -> Iterator[None]:
        """Stop the server for a while, or leave it."""
        with self._stopped("fast") if is_away else nullcontext():
            yield

    @contextmanager
    def _stopped(self, mode: Literal["fast", "immediate"]) -> Iterator[None]:
        self._server.stop(mode)
        yield
        self.come_back()


STORES: dict[str, type[Store]] = {"sqlite": Sqlite, "postgresql": Postgresql}


@contextmanager
def full_disk(sites: Sequence[Site]) -> Iterator[None]:
    """Let no process of the sites write into any file."""
    for site in sites:
        site.limit_files(SMALL_ENOUGH_TO_FAIL)
    yield
    for site in sites:
        site.limit_files(NO_LIMIT)
