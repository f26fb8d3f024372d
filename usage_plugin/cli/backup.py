"""``usage-plugin backup``: the SQLite database of the settings in, a copy of it out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from usage_plugin.cli.context import load
from usage_plugin.cli.progress import progress_bar
from usage_plugin.errors import InputError

NAME = "backup"
EXAMPLE = "usage-plugin backup /mnt/backup/usage-$(date +%F).db"


def command(
    file: Annotated[Path, typer.Argument(help="A file that is not there yet.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Save the SQLite database while proxies go on writing.

    How to restore it, and how PostgreSQL is saved, is in docs/backup.md.
    """
    from usage_plugin.store.backup import back_up

    settings, _ = load()
    try:
        with progress_bar("Saving") as progress:
            saved = back_up(settings.url, file, progress)
    except InputError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        result = {"database": settings.safe_url, "file": str(file), "bytes": saved.bytes_saved}
        typer.echo(json.dumps(result | {"seconds": round(saved.seconds, 3)}))
    else:
        typer.echo(f"Saved {saved.bytes_saved / 1e6:,.1f} MB in {file} in {saved.seconds:.1f} s.")
