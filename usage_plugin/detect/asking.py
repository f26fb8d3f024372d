"""A question about the past in, its answer out, or that nobody can say any more: the calls of then may be pruned."""

from __future__ import annotations

from sqlalchemy import Engine

from usage_plugin.errors import NoLongerKept
from usage_plugin.store import read
from usage_plugin.store.read import Member, Question, Usage


def totals(engine: Engine, question: Question) -> Usage | None:
    """Add everything up; ``None`` where only calls could tell that are pruned.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    try:
        return read.totals(engine, question)
    except NoLongerKept:
        return None


def members(engine: Engine, question: Question) -> list[tuple[Member, Usage]]:
    """Split by the question's dimension; no member where only calls could tell that are pruned.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    try:
        return read.members(engine, question)
    except NoLongerKept:
        return []
