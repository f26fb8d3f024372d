"""A story in sentences: what, how much, who, through what, in units that people know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage_plugin.analysis.why import Amounts, Name, Story, Terms, Unit, explain, tell
from usage_plugin.money import NANO_PER_USD as USD
from usage_plugin.money import rounded_usd

AMOUNTS = st.dictionaries(st.none() | st.text(max_size=80), st.integers(-(10**15), 10**15), max_size=6)


def story(expected: dict[Name, int], actual: dict[Name, int], dimension: str = "user") -> Story:
    return Story(
        what="Cost of team search on 3 November",
        unit=Unit.NANO_USD,
        expected=sum(expected.values()) * USD,
        actual=sum(actual.values()) * USD,
        explanation=explain(dimension, in_nano(expected), in_nano(actual)),
    )


def in_nano(amounts: dict[Name, int]) -> Amounts:
    return {name: amount * USD for name, amount in amounts.items()}


def test_a_whole_story() -> None:
    """Everything that is known is said, once, and small terms are not."""
    base = story({"ada": 20, "bob": 290}, {"ada": 900, "bob": 340})
    whole = Story(
        what=base.what,
        unit=base.unit,
        expected=base.expected,
        actual=base.actual,
        explanation=base.explanation,
        labels={"ada": "Ada L."},
        terms=Terms(volume=880 * USD, mix=-60 * USD, tokens_per_call=105 * USD, price=5 * USD, other=0),
        unpriced_calls=1200,
    )
    assert tell(whole) == (
        "Cost of team search on 3 November: $1,240.00 where $310.00 was expected, $930.00 more (4.0 times as much). "
        "User “Ada L.” drove it: $900.00 instead of $20.00, 95% of the change. "
        "In dollars: more calls +$880.00, more tokens per call +$105.00, cheaper models -$60.00. "
        "1,200 calls without a known price are not in it."
    )


@pytest.mark.parametrize(
    ("expected", "actual", "said"),
    [
        ({"ada": 10}, {"ada": 10, "eve": 90}, "User “eve”, never seen before, drove it: $90.00, all of the change."),
        (
            {"ada": 10, "eve": 90},
            {"ada": 10},
            "User “eve”, gone now, drove it: nothing instead of $90.00, all of the change.",
        ),
        ({"ada": 50, "bob": 50}, {"ada": 100, "bob": 100}, "Nobody in particular drove it."),
        ({None: 1, "bob": 99}, {None: 51, "bob": 99}, "Calls without a user drove it: $51.00 instead of $1.00, all of"),
        (
            {"ada": 10, "bob": 80},
            {"ada": 110, "bob": 60},
            "$110.00 instead of $10.00, more than all of the change, since others went the other way.",
        ),
        (
            {"ada": 1, "bob": 1, "cyd": 98},
            {"ada": 41, "bob": 31, "cyd": 98, "eve": 35},
            "User “ada” (+$40.00) and user “eve” (+$35.00, new) drove it: 71% of the change.",
        ),
    ],
)
def test_who_drove_it(expected: dict[Name, int], actual: dict[Name, int], said: str) -> None:
    """New, gone, nobody, without a name, against the others, together."""
    assert said in tell(story(expected, actual))


def test_many_drivers_are_three_names_and_a_number() -> None:
    """Of five new users with a fifth each three are more than half; of seven four are, and the fourth is counted."""
    found = tell(story({"old": 100}, {"old": 100, **dict.fromkeys("abcde", 20)}))
    assert "User “a” (+$20.00, new), user “b” (+$20.00, new) and user “c” (+$20.00, new) drove it: 60%" in found
    seven = tell(story({"old": 100}, {"old": 100, **dict.fromkeys("abcdefg", 20)}))
    assert "user “c” (+$20.00, new) and 1 more drove it: 57% of the change." in seven


@pytest.mark.parametrize(
    ("expected", "actual", "said"),
    [
        (0, 5, "$5.00 where nothing was expected, $5.00 more."),
        (5, 0, "nothing where $5.00 was expected, $5.00 less."),
        (5, -1, "-$1.00 where $5.00 was expected, $6.00 less."),
        (100, 130, "$130.00 where $100.00 was expected, $30.00 more (+30%)."),
        (100, 60, "$60.00 where $100.00 was expected, $40.00 less (-40%)."),
        (1, 1234, "$1,234.00 where $1.00 was expected, $1,233.00 more (1,234 times as much)."),
        (7, 7, "$7.00, as expected."),
    ],
)
def test_how_much(expected: int, actual: int, said: str) -> None:
    """Nothing, money back, percent below twice and times above."""
    assert tell(Story(what="Cost", unit=Unit.NANO_USD, expected=expected * USD, actual=actual * USD)) == f"Cost: {said}"


def test_what_is_no_money_says_what_it_costs() -> None:
    """Requests and tokens have their unit, and dollars beside it."""
    assert tell(Story(what="Calls", unit=Unit.REQUESTS, expected=1, actual=21, at_stake_nano_usd=3 * USD)) == (
        "Calls: 21 requests where 1 request was expected, 20 requests more (21 times as much). That costs $3.00."
    )
    assert tell(
        Story(what="Tokens", unit=Unit.TOKENS, expected=1_234_567, actual=0, at_stake_nano_usd=-USD, unpriced_calls=1)
    ) == (
        "Tokens: nothing where 1,230,000 tokens were expected, 1,230,000 tokens less. That saves $1.00. "
        "1 call without a known price is not in it."
    )


@given(AMOUNTS, AMOUNTS)
def test_every_story_is_one_printable_line(expected: dict[Name, int], actual: dict[Name, int]) -> None:
    """Names are what clients send: none breaks the line or fills the page."""
    line = tell(story(expected, actual))
    assert line.isprintable()
    assert len(line) < 600


@pytest.mark.parametrize(
    ("nano", "written"),
    [
        (0, "$0.00"),
        (1, "$0.000000001"),
        (-1_234, "-$0.00000123"),
        (12_345_678, "$0.0123"),
        (999_999_999, "$1.00"),
        (1_005_000_000, "$1.00"),
        (-1_234_567_890_123, "-$1,234.57"),
    ],
)
def test_money_is_rounded_for_people(nano: int, written: str) -> None:
    """Cents from a dollar on, three digits below."""
    assert rounded_usd(nano) == written


def test_what_is_no_term_is_all_else() -> None:
    """Corrections, unknown prices and what was expected of nobody have one name, whatever their sign."""
    terms = Terms(volume=0, mix=0, tokens_per_call=-USD, price=0, other=-40 * USD)
    found = tell(Story(what="Cost", unit=Unit.NANO_USD, expected=50 * USD, actual=9 * USD, terms=terms))
    assert found.endswith("In dollars: all else -$40.00.")
