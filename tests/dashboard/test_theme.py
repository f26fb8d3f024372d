"""Numbers read as people expect, and colours can be told apart by everyone, in both schemes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dashboard import theme
from dashboard.frames import Unit
from dashboard.theme import DARK, LIGHT, Palette
from usage_plugin.money import rounded_usd

Colour = NDArray[np.float64]


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (None, "—"),
        (0, "$0.00"),
        (1, "$0.000000001"),
        (123_000, "$0.000123"),
        (45_600_000, "$0.0456"),
        (500_000_000, "$0.500"),
        (999_000_000, "$0.999"),
        (999_900_000, "$1.00"),
        (1_000_000_000, "$1.00"),
        (1_234_560_000_000, "$1,234.56"),
        (-2_500_000_000, "-$2.50"),
    ],
)
def test_money(nano: int | None, text: str) -> None:
    """Small costs keep three digits, large ones cents; an unknown one is a dash."""
    assert theme.money(nano) == text


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (None, "—"),
        (999_999_990_000_000, "$999,999.99"),
        (9_000_000_130_000_000, "$9.00M"),
        (-1_234_567_000_000_000, "-$1.23M"),
        (2_500_000_000_000_000_000, "$2.50B"),
    ],
)
def test_big_money(nano: int | None, text: str) -> None:
    """Millions of dollars get a unit, so that they fit where there is little room."""
    assert theme.big_money(nano) == text


def test_nan_dollars_are_unknown() -> None:
    """Not a number is no amount."""
    assert theme.dollars(float("nan")) == theme.UNKNOWN


@given(st.integers(-(10**16), 10**16))
@example(999_900_000)
@example(-4)
def test_a_cost_reads_the_same_on_a_page_and_in_a_message(nano: int) -> None:
    """Pages and alerts round by one rule, whether they are given billionths or dollars."""
    assert theme.money(nano) == theme.dollars(Decimal(nano).scaleb(-9)) == rounded_usd(nano)


@pytest.mark.parametrize(("usd", "text"), [(0.9999, "$1.00"), (-1e-15, "$0.00"), (0.0994999, "$0.0995")])
def test_what_rounds_to_a_dollar_or_to_nothing_is_written_so(usd: float, text: str) -> None:
    """No third digit stands behind a whole dollar, and nothing has no sign."""
    assert theme.dollars(usd) == text


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("0.000000001", "$0.000000001"),
        ("1234.5", "$1,234.50"),
        ("-0.5", "-$0.50"),
        ("0", "$0.00"),
        ("1E+3", "$1,000.00"),
    ],
)
def test_exact_dollars_keep_every_digit(usd: str, text: str) -> None:
    """In arithmetic no digit is rounded away."""
    assert theme.exact_dollars(Decimal(usd)) == text


@given(st.lists(st.decimals(-(10**9), 10**9, places=9), min_size=1, max_size=5))
@example([Decimal("0.022269"), Decimal("0.03918"), Decimal("1E+3")])
def test_decimals_are_enough_for_all(amounts: list[Decimal]) -> None:
    """With the decimals of the longest, all are of one length and none loses a digit."""
    texts = [theme.exact_dollars(usd, theme.decimals(amounts)) for usd in amounts]
    assert len({len(text.partition(".")[2]) for text in texts}) == 1
    assert [Decimal(text.replace("$", "").replace(",", "")) for text in texts] == amounts


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "—"),
        (0, "0"),
        (9_999, "9,999"),
        (12_345, "12.3k"),
        (1_234_567, "1.23M"),
        (144_500_000, "144.5M"),
        (2e9, "2.00B"),
    ],
)
def test_counts(number: float | None, text: str) -> None:
    """Counts get a unit from ten thousand on."""
    assert theme.count(number) == text


@pytest.mark.parametrize(
    ("share", "text"), [(None, "—"), (0, "0.0%"), (0.0001, "<0.1%"), (0.1234, "12.3%"), (1, "100.0%")]
)
def test_percent(share: float | None, text: str) -> None:
    """A share too small to show is not shown as none."""
    assert theme.percent(share) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [(None, "—"), (0.4, "0 ms"), (999.4, "999 ms"), (999.6, "1.00 s"), (12_345, "12.3 s"), (61_000, "1 min 01 s")],
)
def test_durations(ms: float | None, text: str) -> None:
    """Each duration in the unit that fits."""
    assert theme.duration(ms) == text


def test_ago() -> None:
    """An age in its largest unit; a clock that runs ahead gives no negative one."""
    ages = [timedelta(seconds=3), timedelta(minutes=5), timedelta(hours=30), timedelta(seconds=-9)]
    assert [theme.ago(age) for age in ages] == ["3 s ago", "5 min ago", "1 d ago", "0 s ago"]


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(-1, "0 min"), (59, "59 min"), (60, "1 h"), (90, "1 h 30 min"), (48 * 60, "2 days"), (49 * 60, "2 d 1 h")],
)
def test_how_long_something_lasts(minutes: int, text: str) -> None:
    """In hours up to two days, in days from there on."""
    assert theme.lasting(timedelta(minutes=minutes)) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, Unit.COUNT, "—"),
        (float("nan"), Unit.SHARE, "—"),
        (0.5, Unit.DOLLARS, "$0.500"),
        (2.34567, Unit.COUNT, "2.35"),
        (12_345, Unit.COUNT, "12.3k"),
        (1500, Unit.MILLISECONDS, "1.50 s"),
        (0.125, Unit.SHARE, "12.5%"),
    ],
)
def test_numbers_are_shown_in_their_unit(value: float | None, unit: Unit, text: str) -> None:
    """Unknown is a dash in each of them."""
    assert theme.measured(value, unit) == text


SCHEMES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
TEXT_CONTRAST, SHAPE_CONTRAST, LEAST_APART = 4.5, 3.0, 0.08
# Simulations of protanopia, deuteranopia and tritanopia: Machado, Oliveira & Fernandes (2009), severity 1.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# Oklab, Ottosson (2020): distances are even to the eye.
TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear(colour: str) -> Colour:
    channels = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    light, dark = sorted((float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def seen(colour: str, sight: str) -> Colour:
    simulated: Colour = np.clip(np.array(SIGHTS[sight]) @ linear(colour), 0, 1)
    return TO_LAB @ np.cbrt(TO_LMS @ simulated)


@SCHEMES
@pytest.mark.parametrize("sight", SIGHTS)
def test_series_can_be_told_apart(colours: Palette, sight: str) -> None:
    """No two series look alike, whichever way of seeing colours."""
    named = (*colours.series, colours.other)
    distances = {pair: np.linalg.norm(seen(pair[0], sight) - seen(pair[1], sight)) for pair in combinations(named, 2)}
    closest = min(distances, key=lambda pair: distances[pair])
    assert distances[closest] > LEAST_APART, closest


@SCHEMES
def test_colours_stand_out_from_their_background(colours: Palette) -> None:
    """Texts reach WCAG AA's 4.5 to 1, shapes 3 to 1."""
    texts = (colours.text, colours.dimmed, colours.accent, colours.good, colours.bad, colours.warning)
    grounds = (colours.card, colours.background, colours.hover)
    assert min(contrast(text, ground) for text in texts for ground in grounds) >= TEXT_CONTRAST
    assert min(contrast(shape, colours.card) for shape in (*colours.series, colours.other)) >= SHAPE_CONTRAST
