"""``usage-plugin migrate``: the database of the settings in, the schema of this version, and who may read it, out."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from usage_plugin.cli.context import load

NAME = "migrate"
EXAMPLE = "USAGE_DATABASE_URL=postgresql://user:password@host/usage usage-plugin migrate"


def command(
    grant_read: Annotated[
        str | None,
        typer.Option(metavar="ROLE", help="Let this role of PostgreSQL read the tables, also those of later versions."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Create or upgrade the schema; safe from any number of processes at once."""
    from usage_plugin.store.database import connect
    from usage_plugin.store.grant import grant_read as let_read
    from usage_plugin.store.migrate import SchemaState, head_revision, migrate, schema_state

    settings, _ = load()
    engine = connect(settings.url)
    if grant_read and engine.dialect.name != "postgresql":
        msg = f"{settings.safe_url} has no roles; who may read the file may read all"
        raise typer.BadParameter(msg, param_hint="--grant-read")
    before = schema_state(engine)
    migrate(engine)
    schema = let_read(engine, grant_read) if grant_read else None
    if as_json:
        result = {"database": settings.safe_url, "before": before.value, "revision": head_revision()}
        typer.echo(json.dumps(result | ({"read_by": grant_read} if grant_read else {})))
        return
    how = (
        "is up to date (schema {})"
        if before is SchemaState.CURRENT
        else f"was {before.value} and is now at schema {{}}"
    )
    typer.echo(f"{settings.safe_url} {how.format(head_revision())}.")
    if schema:
        typer.echo(f"{grant_read} may read the schema {schema}.")
