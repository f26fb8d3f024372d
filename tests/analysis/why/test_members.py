"""Who drove a change: parts that add up exactly, the same for any order and unit, the telling dimension first."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from usage_plugin.analysis.why import Amounts, Standing, explain, ranked, reconcile
from usage_plugin.analysis.why.reconcile import scale_to

NANO = 10**9
COSTS = st.integers(0, 10**13)
SIGNED = st.integers(-(10**13), 10**13)
NAMES = st.sampled_from(["ada", "bob", "cyd", "dee", "eve", "fay", "gus", "", "None", None])
BY_MEMBER = st.dictionaries(NAMES, st.one_of(st.none(), SIGNED))


@given(st.dictionaries(NAMES, COSTS, min_size=1).filter(lambda given: sum(given.values()) > 0), COSTS)
@example({"ada": 1, "bob": 1, "cyd": 1}, 100)
def test_what_members_had_is_scaled_to_the_total(usual: dict[str | None, int], total: int) -> None:
    """The parts add up to the total, and each is less than 1 from its exact share."""
    parts = reconcile(usual, total)
    assert sum(parts.values()) == total
    together = sum(usual.values())
    assert all(abs(parts[name] * together - usual[name] * total) < together for name in usual)


def test_the_largest_remainder_gets_what_is_left() -> None:
    """100 for three equal members is 34, 33, 33; 10 for 1, 2 and 4 is 1.43, 2.86, 5.71."""
    assert reconcile({"c": 1, "b": 1, "a": 1}, 100) == {"a": 34, "b": 33, "c": 33}
    assert reconcile({"a": 1, "b": 2, "c": 4}, 10) == {"a": 1, "b": 3, "c": 6}


@pytest.mark.parametrize(
    ("amounts", "total"), [([], 5), ([0, 0], 5), ([3, 4], -7), ([-3, -4], 7), ([100, -99], 50), ([5, -5], 0)]
)
def test_some_amounts_cannot_be_scaled(amounts: list[int], total: int) -> None:
    """Nothing, amounts of the other sign, and amounts that cancel each other stay as they are."""
    assert scale_to(amounts, total) is None
    by_place = dict(enumerate(amounts))
    assert reconcile(by_place, total) == by_place


@given(BY_MEMBER, BY_MEMBER, st.none() | SIGNED, st.none() | SIGNED, st.integers(0, 7))
def test_contributions_add_up_to_the_change(
    expected: Amounts, actual: Amounts, expected_total: int | None, actual_total: int | None, listed: int
) -> None:
    """Listed members and the rest are the totals, to the unit, whatever comes in."""
    found = explain("user", expected, actual, expected_total=expected_total, actual_total=actual_total, listed=listed)
    before = sum(each or 0 for each in expected.values()) if expected_total is None else expected_total
    after = sum(each or 0 for each in actual.values()) if actual_total is None else actual_total
    assert (found.expected, found.actual) == (before, after)
    assert sum(each.change for each in found.contributions) + found.other.change == after - before
    sizes = [abs(each.change) for each in found.contributions]
    assert sizes == sorted(sizes, reverse=True)
    assert 0 <= found.score <= 1


@given(st.dictionaries(NAMES, COSTS, min_size=1), st.dictionaries(NAMES, COSTS), COSTS)
def test_the_rest_is_what_the_other_members_had(
    expected: dict[str | None, int], actual: dict[str | None, int], total: int
) -> None:
    """With every member listed, nothing is left over where the usual amounts can be scaled at all."""
    found = explain("user", expected, actual, expected_total=total, listed=100)
    if sum(expected.values()):
        assert found.other.change == 0
    else:
        assert found.other.change == -total


@given(BY_MEMBER, BY_MEMBER, SIGNED, st.randoms())
def test_the_order_of_members_does_not_matter(
    expected: Amounts, actual: Amounts, total: int, chance: random.Random
) -> None:
    """Members may come as they like."""
    shuffled = [dict(chance.sample(list(each.items()), len(each))) for each in (expected, actual)]
    assert explain("user", expected, actual, expected_total=total) == explain("user", *shuffled, expected_total=total)


@given(BY_MEMBER, BY_MEMBER, st.integers(2, 10**6))
def test_the_unit_does_not_matter(expected: Amounts, actual: Amounts, factor: int) -> None:
    """In a smaller unit every part is so many times as large, and the dimension as telling."""
    finer = [{name: each and each * factor for name, each in amounts.items()} for amounts in (expected, actual)]
    coarse, fine = explain("user", expected, actual), explain("user", *finer)
    assert [each.change * factor for each in coarse.contributions] == [each.change for each in fine.contributions]
    assert coarse.score == pytest.approx(fine.score, rel=1e-12)


def test_a_change_by_hand() -> None:
    """Usually 6 : 3 : 1, expected are 20 $: 12, 6 and 2. Cyd has 32 $ instead of 2, the others as expected."""
    found = explain(
        "user",
        {"ada": 6 * NANO, "bob": 3 * NANO, "cyd": 1 * NANO},
        {"ada": 12 * NANO, "bob": 6 * NANO, "cyd": 32 * NANO},
        expected_total=20 * NANO,
    )
    assert [(each.member, each.expected, each.change) for each in found.contributions] == [("cyd", 2 * NANO, 30 * NANO)]
    assert (found.other.members, found.other.change) == (2, 0)
    assert found.drivers == found.contributions
    assert found.score == pytest.approx(0.9)  # all of the change, one tenth of what is usual


def test_the_rest_is_one_sum() -> None:
    """Of seven members the five that changed most are listed, gains and losses alike."""
    expected: Amounts = dict.fromkeys("abcdefg", 100)
    actual: Amounts = {"a": 101, "b": 98, "c": 103, "d": 96, "e": 105, "f": 94, "g": 107}
    found = explain("user", expected, actual)
    assert [(each.member, each.change) for each in found.contributions] == [
        ("g", 7), ("f", -6), ("e", 5), ("d", -4), ("c", 3)
    ]  # fmt: skip
    assert (found.other.members, found.other.expected, found.other.actual) == (2, 200, 199)


def test_new_vanished_and_unpriced_members_are_named_as_such() -> None:
    """Absent before is new, absent now is vanished; seen with 0 is neither, and unknown is not 0."""
    found = explain(
        "model",
        {"old": 50, "gone": 40, "quiet": 0, "dark": 30},
        {"old": 55, "fresh": 70, "quiet": 9, "dark": None},
    )
    assert {each.member: each.standing for each in found.contributions} == {
        "old": Standing.KNOWN,
        "gone": Standing.VANISHED,
        "quiet": Standing.KNOWN,
        "fresh": Standing.NEW,
        "dark": Standing.UNPRICED,
    }


def test_nothing_was_expected() -> None:
    """Every member adds all that it has."""
    found = explain("user", {"ada": 60, "bob": 40}, {"ada": 6, "bob": 94}, expected_total=0)
    assert [(each.member, each.change) for each in found.contributions] == [("bob", 94), ("ada", 6)]


def test_nothing_happened() -> None:
    """All members vanished alike, so nobody in particular drove it."""
    found = explain("user", {"ada": 60, "bob": 40}, {}, expected_total=50)
    assert [(each.member, each.change, each.standing) for each in found.contributions] == [
        ("ada", -30, Standing.VANISHED),
        ("bob", -20, Standing.VANISHED),
    ]
    assert found.score == 0


def test_all_members_are_new() -> None:
    """What was expected was expected of nobody who is here: it stands in the rest."""
    found = explain("user", {}, {"ada": 70, "bob": 30}, expected_total=40)
    assert [each.standing for each in found.contributions] == [Standing.NEW, Standing.NEW]
    assert (found.other.members, found.other.change, found.change) == (0, -40, 60)


def test_a_single_member_that_has_everything_explains_nothing() -> None:
    """The change is all its own, and no surprise."""
    found = explain("provider", {"openai": 100}, {"openai": 300}, expected_total=120)
    assert (found.contributions[0].change, found.score) == (180, 0)


def test_a_negative_correction_is_a_contribution() -> None:
    """Money that came back drives a drop."""
    found = explain("user", {"ada": 100, "bob": 100}, {"ada": 100, "bob": -50})
    assert [(each.member, each.change) for each in found.drivers] == [("bob", -150)]


def test_calls_with_several_tags_are_not_counted_twice() -> None:
    """Members add up to 150, calls to 100: the rest takes out what was counted twice."""
    found = explain("tag", {"batch": 10, "night": 10}, {"batch": 90, "night": 60}, expected_total=20, actual_total=100)
    assert (sum(each.actual for each in found.contributions), found.other.actual) == (150, -50)


def test_the_dimension_that_tells_most_comes_first() -> None:
    """One user of a hundred went from 1 to 101; its team had a fifth, its model half, its provider all."""
    users: Amounts = {f"user {number}": 1 for number in range(100)}
    teams: Amounts = {f"team {number}": 20 for number in range(5)}
    order = ranked(
        [
            explain("provider", {"openai": 100}, {"openai": 200}),
            explain("model", {"large": 50, "small": 50}, {"large": 150, "small": 50}),
            explain("user", users, {**users, "user 7": 101}),
            explain("team", teams, {**teams, "team 3": 120}),
        ]
    )
    assert [each.dimension for each in order] == ["user", "team", "model", "provider"]
    assert [each.score for each in order] == pytest.approx([0.99, 0.8, 0.5, 0])
    assert [each.member for each in order[0].drivers] == ["user 7"]


def test_growth_of_many_is_not_told_by_many_names() -> None:
    """A hundred users who change at random explain less than the one team that they are all in."""
    before: Amounts = {f"user {number}": 100 for number in range(100)}
    after: Amounts = {f"user {number}": 100 + 2 * (number % 50) for number in range(100)}
    gained = sum(each or 0 for each in after.values())
    order = ranked(
        [explain("user", before, after), explain("team", {"a": 5000, "b": 5000}, {"a": gained - 5000, "b": 5000})]
    )
    assert [each.dimension for each in order] == ["team", "user"]
