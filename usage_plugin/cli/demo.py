"""``usage-plugin demo``: a generated company's 90 days in a database of their own out."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from usage_plugin.cli.context import load
from usage_plugin.cli.progress import progress_bar
from usage_plugin.database_url import check_database_url
from usage_plugin.errors import InputError

NAME = "demo"
EXAMPLE = "usage-plugin demo && python -m dashboard --demo"
_FILLING = "Generating calls"


def command(
    database_url: Annotated[
        str | None,
        typer.Option(help="An empty database to fill instead.", show_default="demo.db in the data folder"),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Fill anew even where the last time is not long ago.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Fill a separate demo database with a generated company's 90 days up to now.

    The real database is never touched.
    """
    from usage_plugin.clock import utc_now
    from usage_plugin.demo import demo_path, demo_url, fill_empty, is_fresh, plan, refill
    from usage_plugin.demo.findings import find
    from usage_plugin.detect import Options
    from usage_plugin.store.database import connect
    from usage_plugin.store.sheets.build import add_up

    settings, _ = load()
    place = settings.model_copy(update={"database_url": _checked(database_url) or demo_url(settings)})
    if place.url == settings.url:
        problem = f"{place.safe_url} is the real database; demo data would mix with it"
        raise InputError(problem, "Name another with --database-url, or leave that out")
    now = utc_now()
    filled = None
    if database_url:
        with progress_bar(_FILLING) as progress:
            filled = fill_empty(place.url, now, progress)
    elif fresh or not is_fresh(place.url, now):
        with progress_bar(_FILLING) as progress:
            filled = refill(demo_path(settings), now, progress)
    engine = connect(place.url)
    if filled:
        plan(engine, now)
    with progress_bar("Adding up") as progress:
        add_up(engine, now, settings.zone, progress)
    if filled:
        find(engine, now, settings.zone, Options.of(settings))
    if as_json:
        typer.echo(json.dumps({"database": place.safe_url, "calls_written": filled.calls if filled else 0}))
    elif filled:
        typer.echo(f"{filled.calls:,} calls of {filled.days} days are in {place.safe_url}.")
    else:
        typer.echo(f"{place.safe_url} was filled a short while ago and is kept; --fresh fills it anew.")


def _checked(database_url: str | None) -> str | None:
    """Refuse what is no URL of a database that can be filled; an option's value is not a setting's."""
    try:
        if database_url:
            check_database_url(database_url)
    except ValueError as error:
        hint = f"{error}. Give sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
        raise typer.BadParameter(hint, param_hint="--database-url") from None
    return database_url
