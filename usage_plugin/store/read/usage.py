"""A Question in, usage added up out: in all, per bucket, and split by a dimension. All from the same cells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
from sqlalchemy import Engine

from usage_plugin.event import CostConfidence
from usage_plugin.store.read.answer import Answer, asked
from usage_plugin.store.read.answers import ConfidenceSplit, CostSeries, Member, Series, Share, Stack, Usage
from usage_plugin.store.read.cells import OF_COST, Cells
from usage_plugin.store.read.question import Question, bucket_starts
from usage_plugin.store.sheets.columns import COST, FREE, FROM_CACHE, OTHER

NANO_PER_USD = 1e9
_RANKED_BY = (COST, "requests")


def totals(engine: Engine, question: Question) -> Usage:
    """Add everything up, to the second."""
    with asked(engine, question, in_buckets=False) as answer:
        (found,) = answer.cells.in_all().usage()
    return found


def before(question: Question) -> Question:
    """Ask the same about as much time before it, on the wall clocks of its zone."""
    start, end = question.start.astimezone(question.zone), question.end.astimezone(question.zone)
    length: timedelta = end.replace(tzinfo=None) - start.replace(tzinfo=None)
    earlier = (start.replace(tzinfo=None) - length).replace(tzinfo=question.zone)
    return question.between(earlier.astimezone(question.start.tzinfo), question.start)


def series(engine: Engine, question: Question) -> Series:
    """Add up per bucket. Buckets that no call fell into are there too, empty."""
    with asked(engine, question) as answer:
        return Series(bucket_starts(question), _filled(question, answer.cells))


def stack(engine: Engine, question: Question, *, top: int) -> Stack:
    """Add costs up per bucket and member of ``question.group_by``; members beyond the *top* become one "other"."""
    starts = bucket_starts(question)
    with asked(engine, question, by=question.group_by, measures=OF_COST) as answer:
        ranked = _ranked(answer.cells.by_member(_RANKED_BY))
        largest = ranked.only(np.flatnonzero(ranked.member != OTHER)[:top])
        known = _names(answer, largest)
    slots = len(known) + 1
    found = answer.cells.by_bucket(len(starts), answer.cells.slots(largest), slots).costs()
    rows = [tuple(found[slot::slots]) for slot in range(slots)]
    rest = len(ranked) - len(largest)
    return Stack(starts, tuple(known), tuple(rows[:-1]), rows[-1] if rest else None, rest)


def shares(engine: Engine, question: Question, *, top: int) -> tuple[Share, ...]:
    """Split the asked time by ``question.group_by``, largest first, the rest as one; the parts add up to the whole.

    Calls with several tags count for each of them.
    """
    with asked(engine, question, by=question.group_by, in_buckets=False, measures=OF_COST) as answer:
        ranked = _ranked(answer.cells.by_member(OF_COST))
        is_named = np.zeros(len(ranked), np.bool_)
        is_named[np.flatnonzero(ranked.member != OTHER)[:top]] = True
        largest = ranked.only(np.flatnonzero(is_named))
        known = map(Share, _names(answer, largest), largest.spent())
    others = ranked.only(np.flatnonzero(~is_named))
    return (*known, *(Share(None, spent) for spent in others.in_all().spent() if len(others)))


def members(engine: Engine, question: Question) -> list[tuple[Member, Usage]]:
    """Give every member of ``question.group_by`` with its usage, by cost and then by requests, largest first.

    Of end users and tags, those that are too many to keep apart are left out.
    """
    with asked(engine, question, by=question.group_by, in_buckets=False) as answer:
        ranked = _ranked(answer.cells.by_member())
        return _named(answer, ranked.only(np.flatnonzero(ranked.member != OTHER)))


def confidence(engine: Engine, question: Question) -> ConfidenceSplit:
    """Count requests and attempts, and add up their costs, by how the cost is known."""
    with asked(engine, question, in_buckets=False) as answer:
        found = {name: int(sums[0]) for name, sums in answer.cells.in_all().counted().items()}
    kinds = {
        CostConfidence.ESTIMATED: (found["estimated_requests"], found["estimated_cost_nano_usd"]),
        CostConfidence.PARTIAL: (found["partial_requests"], found["partial_cost_nano_usd"]),
        CostConfidence.UNPRICED: (found["unpriced_requests"], None),
        CostConfidence.FREE: (found[FREE], 0),
        CostConfidence.CACHED: (found[FROM_CACHE], 0),
    }
    calls = found["requests"] + found["unfinished_attempts"] - sum(count for count, _ in kinds.values())
    cost = found[COST] - sum(cost or 0 for _, cost in kinds.values())
    split = {CostConfidence.EXACT: (calls, cost), **kinds}
    return ConfidenceSplit(
        requests={kind.value: count for kind, (count, _) in split.items() if count},
        cost_nano_usd={kind.value: cost for kind, (count, cost) in split.items() if count and cost is not None},
    )


def cost_series(engine: Engine, question: Question) -> CostSeries:
    """Give dollars per bucket as an array: 0 where there was no call, NaN where there were and none has a price."""
    starts = bucket_starts(question)
    with asked(engine, question, measures=OF_COST) as answer:
        found = answer.cells.by_bucket(len(starts))
    requests, attempts, unpriced, cost = (found.measure(name) for name in OF_COST)
    calls = requests + attempts
    dollars = np.where((calls > 0) & (calls == unpriced), np.nan, cost / NANO_PER_USD)
    return CostSeries(starts, dollars, calls > 0)


def _ranked(found: Cells) -> Cells:
    """Order members, the largest first: by cost, then by requests, then by how long it is known."""
    return found.only(np.lexsort((found.member, -found.measure("requests"), -found.measure(COST))))


def _named(answer: Answer, ranked: Cells) -> list[tuple[Member, Usage]]:
    return list(zip(_names(answer, ranked), ranked.usage(), strict=True))


def _names(answer: Answer, ranked: Cells) -> list[Member]:
    numbers: list[int] = ranked.member.tolist()
    names: Mapping[int, tuple[str | None, str]] = answer.members.named(answer.connection, numbers)
    return [Member(*names[number]) for number in numbers]


def _filled(question: Question, cells: Cells) -> tuple[Usage, ...]:
    return tuple(cells.by_bucket(len(bucket_starts(question))).usage())
