"""What is written of an explanation is read again."""

from __future__ import annotations

from datetime import UTC, datetime

from usage_plugin.analysis.why import explain
from usage_plugin.detect import Split, Why

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def test_it_comes_back_as_it_was() -> None:
    """To the last digit, with the calls that have no member."""
    found = explain("key", {"a": 10, None: 5, "b": 3}, {"a": 90, None: 2, "c": 7}, listed=2)
    split = Split.of(found, {"a": "alpha"})
    why = Why(
        unit="nano_usd",
        expected=18,
        actual=99,
        splits=(split,),
        terms={"volume": 80, "mix": 1, "tokens_per_call": 0, "price": 0, "other": 0},
        compared_with=((NOON, NOON),),
    )
    again = Why.from_json(why.to_json())
    assert again == why
    assert again.splits[0].change == again.change == 81
    assert [part.label for part in split.parts] == ["alpha", "c"]
    assert [part.member for part in split.driving] == ["a"]
    assert split.parts[1].standing == "new"


def test_drivers_go_with_the_change() -> None:
    """A member that went the other way drives nothing, however much it changed."""
    split = Split.of(explain("key", {"a": 100, "b": 10}, {"a": 10, "b": 210}), {})
    assert [part.member for part in split.driving] == ["b"]
