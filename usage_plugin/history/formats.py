"""A format's name and a source as somebody wrote them in, the source and its reader out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import StrEnum
from pathlib import Path

from usage_plugin.errors import InputError
from usage_plugin.history.columns import ColumnMap
from usage_plugin.history.files import CsvFile, JsonLines
from usage_plugin.history.lines import Reader, Source
from usage_plugin.history.mapped import MappedOptions, MappedReader
from usage_plugin.history.prices import prices_of_today
from usage_plugin.history.spend_logs import COLUMNS, REQUIRED, SpendLogsReader
from usage_plugin.history.spend_table import TABLE, SpendTable
from usage_plugin.settings import Settings

_URL = re.compile(r"[a-z+]+://")


class Format(StrEnum):
    """What can be imported."""

    SPEND_LOGS = "litellm-spendlogs"
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What decides how lines are understood."""

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC
    table: str = TABLE
    computes_costs: bool = False


def open_source(kind: Format, where: str, options: Options, settings: Settings) -> tuple[Source, Reader]:
    """Open a source; nothing is read yet but its head.

    Raises:
        InputError: It is not there, or its columns make no calls.
        StoreUnavailable: Its database does not answer.
    """
    if kind is Format.SPEND_LOGS:
        if options.columns or options.constants or options.computes_costs:
            problem = "--map, --set and --price-from are for csv and jsonl; the columns of litellm-spendlogs are known"
            raise InputError(problem, "Leave them out")
        reader = SpendLogsReader(settings, prices_of_today(), options.zone)
        return (SpendTable(where, options.table) if _URL.match(where) else SpendFile(Path(where))), reader
    columns = ColumnMap(options.columns, options.constants)
    mapped = MappedOptions(columns, options.zone, options.computes_costs)
    source: CsvFile | JsonLines
    if kind is Format.CSV:
        source = CsvFile(Path(where))
        columns.check(source.columns)
    else:
        source = JsonLines(Path(where))
    return source, MappedReader(settings, prices_of_today(), mapped)


class SpendFile(CsvFile):
    """A CSV export of LiteLLM_SpendLogs; some tools write column names in lower case."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        names = {name.lower(): name for name in COLUMNS}
        self.columns = tuple(names.get(name.lower(), name) for name in self.columns)
        if missing := [name for name in REQUIRED if name not in self.columns]:
            problem = f"{path} is no export of LiteLLM_SpendLogs: it has no column {', '.join(missing)}"
            raise InputError(problem, "Export the whole table with a header, or import it as csv with --map")


def all_options(options: Options, kind: Format) -> str:
    """Word all that decides what a line means."""
    parts: Sequence[object] = (sorted(options.columns.items()), sorted(options.constants.items()))
    return repr((str(kind), *parts, str(options.zone), options.table, options.computes_costs))
