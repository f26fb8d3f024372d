"""``usage-plugin prune``: the retention settings in, what was deleted, or would be, out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from usage_plugin.cli.context import load
from usage_plugin.cli.progress import progress_bar

if TYPE_CHECKING:
    from usage_plugin.store.prune import Going, Pruned

NAME = "prune"
EXAMPLE = "usage-plugin prune --dry-run"
_NAMES = {"records": "calls and their tags", "sheets": "sheets of totals", "daily": "daily totals"}


def command(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and delete nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Delete what is older than the settings USAGE_RETAIN_... keep, while proxies go on writing.

    The totals of deleted calls stay.
    """
    from usage_plugin.clock import utc_now
    from usage_plugin.store.database import connect
    from usage_plugin.store.prune import plan, prune
    from usage_plugin.store.retention import Retention

    settings, _ = load()
    retention = Retention(settings.retain_records_days, settings.retain_sheets_days, settings.retain_daily_days)
    engine, now = connect(settings.url), utc_now()
    if dry_run:
        going = plan(engine, retention, now)
        typer.echo(_plan_as_json(settings.safe_url, going) if as_json else _plan_as_text(going))
        return
    with progress_bar("Deleting") as progress:
        pruned = prune(engine, retention, now, progress=progress, zone=settings.zone)
    typer.echo(_as_json(settings.safe_url, pruned) if as_json else _as_text(pruned))


def _plan_as_json(database: str, going: Sequence[Going]) -> str:
    kinds = [{**asdict(each), "before": each.before.isoformat()} for each in going]
    return json.dumps({"database": database, "dry_run": True, "going": kinds}, indent=2)


def _plan_as_text(going: Sequence[Going]) -> str:
    lines = [
        f"{each.rows:,} {_NAMES[each.kind]} of {each.days:,} days before {each.before:%Y-%m-%d %H:%M} UTC, "
        f"about {each.about_bytes / 1e6:,.1f} MB" + "".join(f", {name} at once" for name in each.partitions)
        for each in going
        if each.rows
    ]
    lines += [f"{each.late:,} calls stay that came after those of their time had gone." for each in going if each.late]
    if not any(each.rows for each in going):
        return "\n".join(["Nothing is older than it is kept for.", *lines])
    return "\n".join(["Would delete:", *lines])


def _as_json(database: str, pruned: Pruned) -> str:
    result = {"database": database, "dry_run": False, "deleted": pruned.rows, "bytes_returned": pruned.bytes_returned}
    return json.dumps(result, indent=2)


def _as_text(pruned: Pruned) -> str:
    lines = [f"Deleted {rows:,} {_NAMES[kind]}." for kind, rows in pruned.rows.items() if rows]
    if pruned.bytes_returned:
        lines.append(f"Gave {pruned.bytes_returned / 1e6:,.1f} MB back to the disk.")
    return "\n".join(lines) or "Nothing is older than it is kept for."
