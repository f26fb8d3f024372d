"""What scenarios should have become, and became, in; one table, and the differences in words, out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import zip_longest

from tests.proxy.scenarios.model import Expected, PerToken
from tests.proxy.scenarios.play import Played
from usage_plugin.store.tables import UsageRecord

COLUMNS = tuple(each.name for each in fields(Expected))
HEADINGS = ("scenario", "", *(name.removesuffix("_tokens").removesuffix("_nano_usd") for name in COLUMNS))
Line = tuple[str, ...]


def differences(played: Played) -> list[str]:
    """Say what is not as expected; nothing when all is."""
    scenario = played.scenario
    wanted = [asked.answers for asked in scenario.asked]
    if None not in wanted and sorted(played.answers) != sorted(each for each in wanted if each is not None):
        return [f"the client saw {played.answers} instead of {wanted}"]
    if scenario.served not in {None, played.served}:
        return [f"{played.served} calls were served instead of {scenario.served}"]
    if len(played.rows) != len(scenario.rows):
        return [f"{len(played.rows)} rows instead of {len(scenario.rows)}"]
    return _differences_from(_wanted(played), played)


def table(played: Sequence[Played]) -> str:
    """Draw expected and found rows below each other; the found ones are marked where they differ."""
    lines = [HEADINGS, *(line for each in played for line in _lines(each))]
    widths = [max(len(line[place]) for line in lines) for place in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def _lines(played: Played) -> Iterator[Line]:
    wrong = differences(played)
    for number, (wanted, row) in enumerate(_pairs(played)):
        name = played.scenario.name if number == 0 else ""
        yield (name, "expected", *(_shown(getattr(wanted, column)) if wanted else "-" for column in COLUMNS))
        differs = _differing(wanted, row) if wanted and row else COLUMNS
        found = (_found(row, column, column in differs) for column in COLUMNS)
        yield ("", "found", *found)
    if not played.scenario.rows and not played.rows:
        yield (played.scenario.name, "no row", *("-" for _ in COLUMNS))
    if wrong and not set(wrong) <= set(COLUMNS):
        yield ("", wrong[0], *("" for _ in COLUMNS))


def _pairs(played: Played) -> list[tuple[Expected | None, UsageRecord | None]]:
    return _paired(_wanted(played), played)


def _wanted(played: Played) -> tuple[Expected, ...]:
    rows, others = played.scenario.rows, played.scenario.or_rows
    return others if others and not _differences_from(others, played) else rows


def _differences_from(rows: tuple[Expected, ...], played: Played) -> list[str]:
    pairs = _paired(rows, played)
    return [name for wanted, row in pairs if wanted and row for name in _differing(wanted, row)]


def _paired(rows: tuple[Expected, ...], played: Played) -> list[tuple[Expected | None, UsageRecord | None]]:
    return list(zip_longest(sorted(rows, key=_order), sorted(played.rows, key=_order)))


def _order(row: Expected | UsageRecord) -> tuple[str, ...]:
    return (str(row.model), row.status, str(row.is_terminal), row.cost_confidence)


def _differing(wanted: Expected, row: UsageRecord) -> list[str]:
    return [name for name in COLUMNS if not _fits(getattr(wanted, name), getattr(row, name), row)]


def _fits(wanted: object, found: object, row: UsageRecord) -> bool:
    if isinstance(wanted, range):
        return found in wanted
    if isinstance(wanted, PerToken):
        return found == wanted.of(row.prompt_tokens, row.completion_tokens)
    return wanted == found


def _found(row: UsageRecord | None, column: str, differs: bool) -> str:
    if row is None:
        return "-"
    return ("! " if differs else "") + _shown(getattr(row, column))


def _shown(value: object) -> str:
    if isinstance(value, range):
        return f"{value.start}..{value.stop - 1}"
    if isinstance(value, PerToken):
        return f"{value.input_usd_per_million}/{value.output_usd_per_million} $/M"
    return "NULL" if value is None else str(value)
