"""A member of a dimension in, how links and filters write it and how people read it out, and back.

Calls without a team, user, ... are written ``(none)``. A team that is really called so is written ``=(none)``, one
called ``=(none)`` becomes ``==(none)``, and so on: no two are ever written alike.
"""

from __future__ import annotations

import re
from typing import Final

from usage_plugin.store.read import Choice, Dimension, Member

UNSET: Final = "(none)"
"""How an absent team, user, ... is written in a link and shown in a filter."""
_MARK: Final = "="
_MISTAKABLE: Final = re.compile(rf"{_MARK}*{re.escape(UNSET)}")


def written(value: Choice) -> str:
    """Write a value for a link or a filter."""
    if value is None:
        return UNSET
    return f"{_MARK}{value}" if _MISTAKABLE.fullmatch(value) else value


def read_back(text: str) -> Choice:
    """Read what `written` wrote."""
    if text == UNSET:
        return None
    return text.removeprefix(_MARK) if _MISTAKABLE.fullmatch(text) else text


def name_of(member: Member) -> str:
    """Name a member for people; quotes tell a name that looks like an absent one from none at all."""
    if member.value is None:
        return UNSET
    label = member.label or member.value
    return f"“{label}”" if label in ("", UNSET) else label


def word_of(dimension: Dimension) -> str:
    """Say a dimension's name in words."""
    return dimension.value.replace("_", " ")


def storable(text: str) -> str:
    """Leave out what no database keeps as text, and so no call can have: NUL and lone surrogates."""
    return text.encode("utf-8", "ignore").decode("utf-8").replace("\x00", "")
