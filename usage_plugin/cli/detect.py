"""``usage-plugin detect``: the database of the settings in, what was not expected of its calls out, in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from usage_plugin.cli.context import load

if TYPE_CHECKING:
    from usage_plugin.detect import Detected
    from usage_plugin.store.analysis_tables import AnomalyRow

NAME = "detect"
EXAMPLE = "usage-plugin detect --days 7"
_NOT_SHOWN = ("explanation", "updated_at")


def command(
    days: Annotated[int, typer.Option("--days", min=1, max=400, help="Show anomalies of so many days.")] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be found, and keep nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Look once at the hours and days that are over since the last look, and show what was not expected.

    A worker does the same by itself. Exit code 0 also where something was found.
    """
    from usage_plugin.clock import utc_now
    from usage_plugin.detect import Options, detect
    from usage_plugin.store.anomalies import ACTIVE, anomalies
    from usage_plugin.store.database import connect
    from usage_plugin.store.migrate import require_current
    from usage_plugin.store.turn import Turn

    settings, _ = load()
    engine, now = connect(settings.url), utc_now()
    require_current(engine)
    options, turn = Options.of(settings).looking_back(days), Turn(engine)
    is_ours = turn.take()
    try:
        found = detect(engine, now, settings.zone, options, keeps=not dry_run) if is_ours else None
    finally:
        turn.give_back()
    kept = anomalies(engine, states=ACTIVE, start=now - timedelta(days=days))
    shown = [*found.new, *kept] if dry_run and found else kept
    typer.echo(_as_json(settings.safe_url, found, shown) if as_json else _as_text(found, shown, days, dry_run=dry_run))


def _as_json(database: str, found: Detected | None, shown: Sequence[AnomalyRow]) -> str:
    looked = {"hours": found.hours, "days": found.days, "series": found.series} if found else None
    return json.dumps(
        {"database": database, "looked_at": looked, "anomalies": [_row(each) for each in shown]}, indent=2
    )


def _row(row: AnomalyRow) -> dict[str, Any]:
    values = row.model_dump(mode="json", exclude=set(_NOT_SHOWN))
    return {**values, "explanation": json.loads(row.explanation)}


def _as_text(found: Detected | None, shown: Sequence[AnomalyRow], days: int, *, dry_run: bool) -> str:
    if found is None:
        first = "A worker is looking after this database; what it found so far:"
    elif not found.hours and not found.days:
        first = "No hour is over since the last look."
    else:
        would = "Would keep" if dry_run else "Kept"
        new = "1 new anomaly" if len(found.new) == 1 else f"{len(found.new):,} new anomalies"
        first = f"Looked at {found.hours:,} hours of {found.series:,} series. {would} {new}."
    if not shown:
        return f"{first}\nNothing unexpected in the last {days} days."
    return "\n".join([first, *(f"\n[{each.kind}] {each.headline}" for each in shown)])
