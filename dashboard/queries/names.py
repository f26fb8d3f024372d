"""A dimension in, the names of its members as people know them out; and such a name in, its member out."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any, Final

from dashboard.acts import text_in
from dashboard.data import Look
from dashboard.members import UNSET, name_of
from dashboard.scopes import TOTAL
from usage_plugin.errors import InputError
from usage_plugin.store import read
from usage_plugin.store.read import Choice, Dimension, Granularity, Question

LOOKED_BACK: Final = timedelta(days=90)
LONGEST_MEMBER: Final = 256


def names_of(look: Look, dimension: str | None) -> dict[str, Choice]:
    """Give the members that called in the last 90 days by their names; where two share one, it says which it is."""
    if dimension not in set(Dimension):
        return {}
    end = Granularity.DAY.after(look.now, look.zone)
    asked = Question(start=end - LOOKED_BACK, end=end, group_by=Dimension(dimension), as_kept=True)
    members = look.ask_heavy(read.dimension_values, asked)
    shared = Counter(name_of(member) for member in members)
    return {
        name_of(member) if shared[name_of(member)] == 1 else f"{name_of(member)} ({member.value})": member.value
        for member in members
    }


def name_in(look: Look, dimension: str, member: Choice) -> str:
    """Give the name that `member_in` reads back."""
    if dimension == TOTAL:
        return ""
    known = {value: name for name, value in names_of(look, dimension).items()}
    return known.get(member) or (UNSET if member is None else member)


def member_in(look: Look, dimension: Any, name: Any) -> tuple[str, Choice]:
    """Read whose calls somebody means: a name that is known stands for its member, any other for itself.

    Raises:
        InputError: There is no such dimension, or the name is missing or too long.
    """
    if dimension == TOTAL or not dimension:
        return TOTAL, None
    if dimension not in set(Dimension):
        raise InputError(f"calls have no {str(dimension)[:LONGEST_MEMBER]!r}", "Choose one of the list")
    text = text_in(name, LONGEST_MEMBER)
    if not text:
        raise InputError(f"it is not said which {dimension.replace('_', ' ')} is meant", "Give its name")
    return dimension, names_of(look, dimension).get(text, text)
