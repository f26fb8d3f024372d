"""Lines in, the same lines on disk before ``append`` returns: what a killed process had not stored yet.

Each process owns a folder of numbered segments and holds a lock on it while it lives. A line is one write to a file
opened for appending: safe against ``kill -9`` as soon as the call returns. Format of a line, in ASCII:
``<CRC-32 of the rest, 8 hex digits> <kind, 1 letter> <payload>``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

SEGMENT_BYTES = 8 * 1024 * 1024
LOCK_FILE = "lock"
_HEADER = 9


class Kind(StrEnum):
    """What a line holds."""

    EVENT = "E"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a process's segments: the byte after the last line read."""

    segment: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A line as read; ``kind`` is ``None`` where its checksum is wrong."""

    kind: Kind | None
    payload: bytes
    end: Position


class Spool:
    """The segments that this process appends to.

    Args:
        folder: Of all processes' spools.
        segment_bytes: A segment that has reached this size is followed by the next.

    Raises:
        OSError: The folder cannot be written.
    """

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.owner = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}-{secrets.token_hex(4)}"
        self.folder = folder / self.owner
        self.folder.mkdir(parents=True, mode=0o700)
        self._segment_bytes = segment_bytes
        self._lock = take(self.folder)
        self._number, self._size, self._torn = 0, 0, False
        self._one_at_a_time = threading.Lock()
        self._file = self._open()

    def append(self, kind: Kind, payload: bytes) -> bool:
        """Write a line; ``False`` when the disk does not take it (full, gone, over its limit)."""
        line = _line(kind, payload)
        with self._one_at_a_time:
            try:
                if self._size >= self._segment_bytes:
                    self._next_segment()
                # A line that was cut short by a full disk is ended first, so that it spoils no other.
                whole = b"\n" + line if self._torn else line
                written = os.write(self._file, whole)
            except OSError:
                return False
            self._size += written
            self._torn = written < len(whole)
            return not self._torn

    @property
    def segment(self) -> int:
        """Number of the segment that is written now; the ones before it are complete."""
        return self._number

    def close(self, *, stored: bool) -> None:
        """End; what is not stored is left for the next process."""
        os.close(self._file)
        if stored:
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    def _next_segment(self) -> None:
        number = self._number
        try:
            self._number += 1
            following = self._open()
        except OSError:
            self._number = number
            raise
        os.close(self._file)
        self._file, self._size, self._torn = following, 0, False

    def _open(self) -> int:
        return os.open(segment_path(self.folder, self._number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def take(folder: Path) -> int:
    """Lock a process's folder for as long as the returned file stays open; ends with the process, however it ends.

    Raises:
        BlockingIOError: Its process lives.
    """
    lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise
    return lock


def adopt(folder: Path) -> Iterator[tuple[Path, int]]:
    """Give each spool whose process is no more, locked for the caller."""
    for orphan in sorted(path for path in folder.glob("*") if path.is_dir()):
        with contextlib.suppress(OSError):
            yield orphan, take(orphan)


def segment_path(folder: Path, number: int) -> Path:
    """Name a segment's file."""
    return folder / f"{number:08d}.log"


def segments(folder: Path) -> list[int]:
    """List the segments that are there, oldest first."""
    return sorted(int(path.stem) for path in folder.glob("*.log") if path.stem.isdigit())


def read_lines(folder: Path, start: Position, *, ended: bool) -> Iterator[Line]:
    """Read complete lines from *start* on, through all segments.

    Args:
        folder: A process's folder.
        start: Where to begin.
        ended: Nobody writes any more, so that a last line without an end is a torn one.
    """
    numbers = [number for number in segments(folder) if number >= start.segment]
    for number in numbers:
        offset = start.offset if number == start.segment else 0
        complete = ended or number < numbers[-1]
        with segment_path(folder, number).open("rb") as file:
            file.seek(offset)
            for raw in file:
                if not raw.endswith(b"\n") and not complete:
                    return
                offset += len(raw)
                if raw.strip():
                    yield _parse(raw.rstrip(b"\n"), Position(number, offset))


def remove_segments(folder: Path, before: int) -> None:
    """Delete the segments below a number, which are stored."""
    for number in segments(folder):
        if number < before:
            segment_path(folder, number).unlink(missing_ok=True)


def _line(kind: Kind, payload: bytes) -> bytes:
    body = kind.value.encode() + b" " + payload
    return b"%08x %b\n" % (zlib.crc32(body), body)


def _parse(raw: bytes, end: Position) -> Line:
    body = raw[_HEADER:]
    intact = raw[: _HEADER - 1] == b"%08x" % zlib.crc32(body) and body[:1].decode("ascii", "replace") in set(Kind)
    return Line(Kind(body[:1].decode()) if intact else None, body[2:] if intact else raw, end)
