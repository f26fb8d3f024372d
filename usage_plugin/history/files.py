"""A CSV or JSONL file in, its lines out, one at a time, however large or broken the file is."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from usage_plugin.errors import InputError
from usage_plugin.history.lines import Line, Place

MAX_LINE = 16 * 1024 * 1024
_HEAD = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_MAX_DEPTH = 5
_TOO_LONG = f"longer than {MAX_LINE // 1024 // 1024} MiB"
_NOT_UTF8 = "not UTF-8"


class _File:
    """What both kinds of file have in common.

    Args:
        path: Of the file.

    Raises:
        InputError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self._file = _open(path)
        self.size: int | None = path.stat().st_size
        head = hashlib.blake2b(self._file.read(_HEAD), digest_size=16).hexdigest()
        self.identity = f"{path.resolve()} {head}"

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _start(self, after: Place) -> tuple[int, int]:
        """Go to where reading goes on; gives the lines that are read already and the place in bytes."""
        self._file.seek(0)
        begin = max(after.byte_offset, len(_BOM) if self._file.read(len(_BOM)) == _BOM else 0)
        self._file.seek(begin)
        return after.segment, begin


class JsonLines(_File):
    """A file with one JSON object in each line; a value inside another is named by both: ``usage.prompt_tokens``."""

    def lines(self, after: Place) -> Iterator[Line]:
        """Give the lines behind a place."""
        number, offset = self._start(after)
        for raw, length in _physical_lines(self._file):
            number, offset = number + 1, offset + length
            if not raw.strip() and length <= MAX_LINE:
                continue
            values, problem = _json_values(raw) if length <= MAX_LINE else ({}, _TOO_LONG)
            yield Line(number, number, Place(number, offset), values, problem)


def _json_values(raw: bytes) -> tuple[dict[str, Any], str]:
    try:
        found = json.loads(raw.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        return {}, _NOT_UTF8
    except (ValueError, RecursionError) as error:
        return {}, f"not JSON: {str(error) or type(error).__name__}"
    if not isinstance(found, dict):
        return {}, "not a JSON object"
    return dict(_flat(found)), ""


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON value"
    raise ValueError(msg)


def _flat(found: dict[str, Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if isinstance(value, dict) and depth < _MAX_DEPTH:
            yield from _flat(value, f"{prefix}{name}.", depth + 1)
        else:
            yield prefix + name, value


class CsvFile(_File):
    """A file of comma-separated values whose first line names the columns; RFC 4180.

    Args:
        path: Of the file.

    Raises:
        InputError: It cannot be read, or has no header.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        csv.field_size_limit(MAX_LINE)
        _, begin = self._start(Place())
        feed = _Feed(self._file, begin)
        try:
            header = next(csv.reader(feed, strict=True), [])
        except csv.Error as error:
            raise InputError(f"{path} has no CSV header: {error}", "Give its first line the names of columns") from None
        self.columns = tuple(name.strip() for name in header)
        if not any(self.columns) or len(set(self.columns)) < len(self.columns):
            problem = f"{path} has no header with a name of its own for each column: {','.join(header)[:200]!r}"
            raise InputError(problem, "Give its first line the names of columns")
        self._first = Place(feed.count, feed.offset)

    def lines(self, after: Place) -> Iterator[Line]:
        """Give the lines behind a place. A value may have line breaks in it: a line is known by its first number."""
        number, offset = self._start(max(self._first, after, key=lambda place: place.byte_offset))
        feed = _Feed(self._file, offset, number)
        reader = csv.reader(feed, strict=True)
        while True:
            first, begin = feed.count + 1, feed.offset
            try:
                fields = next(reader)
                problem = feed.problem or self._misfit(fields)
            except StopIteration:
                return
            except csv.Error as error:
                fields, problem = [], f"not CSV: {error}"
            if problem and feed.count > first:
                # An open quote takes other lines with it: only its own is broken, reading goes on behind that.
                feed.back_to_second_line(begin, first)
            if problem:
                reader = csv.reader(feed, strict=True)
            if fields or problem:
                values = {} if problem else dict(zip(self.columns, fields, strict=True))
                yield Line(first, first, feed.place(), values, problem)
            feed.problem = ""

    def _misfit(self, fields: list[str]) -> str:
        if len(fields) in (0, len(self.columns)):
            return ""
        return f"{len(fields)} values for the header's {len(self.columns)} columns"


class _Feed:
    """Hands physical lines to the CSV parser, and knows how far it has got."""

    def __init__(self, file: BinaryIO, offset: int, count: int = 0) -> None:
        self.offset = offset
        self.count = count
        self.problem = ""
        self._file = file

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        raw, length = _next_line(self._file)
        if not length:
            raise StopIteration
        self.offset += length
        self.count += 1
        if length > MAX_LINE:
            self.problem = _TOO_LONG
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self.problem = _NOT_UTF8
            return raw.decode("utf-8", "replace")

    def place(self) -> Place:
        return Place(self.count, self.offset)

    def back_to_second_line(self, begin: int, first: int) -> None:
        """Go on behind the first of the lines that were read from *begin*."""
        self._file.seek(begin)
        self.offset = begin + _next_line(self._file)[1]
        self.count = first
        self.problem = ""


def _physical_lines(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    while (found := _next_line(file))[1]:
        yield found


def _next_line(file: BinaryIO) -> tuple[bytes, int]:
    """Give the next line and its length; of one that is too long only the length."""
    raw = file.readline(MAX_LINE + 1)
    length = len(raw)
    if length <= MAX_LINE:
        return raw, length
    while raw and not raw.endswith(b"\n"):
        raw = file.readline(MAX_LINE)
        length += len(raw)
    return b"", length


def _open(path: Path) -> BinaryIO:
    try:
        return io.BufferedReader(path.open("rb", buffering=0), 1024 * 1024)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "Name a file that is there") from None
