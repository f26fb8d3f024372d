"""Lines that are no calls in; a file out that names each with its reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from usage_plugin.errors import InputError
from usage_plugin.history.lines import Line

_FIRST_KEYS = '{"line": '


class Rejects:
    """A JSONL file that is there only when something was rejected.

    Args:
        path: Of the file.

    Raises:
        InputError: What is there is no such file, and would be lost.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: IO[str] | None = None
        try:
            with path.open(encoding="utf-8") as file:
                is_ours = file.read(len(_FIRST_KEYS)) in (_FIRST_KEYS, "")
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError):
            is_ours = False
        if not is_ours:
            raise InputError(f"{path} is there and holds something else", "Name another file with --rejected")

    def keep_until(self, segment: int) -> None:
        """Keep what an import that now goes on had rejected before *segment*; nothing for one that begins."""
        if not self.path.exists():
            return
        part = self.path.with_name(f"{self.path.name}.part")
        with self.path.open(encoding="utf-8", errors="replace") as old, part.open("w", encoding="utf-8") as new:
            for line in old:
                if _segment(line) <= segment:
                    new.write(line)
                    self.count += 1
        if self.count:
            part.replace(self.path)
        else:
            part.unlink()
            self.path.unlink()

    def add(self, line: Line, reason: str, shown: Mapping[str, str]) -> None:
        """Note a line; ``flush`` before the lines around it are stored."""
        if self._file is None:
            self._file = self._open()
        entry: dict[str, Any] = {"line": line.label, "reason": reason, **shown, "place": line.segment}
        self._file.write(json.dumps(entry) + "\n")
        self.count += 1

    def flush(self) -> None:
        """Hand over to the operating system what was noted."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> IO[str]:
        try:
            return self.path.open("a", encoding="utf-8")
        except OSError as error:
            problem = f"rejected lines cannot be noted in {self.path}: {error.strerror}"
            raise InputError(problem, "Name another file with --rejected") from None


def _segment(line: str) -> float:
    """Say where a line was rejected; one that was torn by a kill comes again."""
    try:
        return int(json.loads(line)["place"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
