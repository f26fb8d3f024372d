"""Lines in, the same lines on disk before ``append`` returns: what a killed process had not stored yet.

Each process owns a folder of numbered segments and holds a lock on it while it lives. A line is one write to a file
opened for appending: safe against ``kill -9`` as soon as the call returns. Format of a line, in ASCII:
``<CRC-32 of the rest, 8 hex digits> <kind, 1 letter> <payload>``.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import secrets
import shutil
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

SEGMENT_BYTES = 8 * 1024 * 1024
PARTIAL = ".part"
TRY_AGAIN_AFTER_S = 5.0
_libc = ctypes.PyDLL(None, use_errno=True)
_libc.write.argtypes, _libc.write.restype = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t), ctypes.c_ssize_t
LOCK_FILE = "lock"
_HEADER = 9


class Kind(StrEnum):
    """What a line holds."""

    STARTED = "S"
    """A report of a request that begins."""
    REPORT = "R"
    """A report of a request's end, as LiteLLM's hook told it."""
    EVENT = "E"
    """Calls that are understood and counted together already."""


_PREFIXES = {kind: (prefix := kind.encode() + b" ", zlib.crc32(prefix)) for kind in Kind}


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a process's spool: the byte after the last line read of a file, named by its last segment."""

    segment: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A line as read; ``kind`` is ``None`` where its checksum is wrong."""

    kind: Kind | None
    payload: bytes
    end: Position


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A file of a spool: one segment as it was appended to, or several that were counted together."""

    number: int
    """Of the last segment in it."""
    first: int
    path: Path

    def contains(self, other: Segment) -> bool:
        """Say whether another file's calls are in this one."""
        return self != other and self.first <= other.first and other.number <= self.number


class Spool:
    """The segments that this process appends to.

    Args:
        folder: Of all processes' spools.
        segment_bytes: A segment that has reached this size is followed by the next.
        in_flight: Gives the notes of requests that are not reported yet; each segment begins with them, so that those
            before it can go.

    Raises:
        OSError: The folder cannot be written.
    """

    def __init__(
        self, folder: Path, segment_bytes: int = SEGMENT_BYTES, in_flight: Callable[[], Iterable[bytes]] = tuple
    ) -> None:
        self.owner = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}-{secrets.token_hex(4)}"
        self.folder = folder / self.owner
        self.folder.mkdir(parents=True, mode=0o700)
        self._segment_bytes, self._in_flight = segment_bytes, in_flight
        self._lock = take(self.folder)
        self._number, self._size, self._torn = 0, 0, False
        self._next_segment_due = 0.0
        self._one_at_a_time = threading.Lock()
        self._file = self._open(0)

    def append(self, kind: Kind, payload: bytes) -> bool:
        """Write a line; ``False`` when the disk does not take it (full, gone, over its limit)."""
        line = format_line(kind, payload)
        with self._one_at_a_time:
            try:
                if self._size >= self._segment_bytes and time.monotonic() >= self._next_segment_due:
                    self._next_segment()
                # A line that was cut short by a full disk is ended first, so that it spoils no other.
                whole = b"\n" + line if self._torn else line
                written = _write(self._file, whole)
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
            for file in self.folder.glob("*.log"):  # before the lock, so that nobody adopts what is stored
                file.unlink(missing_ok=True)
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)

    def leave(self) -> None:
        """Let go of another process's spool, which a fork has left open here; its lock stays with its owner."""
        os.close(self._file)
        os.close(self._lock)

    def _next_segment(self) -> None:
        """Begin the next segment; where the disk does not take it, go on with this one for a while."""
        try:
            following = self._open(self._number + 1)
        except OSError:
            self._next_segment_due = time.monotonic() + TRY_AGAIN_AFTER_S
            return
        os.close(self._file)
        self._file, self._size, self._torn = following, 0, False
        self._number += 1

    def _open(self, number: int) -> int:
        """Begin a segment; it appears under its name when the notes that it begins with are in it."""
        path = segment_path(self.folder, number)
        partial = path.with_suffix(PARTIAL)
        partial.write_bytes(b"".join(format_line(Kind.STARTED, note) for note in self._in_flight()))
        partial.replace(path)
        return os.open(path, os.O_WRONLY | os.O_APPEND)


def _write(file: int, data: bytes) -> int:
    """Write as ``os.write`` does, without a turn for other threads.

    A write to the page cache takes microseconds; a thread that takes over meanwhile keeps the event loop waiting for
    milliseconds.

    Raises:
        OSError: The disk does not take it.
    """
    while (written := _libc.write(file, data, len(data))) < 0:
        code = ctypes.get_errno()
        if code != errno.EINTR:
            raise OSError(code, os.strerror(code))
    return int(written)


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


def counted_path(folder: Path, first: int, last: int) -> Path:
    """Name the file of segments that were counted together."""
    return folder / f"{first:08d}-{last:08d}.log"


def segments(folder: Path) -> list[Segment]:
    """List a spool's files, oldest first, without those whose calls were counted together in another."""
    found = _files(folder)
    return sorted(file for file in found if not any(other.contains(file) for other in found))


def _files(folder: Path) -> list[Segment]:
    found = []
    for path in folder.glob("*.log"):
        numbers = path.stem.split("-")
        if 0 < len(numbers) < 3 and all(number.isdigit() for number in numbers):  # noqa: PLR2004 - first and last
            found.append(Segment(int(numbers[-1]), int(numbers[0]), path))
    return found


def bytes_on_disk(folder: Path) -> int:
    """Add up a spool's files."""
    total = 0
    for path in folder.glob("*.log"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def read_lines(folder: Path, start: Position, *, ended: bool, up_to: int | None = None) -> Iterator[Line]:
    """Read complete lines from *start* on, through all segments.

    Args:
        folder: A process's folder.
        start: Where to begin.
        ended: Nobody writes any more, so that a last line without an end is a torn one.
        up_to: The last segment to read.
    """
    files = [file for file in segments(folder) if file.number >= start.segment]
    for file in files:
        if up_to is not None and file.number > up_to:
            return
        offset = start.offset if file.number == start.segment else 0
        complete = ended or file.number < files[-1].number
        with file.path.open("rb") as lines:
            lines.seek(offset)
            for raw in lines:
                if not raw.endswith(b"\n") and not complete:
                    return
                offset += len(raw)
                if raw.strip():
                    yield _parse(raw.rstrip(b"\n"), Position(file.number, offset))


def remove_segments(folder: Path, before: int) -> None:
    """Delete the segments below a number, which are stored, and those that were counted together."""
    found = _files(folder)  # looked up once: a segment that begins meanwhile is not among them
    for file in found:
        if file.number < before or any(other.contains(file) for other in found):
            file.path.unlink(missing_ok=True)


def format_line(kind: Kind, payload: bytes) -> bytes:
    """Word a line of a segment."""
    prefix, checksum = _PREFIXES[kind]
    return b"%08x %b%b\n" % (zlib.crc32(payload, checksum), prefix, payload)


def _parse(raw: bytes, end: Position) -> Line:
    body = raw[_HEADER:]
    intact = raw[: _HEADER - 1] == b"%08x" % zlib.crc32(body) and body[:1].decode("ascii", "replace") in set(Kind)
    return Line(Kind(body[:1].decode()) if intact else None, body[2:] if intact else raw, end)
