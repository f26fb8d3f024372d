"""A hook's arguments and a seed in, the same arguments with something wrong in them out."""

from __future__ import annotations

import copy
import math
import random
from typing import Any

WRONG: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    -(10**30),
    10**400,
    1e308,
    math.nan,
    math.inf,
    -math.inf,
    "",
    "x" * 100_000,
    "a\x00b\ud800",
    b"\xff",
    [],
    [1] * 5000,
    {},
    {1: 2},
    {"\ud800": "\ud800"},
    object(),
    Exception("no"),
    ...,
)


def mutate(arguments: dict[str, Any], seed: int) -> dict[str, Any]:
    """Replace, remove, nest or rename one to four values, anywhere in the arguments."""
    chance = random.Random(seed)
    mutated: dict[str, Any] = copy.deepcopy(arguments)
    for _ in range(chance.randint(1, 4)):
        place = _any_place(mutated, chance)
        name = chance.choice(list(place))
        match chance.randrange(6):
            case 0:
                del place[name]
            case 1:
                place[name] = _deep(place[name], chance.choice((3, 40, 2000)))
            case 2:
                place[str(_wrong(chance))[:50]] = place.pop(name)
            case _:
                place[name] = _wrong(chance)
        if not place:
            place["left"] = None
    return mutated


def _wrong(chance: random.Random) -> Any:
    return copy.deepcopy(chance.choice(WRONG))


def _any_place(arguments: dict[str, Any], chance: random.Random) -> dict[Any, Any]:
    place: dict[Any, Any] = arguments
    while inner := [value for value in place.values() if isinstance(value, dict) and value]:
        if chance.random() < 0.35:
            break
        place = chance.choice(inner)
    return place


def _deep(value: object, depth: int) -> object:
    for level in range(depth):
        value = {"prompt_tokens": value} if level % 2 else [value]
    return value
