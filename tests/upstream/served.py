"""Calls as they arrive and are answered in; the list of ``GET /__log``, and counts of failures given so far, out."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass

from tests.upstream.ask import Ask


@dataclass(frozen=True, slots=True)
class Served:
    """One call as the upstream saw it."""

    method: str
    path: str
    status: int
    model: str
    stream: bool
    ask: Ask


class Book:
    """What was served since the start."""

    def __init__(self) -> None:
        self.calls: list[Served] = []
        self._answered: set[str] = set()
        self._failed: Counter[str] = Counter()

    def note(self, call: Served) -> None:
        """Write a call down, as it arrives."""
        self.calls.append(call)

    def note_answer(self, ask: Ask) -> None:
        """Write down that a call has been answered, to the last byte."""
        self._answered.add(ask.mark)

    def shall_fail(self, ask: Ask) -> bool:
        """Say whether this call is one of those that its marker wants to fail, and count it."""
        if not ask.fail:
            return False
        self._failed[ask.mark] += 1
        return self._failed[ask.mark] <= ask.times

    def as_json(self, mark: str = "") -> list[dict[str, object]]:
        """List the calls, all or those of one mark, each with whether one of its mark was answered."""
        return [
            asdict(call) | {"answered": call.ask.mark in self._answered}
            for call in self.calls
            if mark in {"", call.ask.mark}
        ]


BOOK = Book()
