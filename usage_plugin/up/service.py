"""One process to start, said in full before it starts: command, address, sign of life, log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process to start."""

    name: str
    command: tuple[str, ...]
    log: Path
    host: str = ""
    port: int = 0
    health_path: str = ""

    @property
    def listens(self) -> bool:
        """Whether it has an address; one that has none lives as long as its process."""
        return bool(self.port)

    @property
    def url(self) -> str:
        """Where a client of this machine calls it."""
        host = f"[{self.reachable_host}]" if ":" in self.reachable_host else self.reachable_host
        return f"http://{host}:{self.port}"

    @property
    def short_name(self) -> str:
        """``proxy``, ``dashboard`` or ``worker``."""
        return self.name.split()[-1]

    @property
    def reachable_host(self) -> str:
        """An address that a client of this machine can call."""
        return _EVERYWHERE.get(self.host, self.host)
