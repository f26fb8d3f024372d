"""A growing log file in, our own warnings in it out: LiteLLM's lines are many, and the one that matters would drown."""

from __future__ import annotations

from pathlib import Path

_OURS = "usage_plugin"
_LEVELS = ("WARNING", "ERROR", "CRITICAL")
_MOST_BYTES_AT_ONCE = 1_000_000


class NoticeReader:
    """Reads what was added to a log since the last time.

    Args:
        path: The log; may not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def new_notices(self) -> list[str]:
        """Give the new complete lines that are warnings of this package."""
        lines = (self._rest + self._read()).split(b"\n")
        self._rest = lines.pop()[-_MOST_BYTES_AT_ONCE:]
        return [text for line in lines if _is_notice(text := line.decode("utf-8", "replace").strip())]

    def _read(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read(_MOST_BYTES_AT_ONCE)
        except OSError:
            return b""
        self._offset += len(added)
        return added


def _is_notice(line: str) -> bool:
    return _OURS in line and any(level in line for level in _LEVELS)
