"""A request's body in, how long its prompt is out: enough to estimate tokens when nothing better will ever be known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usage_plugin.capture.values import mapping

# Where the routes keep what is asked.
PLACES = ("messages", "input", "prompt", "contents", "system", "instructions", "query", "documents")
# Parts of a prompt that are looked at; the rest of a longer one counts like these on average.
MOST_PARTS = 400


def prompt_characters(request: Mapping[str, Any]) -> int:
    """Count the characters of all texts in a prompt; pictures and sounds count nothing.

    Args:
        request: The request's body.
    """
    return sum(_length(request[place]) for place in PLACES if place in request)


def _length(part: object) -> int:
    if isinstance(part, str):
        return len(part)
    if isinstance(part, list) and part:
        seen = part[:MOST_PARTS]
        return sum(map(_length_of_part, seen)) * len(part) // len(seen)
    return 0


def _length_of_part(part: object) -> int:
    """Of a message, or of one of its parts."""
    if isinstance(part, str):
        return len(part)
    known = mapping(part)
    said = known.get("content")
    if said.__class__ is str:  # most are such
        return len(said)
    for name in ("content", "text", "parts"):
        inside = known.get(name)
        if isinstance(inside, str):
            return len(inside)
        if isinstance(inside, list):
            return sum(map(_length_of_part, inside[:MOST_PARTS]))
    return 0
