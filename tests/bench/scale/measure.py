"""A database in, how long each question of the dashboard takes out, beside plain SQL over the raw records."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Engine

from tests.bench.scale import equal
from tests.bench.scale.questions import VALUES, Asked, questions
from tests.bench.scale.table import Value, show

RUNS = 3
SLOWEST = 10
RAW_SAMPLE = 24
EVERYTHING = "all questions"

Taken = Mapping[str, Sequence[float]]
"""Milliseconds of each run by the question's name; the first run is the first time that it is asked."""


def taken_ms(engine: Engine, asked: Sequence[Asked], runs: int = RUNS) -> Taken:
    """Ask all of them, then all of them again, so that no answer is asked for twice in a row."""
    taken: dict[str, list[float]] = {each.name: [] for each in asked}
    for _ in range(runs + 1):
        for each in asked:
            taken[each.name].append(_timed(each.ask, engine, each.question)[0])
    return taken


def show_taken(title: str, asked: Sequence[Asked], taken: Taken) -> None:
    """Print by kind of question, and the slowest ones."""
    rows = [_row(what, [taken[name] for name in names]) for what, names in _kinds(asked).items()]
    show(f"{title}: milliseconds, median of {RUNS} runs", ("", "asked", "p50", "p95", "max", "first p95"), rows)
    slowest = sorted(taken, key=lambda name: -_usual(taken[name]))[:SLOWEST]
    show("the slowest", ("", "median", "first"), [(name, _usual(taken[name]), taken[name][0]) for name in slowest])


def show_growth(title: str, asked: Sequence[Asked], small: Taken, large: Taken) -> None:
    """Print how much longer the larger database takes, by kind of question."""
    rows = list[tuple[Value, ...]]()
    for what, names in _kinds(asked).items():
        before, after = ([_usual(taken[name]) for name in names] for taken in (small, large))
        each = statistics.median(late / early for early, late in zip(before, after, strict=True))
        ratios = (_percentile(after, share) / _percentile(before, share) for share in (50, 95))
        rows.append((what, each, *ratios))
    show(title, ("", "median of ratios", "ratio of p50", "ratio of p95"), rows)


def show_beside_raw(title: str, engine: Engine, asked: Sequence[Asked], zone: str, count: int = RAW_SAMPLE) -> bool:
    """Ask some questions of the raw records too, print both times, and say whether all answers are equal."""
    rows, chosen = list[tuple[Value, ...]](), sample(asked, count)
    for each in chosen:
        ours_ms, ours = _timed(each.ask, engine, each.question)
        raw_ms, raw = _timed(equal.from_records, engine, each, zone)
        rows.append((each.name, ours_ms, raw_ms, raw_ms / ours_ms, equal.same(each, ours, raw)))
    show(title, ("", "ms", "raw ms", "times", "equal"), rows)
    return all(row[-1] for row in rows)


def sample(asked: Sequence[Asked], count: int, seed: int = 1) -> list[Asked]:
    """Choose some of each kind: the same ones each time."""
    rng, by_name = random.Random(seed), {each.name: each for each in asked}
    kinds = {what: names for what, names in _kinds(asked).items() if what not in (EVERYTHING, VALUES)}
    each = max(count // len(kinds), 1)
    return [by_name[name] for names in kinds.values() for name in rng.sample(names, min(each, len(names)))]


def asked_in(zone: str) -> list[Asked]:
    """Give every question of a time zone."""
    return list(questions(zone))


def _kinds(asked: Sequence[Asked]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for each in asked:
        kinds.setdefault(each.what, []).append(each.name)
    return {**kinds, EVERYTHING: [each.name for each in asked]}


def _row(what: str, taken: Sequence[Sequence[float]]) -> tuple[Value, ...]:
    usual, first = [_usual(each) for each in taken], [each[0] for each in taken]
    shares = (_percentile(usual, share) for share in (50, 95, 100))
    return what, len(taken), *shares, _percentile(first, 95)


def _usual(runs: Sequence[float]) -> float:
    return statistics.median(runs[1:])


def _percentile(values: Sequence[float], share: int) -> float:
    return float(np.percentile(values, share))


def _timed(work: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = work(*arguments)
    return (time.perf_counter() - begun) * 1000, result
