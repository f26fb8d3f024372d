"""Sheets of a segment in, the rows that are stored out: small sections of one value lie together, to take less room.

A row of its own for each would leave a fifth of the pages of SQLite empty. In front of a bundle's sections is a
directory of their numbers and lengths, little-endian.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from struct import Struct
from typing import Final

from usage_plugin.store.sheets.codec import Kind, section_number

Sheet = tuple[int, int, int, bytes]
"""Number of the dimension, value, number of the section, content."""

BUNDLE: Final = section_number(Kind.BUNDLE, 0)
# What is larger is read by itself.
_SMALL_BYTES: Final = 8192
_HEAD, _ENTRY = Struct("<H"), Struct("<HI")


def bundled(sheets: Iterable[Sheet]) -> Iterator[Sheet]:
    """Put small sections of the same dimension and value, which follow each other, into one."""
    for (dimension, value), some in groupby(sheets, itemgetter(0, 1)):
        small = list[tuple[int, bytes]]()
        for *_, section, content in some:
            if len(content) < _SMALL_BYTES:
                small.append((section, content))
            else:
                yield dimension, value, section, content
        if len(small) == 1:
            yield dimension, value, *small[0]
        elif small:
            yield dimension, value, BUNDLE, _written(small)


def sections_in(section: int, content: bytes) -> Iterator[tuple[int, bytes]]:
    """Give what a stored row holds: number and content of each section.

    Raises:
        struct.error: A bundle is torn.
    """
    if section != BUNDLE:
        yield section, content
        return
    (count,) = _HEAD.unpack_from(content)
    at = _HEAD.size + count * _ENTRY.size
    for number, length in _ENTRY.iter_unpack(content[_HEAD.size : at]):
        yield number, content[at : at + length]
        at += length


def _written(sections: list[tuple[int, bytes]]) -> bytes:
    directory = (_ENTRY.pack(section, len(content)) for section, content in sections)
    return b"".join((_HEAD.pack(len(sections)), *directory, *(content for _, content in sections)))
