"""``usage-plugin import``: a log of earlier calls in, rows like those of live calls out."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from usage_plugin.cli.context import load
from usage_plugin.errors import InputError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from usage_plugin.history import Options, Span, Tally
    from usage_plugin.settings import Settings

NAME = "import"
EXAMPLE = """usage-plugin import litellm-spendlogs postgresql://user:password@host/litellm
usage-plugin import csv calls.csv --map cost_usd=price --set provider=azure --timezone Europe/Berlin"""
_SHOW_EVERY_S = 0.5


class FormatName(StrEnum):
    """As ``usage_plugin.history.Format``, which takes longer to load than ``--help`` should."""

    SPEND_LOGS = "litellm-spendlogs"
    CSV = "csv"
    JSONL = "jsonl"


class PriceSource(StrEnum):
    """Where prices may come from."""

    LITELLM = "litellm"


def command(
    format_name: Annotated[FormatName, typer.Argument(metavar="FORMAT", help="litellm-spendlogs, csv or jsonl.")],
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A file; for litellm-spendlogs also the URL of LiteLLM's database.")
    ],
    *,
    pairs: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Take a field of a call from this column; may be repeated."),
    ] = None,
    constants: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Give every call this value; may be repeated."),
    ] = None,
    timezone: Annotated[str, typer.Option(help="Time zone of times without an offset.")] = "UTC",
    since: Annotated[
        str | None, typer.Option(help="Leave out calls that ended before this moment.", show_default="all calls")
    ] = None,
    before: Annotated[
        str | None, typer.Option(help="Leave out calls that ended at this moment or later.", show_default="all calls")
    ] = None,
    pruned_too: Annotated[
        bool,
        typer.Option("--pruned-too", help="Import calls of a time that was pruned already; twice would count twice."),
    ] = False,
    price_from: Annotated[
        PriceSource | None,
        typer.Option(help="Estimate costs that are not in the source by LiteLLM's prices of today.", show_default="no"),
    ] = None,
    table: Annotated[
        str, typer.Option(help="Name of LiteLLM's table, as TABLE or SCHEMA.TABLE.")
    ] = "LiteLLM_SpendLogs",
    rejected: Annotated[
        Path | None, typer.Option(help="File for rejected lines.", show_default="<source>.rejected.jsonl here")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, and no progress.")] = False,
) -> None:
    """Import calls that were made before this package was there; importing them again adds nothing.

    An import that was stopped goes on where it was when it is started again. Lines that make no call are written
    to a file with their reasons.
    """
    from usage_plugin.history import Options, Span, parse_pairs

    settings, _ = load()
    try:
        zone = _zone(timezone)
        options = Options(
            columns=parse_pairs("--map", pairs or ()),
            constants=parse_pairs("--set", constants or ()),
            zone=zone,
            table=table,
            computes_costs=price_from is not None,
        )
        span = Span(_moment("--since", since, zone), _moment("--before", before, zone))
        how = _How(span, rejected, pruned_too=pruned_too, quiet=as_json)
        tally, file = _run(settings, format_name, source, options, how)
    except InputError as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(_as_json(settings, tally, file) if as_json else _as_text(settings, tally, file))
    if tally.rejected:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _How:
    """What is asked of an import, beside what its lines mean."""

    span: Span
    rejected: Path | None
    pruned_too: bool
    quiet: bool


def _run(settings: Settings, name: FormatName, source_name: str, options: Options, how: _How) -> tuple[Tally, Path]:
    from usage_plugin.history import Format, Job, Rejects, all_options, open_source
    from usage_plugin.store.database import connect
    from usage_plugin.store.migrate import migrate

    kind = Format(name)
    source, reader = open_source(kind, source_name, options, settings)
    file = how.rejected or Path(f"{source.name}.rejected.jsonl")
    engine = connect(settings.url)
    try:
        rejects = Rejects(file)
        migrate(engine)
        if how.span.before is None:
            _warn_of_live_calls(engine)
        progress = _no_progress if how.quiet or not sys.stderr.isatty() else _Progress()
        job = Job(engine, source, reader, rejects, all_options(options, kind), _span(engine, how), progress)
        return job.run(), file
    finally:
        source.close()
        engine.dispose()


def _span(engine: Engine, how: _How) -> Span:
    from usage_plugin.store.imported import records_pruned_before

    return how.span if how.pruned_too else replace(how.span, pruned_before=records_pruned_before(engine))


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise InputError(f"--timezone {name} is no time zone", "Write one such as UTC or Europe/Berlin") from None


def _moment(option: str, written: str | None, zone: tzinfo) -> datetime | None:
    from usage_plugin.clock import utc_now
    from usage_plugin.history.values import read_moment

    try:
        return None if written is None else read_moment(option, written, zone, utc_now())
    except ValueError as error:
        raise InputError(str(error)) from None


def _warn_of_live_calls(engine: Engine) -> None:
    from usage_plugin.store.imported import recorded_live_since

    since = recorded_live_since(engine)
    if since is not None:
        moment = f"{since:%Y-%m-%dT%H:%M:%SZ}"
        typer.echo(
            f"Calls are recorded here since {moment}. If the source holds calls of that time, too, they count twice: "
            f"then stop this, and add --before {moment}",
            err=True,
        )


def _no_progress(_tally: Tally) -> None:
    """A log or a pipe gets none."""


class _Progress:
    """One line on a terminal, written over again."""

    def __init__(self) -> None:
        self._shown_at = 0.0

    def __call__(self, tally: Tally) -> None:
        if tally.seconds - self._shown_at < _SHOW_EVERY_S:
            return
        self._shown_at = tally.seconds
        share = f"{tally.done_bytes / tally.total_bytes:4.0%}  " if tally.total_bytes else ""
        rate = tally.read / tally.seconds
        line = f"{share}{tally.read:,} lines, {rate:,.0f} lines/s, {tally.rejected:,} rejected"
        typer.echo(f"\r{line:<70}", nl=False, err=True)


def _result(tally: Tally) -> dict[str, Any]:
    counts = {name: getattr(tally, name) for name in ("read", "new", "known", "left_out", "rejected", "resumed")}
    return {**counts, "seconds": round(tally.seconds, 3)}


def _as_json(settings: Settings, tally: Tally, file: Path) -> str:
    rejected_file = str(file) if tally.rejected else None
    return json.dumps({"database": settings.safe_url, **_result(tally), "rejected_file": rejected_file})


def _as_text(settings: Settings, tally: Tally, file: Path) -> str:
    start = "Went on with a stopped import: " if tally.resumed else ""
    parts = [
        f"{start}{tally.read:,} lines read in {tally.seconds:,.1f} s, {tally.new:,} calls new in {settings.safe_url}"
    ]
    told: tuple[tuple[int, str], ...] = (
        (tally.known, "there already"),
        (tally.left_out, "left out by --since or --before"),
        (tally.rejected, f"rejected, see {file}"),
    )
    parts.extend(f"{count:,} {what}" for count, what in told if count)
    newline = "\n" if sys.stderr.isatty() else ""
    return f"{newline}{', '.join(parts)}."
