"""A request's raw body in; out, what the test that sent it wants reported and done wrong.

A test writes a marker into any text that travels to the provider, so it survives every translation::

    [[usage prompt=1200 cached=1024 completion=74 reasoning=64 delay_ms=5]]

Token counts are inclusive, as OpenAI counts: ``prompt`` holds cached and cache-write tokens, ``completion`` reasoning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import Any

_MARKER = re.compile(rb"\[\[usage ([A-Za-z0-9_=. :-]*)\]\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What to report, and what to do wrong. The default is a well-known block with cached and reasoning tokens."""

    prompt: int = 1200
    cached: int = 1024
    write_5m: int = 0
    write_1h: int = 0
    audio_in: int = 0
    image_in: int = 0
    completion: int = 74
    reasoning: int = 64
    audio_out: int = 0
    image_out: int = 0
    seconds: float = 3.5
    search_units: int = 1
    silent: int = 0
    """1: report no usage at all."""
    delay_ms: int = 0
    chunks: int = 4
    chunk_delay_ms: int = 0
    drop_after: int = -1
    """Close the connection after so many stream chunks."""
    end_after: int = -1
    """End the stream after so many chunks as if that were all."""
    error_after: int = -1
    """After so many stream chunks say an error in the stream itself, and end it."""
    drop: int = 0
    """1: close the connection in the middle of an answer that is no stream."""
    garble: int = 0
    """1: answer with status 200 and half of a JSON document."""
    fail: int = 0
    """Answer with this HTTP status."""
    times: int = 1_000_000
    """How often to fail, counted by *mark*."""
    at: str = ""
    """Do all that wrong only under this provider's path segment."""
    mark: str = ""

    def for_provider(self, provider: str) -> Ask:
        """Leave out the faults that another provider shall have."""
        if self.at in {"", provider}:
            return self
        return replace(self, drop_after=-1, end_after=-1, error_after=-1, silent=0, drop=0, garble=0, fail=0)

    @property
    def write(self) -> int:
        """Tokens written to the provider's prompt cache."""
        return self.write_5m + self.write_1h

    @property
    def fresh(self) -> int:
        """Input tokens that met no cache at all."""
        return self.prompt - self.cached - self.write

    @property
    def total(self) -> int:
        """All tokens."""
        return self.prompt + self.completion


_TYPES: dict[str, type[int] | type[float] | type[str]] = dict.fromkeys((field.name for field in fields(Ask)), int)
_TYPES |= {"seconds": float, "at": str, "mark": str}


def parse(raw: bytes) -> Ask:
    """Read the last marker of a body; without one, the default block.

    Raises:
        ValueError: A marker names something unknown.
    """
    found = _MARKER.findall(raw)
    if not found:
        return Ask()
    pairs = [item.split("=", 1) for item in found[-1].decode().split()]
    if unknown := [pair for pair in pairs if len(pair) != 2 or pair[0] not in _TYPES]:
        msg = f"marker cannot be read: {unknown}; it takes name=value of {', '.join(_TYPES)}"
        raise ValueError(msg)
    values: dict[str, Any] = {name: _TYPES[name](value) for name, value in pairs}
    return replace(Ask(cached=0, reasoning=0), **values)


def marker(**wanted: object) -> str:
    """Write a marker; what it leaves out is 0, except ``prompt`` and ``completion``."""
    text = "[[usage " + " ".join(f"{name}={value}" for name, value in wanted.items()) + "]]"
    parse(text.encode())
    return text
