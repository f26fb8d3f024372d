"""A question in, its answer from raw records and whether the door says the same out: equal to the billionth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from math import ceil
from typing import Any

from sqlalchemy import Engine

from tests.bench.scale import plain
from tests.bench.scale.questions import TOP, Asked
from usage_plugin.store.read import Choice, Question, Spent, Usage

WITHIN = 0.02
"""Of percentiles, which come from histograms."""
Answer = Any


def same(asked: Asked, answer: Answer, raw: Answer) -> bool:
    """Say whether the door's answer is what the records say."""
    return _CHECKS[asked.what.removesuffix(" before")](answer, raw)


def from_records(engine: Engine, asked: Asked, zone: str) -> Answer:
    """Answer a question from the raw records."""
    return _WAYS[asked.what.removesuffix(" before")](engine, asked.question, zone)


def _p95(latencies: Sequence[float]) -> float | None:
    """Take the nearest rank."""
    return latencies[ceil(0.95 * len(latencies)) - 1] if latencies else None


def _p95_by_bucket(engine: Engine, question: Question, zone: str) -> dict[datetime, float | None]:
    found: dict[datetime, list[float]] = {}
    bucket_of: dict[int, datetime] = {}
    for quarter, latency in plain.latencies(engine, question):
        if quarter not in bucket_of:
            bucket_of[quarter] = plain.bucket_of(quarter, question.granularity, zone)
        found.setdefault(bucket_of[quarter], []).append(latency)
    return {bucket: _p95(values) for bucket, values in found.items()}


def _sums(usage: Usage) -> plain.Sums:
    values = asdict(usage)
    return {name: values[name] for name in plain.NAMES}


def _filled(buckets: Sequence[datetime], usage: Sequence[Usage]) -> plain.Buckets:
    return {bucket: _sums(each) for bucket, each in zip(buckets, usage, strict=True) if not each.is_empty}


def _costs(by_bucket: plain.Buckets) -> Iterator[tuple[datetime, int | None]]:
    return ((bucket, sums[plain.COST]) for bucket, sums in by_bucket.items())


def _known(costs: Iterable[tuple[datetime, int | None]]) -> dict[datetime, int]:
    return {bucket: cost for bucket, cost in costs if cost is not None}


def _size(sums: plain.Sums) -> tuple[int, int]:
    return -(sums[plain.COST] or 0), -(sums["requests"] or 0)


def _are_largest(given: Sequence[Choice], sums: Mapping[Choice, plain.Sums]) -> bool:
    """Say whether these are the largest by cost and by requests, in order; members of one size may be either first."""
    known = [value for value in given if value in sums]
    sizes = [_size(sums[value]) for value in known]
    return len(known) == len(given) and sizes == sorted(map(_size, sums.values()))[: min(TOP, len(sums))]


def _same_totals(answer: Answer, raw: Answer) -> bool:
    return bool(_sums(answer) == raw)


def _same_series(answer: Answer, raw: Answer) -> bool:
    return bool(_filled(answer.buckets, answer.usage) == raw)


def _same_shares(answer: Answer, raw: Answer) -> bool:
    given = {share.member.value: asdict(share.spent) for share in answer if share.member is not None}
    rest = [asdict(share.spent) for share in answer if share.member is None]
    others = [sums for value, sums in raw.items() if value not in given]
    return (
        _are_largest(list(given), raw)
        and given == {value: _spent(raw[value]) for value in given}
        and rest == ([_spent(plain.add(others))] if others else [])
    )


def _spent(sums: plain.Sums) -> plain.Sums:
    return {each.name: sums[each.name] for each in fields(Spent)}


def _same_stack(answer: Answer, raw: Answer) -> bool:
    sums, by_member = raw
    pairs = zip(answer.members, answer.cost_nano_usd, strict=True)
    given = {member.value: _known(zip(answer.buckets, costs, strict=True)) for member, costs in pairs}
    rest: dict[datetime, list[plain.Sums]] = {}
    for value in by_member.keys() - given.keys():
        for bucket, each in by_member[value].items():
            rest.setdefault(bucket, []).append(each)
    other = _known(zip(answer.buckets, answer.other or [None] * len(answer.buckets), strict=True))
    return (
        _are_largest(list(given), sums)
        and given == {value: _known(_costs(by_member[value])) for value in given}
        and other == _known((bucket, plain.add(parts)[plain.COST]) for bucket, parts in rest.items())
    )


def _same_confidence(answer: Answer, raw: Answer) -> bool:
    costs = {name: cost for name, (_, cost) in raw.items() if cost is not None}
    return dict(answer.requests) == {name: calls for name, (calls, _) in raw.items()} and (
        dict(answer.cost_nano_usd) == costs
    )


def _close(given: float | None, exact: float | None) -> bool:
    if given is None or exact is None:
        return given is exact
    return abs(given - exact) <= WITHIN * exact


def _same_p95_series(answer: Answer, raw: Answer) -> bool:
    pairs = zip(answer.buckets, answer.p95_ms, strict=True)
    return all(_close(value, raw.get(bucket)) for bucket, value in pairs)


_WAYS: Mapping[str, Callable[[Engine, Question, str], Answer]] = {
    "totals": lambda engine, question, _zone: plain.totals(engine, question),
    "series": plain.buckets,
    "shares": lambda engine, question, _zone: plain.members(engine, question),
    "stack": lambda engine, question, zone: (
        plain.members(engine, question),
        plain.buckets_of_members(engine, question, zone),
    ),
    "confidence": lambda engine, question, _zone: plain.confidence(engine, question),
    "p95": lambda engine, question, _zone: _p95([latency for _, latency in plain.latencies(engine, question)]),
    "p95 series": _p95_by_bucket,
}
_CHECKS: Mapping[str, Callable[[Answer, Answer], bool]] = {
    "totals": _same_totals,
    "series": _same_series,
    "shares": _same_shares,
    "stack": _same_stack,
    "confidence": _same_confidence,
    "p95": _close,
    "p95 series": _same_p95_series,
}
