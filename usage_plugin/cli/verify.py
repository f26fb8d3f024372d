"""``usage-plugin verify``: the database of the settings in, the totals that its records contradict out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from usage_plugin.cli.context import load
from usage_plugin.cli.progress import progress_bar

if TYPE_CHECKING:
    from usage_plugin.store.compare import Difference
    from usage_plugin.store.verify import Verification

NAME = "verify"
EXAMPLE = "usage-plugin verify --repair"


def command(
    repair: Annotated[bool, typer.Option("--repair", help="Write totals that differ anew.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compute the totals and sheets anew from the records and compare, while proxies go on writing.

    Exit code 1 when a total differs (with --repair: when it could not be repaired).
    """
    from usage_plugin.store.database import connect
    from usage_plugin.store.verify import verify

    settings, _ = load()
    with progress_bar("Comparing") as progress:
        result = verify(connect(settings.url), repair=repair, progress=progress)
    typer.echo(_as_json(settings.safe_url, result) if as_json else _as_text(result, repair=repair))
    if not result.is_right:
        raise typer.Exit(1)


def _as_json(database: str, result: Verification) -> str:
    counts = {name: getattr(result, name) for name in ("days", "calls", "totals", "sheets", "differences", "repaired")}
    first = [_difference(difference) for difference in result.first]
    return json.dumps({"database": database, **counts, "first": first}, indent=2)


def _difference(difference: Difference) -> Mapping[str, Any]:
    columns = {name: {"kept": kept, "expected": due} for name, (kept, due) in difference.columns.items()}
    place = {name: _shown(value) for name, value in difference.dimensions.items()}
    return {"table": difference.table, **place, "columns": columns}


def _as_text(result: Verification, *, repair: bool) -> str:
    compared = f"{result.calls:,} calls of {result.days:,} days, {result.totals:,} totals, {result.sheets:,} sheets"
    if not result.differences:
        return f"{compared}: all agree."
    lines = [_line(difference) for difference in result.first]
    if result.differences > len(lines):
        lines.append(f"... and {result.differences - len(lines):,} more")
    lines.append(f"{compared}: {result.differences:,} differ, {result.repaired:,} of them repaired.")
    if not repair:
        lines.append("Repair them: usage-plugin verify --repair")
    elif not result.is_right:
        lines.append("The calls behind the others are pruned, so nothing can be made anew: put a backup in its place")
    return "\n".join(lines)


def _line(difference: Difference) -> str:
    place = " ".join(f"{name}={_shown(value)}" for name, value in difference.dimensions.items() if value is not None)
    columns = ", ".join(f"{name} is {kept}, should be {due}" for name, (kept, due) in difference.columns.items())
    return f"{difference.table} {place}: {columns or 'no call is there'}"


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    return value.isoformat() if isinstance(value, date) else value
