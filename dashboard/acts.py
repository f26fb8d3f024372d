"""What somebody wants to change in, the change made and a sentence that says so out: also where it cannot be made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dashboard.data import Data
from dashboard.members import storable
from dashboard.theme import sentence
from usage_plugin.errors import InputError, StoreError
from usage_plugin.store.rights import may_write

READ_ONLY: Final = (
    "This dashboard may only read its database, so nothing can be changed here. Use the command line with a role that "
    "may write, or give the dashboard such a role in USAGE_DATABASE_URL."
)
LONGEST_TEXT: Final = 500
A_TABLE: Final = "anomaly"
"""Whoever may change one of our tables may change all that pages change."""


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a change."""

    text: str
    is_done: bool


def attempt(data: Data, act: Callable[[], str]) -> Said:
    """Make a change, and say in a sentence what became of it.

    Args:
        data: What is changed.
        act: Makes the change and says that it is made.
    """
    try:
        text = act()
    except InputError as error:
        return Said(sentence(str(error)), is_done=False)
    except StoreError as error:
        return Said(sentence(READ_ONLY if is_read_only(data) else str(error)), is_done=False)
    data.changed()
    return Said(sentence(text), is_done=True)


def is_read_only(data: Data) -> bool:
    """Say whether the database answers, and does not let this dashboard change anything."""
    try:
        return not may_write(data.engine, A_TABLE)
    except StoreError:
        return False


def text_in(value: Any, most: int = LONGEST_TEXT) -> str:
    """Read a text that a browser sent: anything else is none, and what is too long for its field is refused.

    Raises:
        InputError: It is too long.
    """
    text = storable(value).strip() if isinstance(value, str) else ""
    if len(text) > most:
        raise InputError(f"a text of {len(text):,} characters is too long", f"Write {most:,} at most")
    return text


def number_in(value: Any) -> float | None:
    """Read a number that a browser sent: anything else is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
