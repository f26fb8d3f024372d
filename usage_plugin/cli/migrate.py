"""``usage-plugin migrate``: the database of the settings in, the schema of this version out."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from usage_plugin.cli.context import load

NAME = "migrate"
EXAMPLE = "USAGE_DATABASE_URL=postgresql://user:password@host/usage usage-plugin migrate"


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Create or upgrade the schema; safe from any number of processes at once."""
    from usage_plugin.store.database import connect
    from usage_plugin.store.migrate import SchemaState, head_revision, migrate, schema_state

    settings, _ = load()
    engine = connect(settings.url)
    before = schema_state(engine)
    migrate(engine)
    if as_json:
        result = {"database": settings.safe_url, "before": before.value, "revision": head_revision()}
        typer.echo(json.dumps(result))
    elif before is SchemaState.CURRENT:
        typer.echo(f"{settings.safe_url} is up to date (schema {head_revision()}).")
    else:
        typer.echo(f"{settings.safe_url} was {before.value} and is now at schema {head_revision()}.")
