"""Every colour, template and number format of the dashboard.

The series colours were searched for: at least 3:1 against the background of their scheme, and apart from one
another under protanopia, deuteranopia and tritanopia (tests/dashboard/test_theme.py measures both).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from dashboard.frames import Unit
from usage_plugin.money import dollars as written_dollars
from usage_plugin.money import rounded_usd

UNKNOWN: Final = "—"
NANO_PER_USD: Final = 1e9
MILLION_USD: Final = 1e6
CENT_PLACES: Final = 2
FONT: Final = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
MONO: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The colours of one scheme."""

    background: str
    card: str
    text: str
    dimmed: str
    line: str
    grid: str
    hover: str
    series: tuple[str, ...]
    other: str
    accent: str
    band: str
    span: str
    planned: str
    good: str
    bad: str
    warning: str


LIGHT: Final = Palette(
    background="#f6f7f9",
    card="#ffffff",
    text="#1a1f2b",
    dimmed="#596273",
    line="#e3e6eb",
    grid="#eceff3",
    hover="#f1f4f9",
    series=("#1d3cb0", "#d27908", "#06776a", "#994ec9", "#6e113a", "#6a5205"),
    other="#8a94a3",
    accent="#1d3cb0",
    band="rgba(29, 60, 176, 0.13)",
    span="rgba(179, 38, 30, 0.10)",
    planned="rgba(138, 148, 163, 0.22)",
    good="#0b6b4f",
    bad="#b3261e",
    warning="#8a5a00",
)
DARK: Final = Palette(
    background="#0f1115",
    card="#16191f",
    text="#e7eaf0",
    dimmed="#9ba5b4",
    line="#2a2f38",
    grid="#242932",
    hover="#1e232c",
    series=("#5e88f6", "#c15d11", "#8de5d1", "#b3abea", "#e88e8e", "#ebd229"),
    other="#6f7885",
    accent="#7ea2ff",
    band="rgba(94, 136, 246, 0.20)",
    span="rgba(255, 143, 135, 0.16)",
    planned="rgba(111, 120, 133, 0.30)",
    good="#5fd3a5",
    bad="#ff8f87",
    warning="#f2c261",
)
PALETTES: Final[Mapping[str, Palette]] = {"light": LIGHT, "dark": DARK}
MANTINE_THEME: Final[dict[str, Any]] = {
    "fontFamily": FONT,
    "fontFamilyMonospace": MONO,
    "headings": {"fontFamily": FONT, "fontWeight": "600"},
    "primaryColor": "accent",
    "primaryShade": {"light": 7, "dark": 4},
    "defaultRadius": "sm",
    "cursorType": "pointer",
    "colors": {
        "accent": [
            "#eef2ff", "#dbe4ff", "#b9c9ff", "#94adff", "#7ea2ff",
            "#4a70e8", "#3459d3", "#2447bd", "#1c3a9e", "#152d7d",
        ],
        "dark": [
            "#e7eaf0", "#c3cad5", "#9ba5b4", "#6f7885", "#3a414d",
            "#2a2f38", "#1e222a", "#16191f", "#12151a", "#0f1115",
        ],
    },
}  # fmt: skip


def palette(scheme: str | None) -> Palette:
    """Give the colours of a scheme; light for what is none."""
    return PALETTES.get(scheme or "light", LIGHT)


def template(colours: Palette) -> dict[str, Any]:
    """Give the plotly layout that all figures share."""
    axis = {
        "gridcolor": colours.grid,
        "linecolor": colours.line,
        "zeroline": False,
        "tickfont": {"size": 11, "color": colours.dimmed},
        "title": {"font": {"size": 11, "color": colours.dimmed}, "standoff": 8},
        "automargin": True,
    }
    return {
        "layout": {
            "font": {"family": FONT, "size": 12, "color": colours.text},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(colours.series),
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "xaxis": {**axis, "showgrid": False, "ticks": "outside", "ticklen": 6, "tickcolor": colours.line},
            "yaxis": {**axis, "nticks": 6},
            "legend": {"orientation": "h", "y": -0.18, "yanchor": "top", "x": 0, "font": {"size": 12}},
            "hoverlabel": {
                "bgcolor": colours.card,
                "bordercolor": colours.line,
                "font": {"family": FONT, "size": 12, "color": colours.text},
            },
            "hovermode": "x unified",
            "dragmode": False,
        }
    }


def money(cost_nano_usd: int | float | None) -> str:
    """Show a cost: to the cent from a dollar on, with three leading digits below; unknown is never $0.00."""
    return UNKNOWN if cost_nano_usd is None else rounded_usd(round(cost_nano_usd))


def dollars(usd: Decimal | float | None) -> str:
    """Show dollars as `money` does."""
    if usd is None or usd != usd:  # noqa: PLR0124 - NaN
        return UNKNOWN
    return written_dollars(Decimal(str(usd)))


def big_money(cost_nano_usd: int | float | None) -> str:
    """Show a cost as `money` does, from a million dollars on with a unit: $9.00M."""
    usd = (cost_nano_usd or 0) / NANO_PER_USD
    if abs(usd) < MILLION_USD:
        return money(cost_nano_usd)
    return f"{'-' if usd < 0 else ''}${count(abs(usd))}"


def exact_dollars(usd: Decimal | None, places: int = CENT_PLACES) -> str:
    """Show every digit of an exact amount, at least *places* after the point."""
    if usd is None:
        return UNKNOWN
    return f"{'-' if usd < 0 else ''}${abs(usd):,.{max(places, decimals([usd]))}f}"


def decimals(amounts: Iterable[Decimal | None]) -> int:
    """Count the digits after the point that all of these amounts need, at least those of a cent."""
    needed = (-int(amount.normalize().as_tuple().exponent) for amount in amounts if amount is not None)
    return max(CENT_PLACES, *needed, CENT_PLACES)


def count(number: int | float | None) -> str:
    """Show a count: in full below ten thousand, then with a unit: 12.3k, 1.23M, 4.56B."""
    if number is None:
        return UNKNOWN
    if abs(number) < 10_000:  # noqa: PLR2004
        return f"{number:,.0f}"
    for divisor, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        scaled = number / divisor
        if abs(scaled) >= 1 or unit == "k":
            return f"{scaled:.{1 if abs(scaled) >= 100 or unit == 'k' else 2}f}{unit}"  # noqa: PLR2004
    raise AssertionError


def calls(number: int) -> str:
    """Show how many calls."""
    return "1 call" if number == 1 else f"{count(number)} calls"


def full_count(number: int | None) -> str:
    """Show a count with every digit."""
    return UNKNOWN if number is None else f"{number:,}"


def size(number_of_bytes: int) -> str:
    """Show an amount of storage in the unit that fits."""
    for divisor, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if number_of_bytes >= divisor:
            return f"{number_of_bytes / divisor:.1f} {unit}"
    return f"{number_of_bytes} B"


def percent(share: float | None, digits: int = 1) -> str:
    """Show a share of 1 in percent."""
    if share is None:
        return UNKNOWN
    smallest = 10**-digits
    if 0 < share * 100 < smallest / 2:
        return f"<{smallest:g}%"
    return f"{share * 100:.{digits}f}%"


def measured(value: float | None, unit: Unit) -> str:
    """Show a number in its unit."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return UNKNOWN
    match unit:
        case Unit.DOLLARS:
            return dollars(value)
        case Unit.COUNT:
            return count(value) if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004
        case Unit.MILLISECONDS:
            return duration(value)
        case Unit.SHARE:
            return percent(value)


def lasting(time: timedelta) -> str:
    """Say how long something took or takes, to the unit that matters."""
    minutes = max(int(time.total_seconds() // 60), 0)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes // 60} h {minutes % 60} min"
    days, hours = minutes // 1440, minutes % 1440 // 60
    return f"{days} days" if hours == 0 else f"{days} d {hours} h"


def clock(when: datetime | None) -> str:
    """Show a moment to the minute, with its day of the week."""
    return UNKNOWN if when is None else f"{when:%a %d %b %Y, %H:%M}"


def brief(when: datetime) -> str:
    """Show a moment to the minute, where the year goes without saying."""
    return f"{when:%d %b, %H:%M}"


def duration(milliseconds: float | None) -> str:
    """Show a time span in the unit that fits."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 999.5:  # noqa: PLR2004
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"  # noqa: PLR2004
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def moment(when: datetime | None) -> str:
    """Show a moment to the second, on the clocks of its own zone."""
    return UNKNOWN if when is None else f"{when:%Y-%m-%d %H:%M:%S}"


def zoned(when: datetime | None) -> str:
    """Show a moment to the second, with the name of its zone."""
    return UNKNOWN if when is None else f"{moment(when)} {when.tzinfo}"


def ago(age: timedelta) -> str:
    """Say how long ago something was."""
    seconds = max(int(age.total_seconds()), 0)
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def sentence(text: str) -> str:
    """Begin with a capital and end with a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
