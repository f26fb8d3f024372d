from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.history.conftest import Import
from tests.store.oracle import expected, found
from usage_plugin.capture.catalog import LoadedPriceMap
from usage_plugin.clock import utc_now
from usage_plugin.errors import InputError
from usage_plugin.history import Format, Options, open_source
from usage_plugin.history import files as history_files
from usage_plugin.history.columns import ColumnMap
from usage_plugin.history.files import CsvFile, JsonLines
from usage_plugin.history.lines import Place, Source
from usage_plugin.history.mapped import MappedOptions, MappedReader
from usage_plugin.history.prices import PricesOfToday
from usage_plugin.settings import Settings
from usage_plugin.store import read
from usage_plugin.store.rows import record_row
from usage_plugin.store.tables import UsageRecord
from usage_plugin.store.verify import verify

Rows = Callable[..., list[UsageRecord]]
DATA = Path(__file__).parents[1] / "data"
TRACE = DATA / "azure_llm_trace_2023_conv_2000.csv"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
HEADER = "id,timestamp,duration_ms,provider,model,input_tokens,output_tokens,cached_tokens,cost,team,tags,status"
LINES = (
    '1,2026-03-01T10:00:00Z,1500,openai,gpt-4o-mini,1000,100,600,0.000165,red,"feature:chat,env:prod",success',
    "2,1772359201.25,250.5,anthropic,claude-x,10,0,,0.123456789123,blue,,success",
    "3,2026-03-01 11:00:02,,openai,gpt-4o-mini,0,0,,0,blue,,429",
)


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def as_jsonl(header: str, lines: tuple[str, ...], path: Path) -> Path:
    """Write the same calls as JSON, with numbers where CSV has text."""
    source = CsvFile(write(path.with_suffix(".csv.tmp"), header, *lines))
    objects = [dict(line.values) for line in source.lines(Place())]
    source.close()
    numbers = {"duration_ms", "input_tokens", "output_tokens", "cached_tokens", "cost"}
    parts = (
        ", ".join(
            f"{json.dumps(name)}: {value if name in numbers and value else json.dumps(value)}"
            for name, value in o.items()
        )
        for o in objects
    )
    return write(path, *(f"{{{part}}}" for part in parts))


def everything(row: UsageRecord) -> dict[str, object]:
    return {name: value for name, value in row.model_dump().items() if name not in ("id", "created_at", "event_key")}


def test_the_trace_is_imported_as_it_is(imports: Import, rows: Rows, engine: Engine) -> None:
    """Its columns are known; model and provider are said beside it; what nobody knows stays unknown."""
    tally = imports(Format.CSV, TRACE, constants={"model": "gpt-4o-mini", "provider": "azure"})
    assert (tally.new, tally.rejected) == (2000, 0)
    first = rows()[0]
    assert first.started_at == datetime(2023, 11, 16, 18, 15, 46, 680590, tzinfo=UTC)
    assert (first.prompt_tokens, first.completion_tokens, first.provider, first.model) == (
        374,
        44,
        "azure",
        "gpt-4o-mini",
    )
    assert (first.cost_nano_usd, first.cost_confidence) == (None, "unpriced")
    assert {row.latency_ms for row in rows()} == {None}
    assert read.latency_p95_ms(engine, read.Question(start=first.started_at, end=utc_now())) is None
    assert verify(engine).is_right
    assert expected(engine) == found(engine)
    assert imports(Format.CSV, TRACE, constants={"model": "gpt-4o-mini", "provider": "azure"}).new == 0


def test_a_trace_can_be_priced_as_of_today(imports: Import, rows: Rows) -> None:
    """374 x $0.00000015 + 44 x $0.0000006 = $0.0000825, an estimate."""
    imports(Format.CSV, TRACE, constants={"model": "gpt-4o-mini", "provider": "azure"}, computes_costs=True)
    first = rows()[0]
    assert (first.cost_nano_usd, first.cost_confidence) == (82_500, "estimated")
    assert first.price_key is not None


def test_csv_and_jsonl_are_the_same_calls(imports: Import, rows: Rows, tmp_path: Path) -> None:
    """Whichever way a call comes, its row is the same; the second way adds nothing."""
    assert imports(Format.CSV, write(tmp_path / "calls.csv", HEADER, *LINES)).new == 3
    one, two, three = rows()
    tally = imports(Format.JSONL, as_jsonl(HEADER, LINES, tmp_path / "calls.jsonl"))
    assert (tally.new, tally.known, tally.rejected) == (0, 3, 0)
    assert (one.input_uncached_tokens, one.input_cache_read_tokens, one.latency_ms) == (400, 600, 1500)
    assert (one.feature, one.environment, one.team_id) == ("chat", "prod", "red")
    assert (two.cost_nano_usd, two.cost_confidence, two.latency_ms) == (123_456_789, "estimated", 250.5)
    assert two.started_at == datetime(2026, 3, 1, 10, 0, 1, 250000, tzinfo=UTC)
    assert (three.status, three.cost_nano_usd, three.cost_confidence) == ("failure", 0, "free")


def test_a_cost_that_todays_price_explains_is_exact(imports: Import, rows: Rows, tmp_path: Path) -> None:
    """400 x $0.00000015 + 600 x $0.000000075 + 100 x $0.0000006 = $0.000165."""
    imports(Format.CSV, write(tmp_path / "calls.csv", HEADER, LINES[0]))
    assert (rows()[0].cost_nano_usd, rows()[0].cost_confidence) == (165_000, "exact")


def test_equal_lines_are_calls_of_their_own(imports: Import, tmp_path: Path) -> None:
    """Without an id the key is the line and its repetition: a longer export adds only what is more."""
    line = "2026-03-01T10:00:00Z,gpt-4o-mini,10,1"
    header = "time,model,input_tokens,output_tokens"
    assert imports(Format.CSV, write(tmp_path / "a.csv", header, line, line)).new == 2
    tally = imports(Format.CSV, write(tmp_path / "b.csv", header, line, line, line))
    assert (tally.new, tally.known) == (1, 2)


def test_a_latency_is_what_the_log_says_of_it(imports: Import, rows: Rows, tmp_path: Path) -> None:
    """Its own column, else the span between two moments; one moment is no span."""
    columns = "time,end_time,duration_ms,tokens_in"
    moment, later = "2026-03-01T10:00:00Z", "2026-03-01T10:00:02Z"
    lines = (f"{moment},{later},,1", f"{moment},,,2", f"{moment},{moment},,3", f"{moment},{moment},0,4", f",{later},,5")
    imports(Format.CSV, write(tmp_path / "a.csv", columns, *lines))
    taken = {row.prompt_tokens: row.latency_ms for row in rows()}
    assert taken == {1: 2000, 2: None, 3: None, 4: 0, 5: None}


def test_moments_without_an_offset_are_of_the_named_zone(imports: Import, rows: Rows, tmp_path: Path) -> None:
    """10:00 in Kathmandu is 04:15 in UTC; an offset in the file counts more."""
    file = write(tmp_path / "a.csv", "time,tokens_in", "2026-03-01 10:00:00,1", "2026-03-01 10:00:00+00,1")
    imports(Format.CSV, file, zone=ZoneInfo("Asia/Kathmandu"))
    assert [row.started_at.strftime("%H:%M") for row in rows()] == ["04:15", "10:00"]


def test_columns_may_be_named(imports: Import, rows: Rows, tmp_path: Path) -> None:
    """A named column is taken for nothing else; JSON may be nested."""
    file = write(tmp_path / "a.csv", "when,cost,tokens,in", "2026-03-01T10:00:00Z,90,0.5,7")
    imports(Format.CSV, file, columns={"started_at": "when", "prompt_tokens": "cost", "cost_usd": "tokens"})
    assert (rows()[0].prompt_tokens, rows()[0].cost_nano_usd) == (90, 500_000_000)
    nested = write(tmp_path / "a.jsonl", '{"created": 1772359201, "usage": {"prompt_tokens": 4, "x": {"y": 2}}}')
    imports(Format.JSONL, nested, columns={"completion_tokens": "usage.x.y"})
    assert [(row.prompt_tokens, row.completion_tokens) for row in rows(prompt_tokens=4)] == [(4, 2)]


@pytest.mark.parametrize(
    ("header", "columns", "says"),
    [
        ("a,b", {}, "no column says when"),
        ("time,b", {}, "no column says how many tokens"),
        ("time,tokens_in", {"cost_usd": "price"}, "there is no column price"),
        ("time,time", {}, "no header with a name of its own"),
        ("", {}, "no header"),
    ],
)
def test_a_file_that_cannot_make_calls_is_refused_at_once(
    header: str, columns: dict[str, str], says: str, tmp_path: Path
) -> None:
    """Before anything is stored; the error names the columns that are there."""
    with pytest.raises(InputError, match=says):
        open_source(Format.CSV, str(write(tmp_path / "a.csv", header, "1,2")), Options(columns=columns), Settings())


BROKEN = (
    ("yesterday,1,1,", "started_at: yesterday is no moment"),
    (",1,1,", "started_at: empty"),
    ("1999-01-01,1,1,", "before the year 2000"),
    ("2126-01-01,1,1,", "in the future"),
    ("2026-01-01,-1,1,", "prompt_tokens: -1 is no count"),
    ("2026-01-01,1.5,1,", "prompt_tokens: 1.5 is no count"),
    ("2026-01-01,many,1,", "prompt_tokens: many is no number"),
    ("2026-01-01,1,1,NaN", "cost_usd: NaN is no number"),
    ("2026-01-01,1,1,-0.1", "cost_usd: -0.1 is no amount"),
    ("2026-01-01,1,1,1e999999999", "cost_usd: 1e999999999 is no number"),
    ("2026-01-01,1,1", "3 values for the header's 4 columns"),
    ("2026-01-01,1,1,1,1", "5 values for the header's 4 columns"),
    ('2026-01-01,1,"1"x,', "not CSV"),
    ('2026-01-01,1,"1,', "not CSV"),
    ("2026-01-01,1,\udcff,", "not UTF-8"),
)


def test_a_rejected_line_is_named_with_its_reason(imports: Import, tmp_path: Path) -> None:
    """The lines around it are stored."""
    good = "2026-01-01T00:00:00Z,1,1,"
    lines = ["time,input,output,cost", good, *(part for line, _ in BROKEN for part in (line, good))]
    file = tmp_path / "a.csv"
    file.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    tally = imports(Format.CSV, file, columns={"prompt_tokens": "input", "completion_tokens": "output"})
    entries = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert (tally.new, tally.rejected) == (len(BROKEN) + 1, len(BROKEN))
    for number, (entry, (_, reason)) in enumerate(zip(entries, BROKEN, strict=True)):
        assert (entry["line"], reason in entry["reason"]) == (2 * number + 3, True), (entry, reason)


def test_tokens_that_do_not_add_up_are_rejected(imports: Import, tmp_path: Path) -> None:
    """A total alone, and parts that are more than the whole: nobody can say what was input."""
    imports(Format.CSV, write(tmp_path / "a.csv", "time,tokens", "2026-01-01,5"))
    assert "total_tokens: 5 is alone" in (tmp_path / "rejected.jsonl").read_text()
    imports(Format.CSV, write(tmp_path / "b.csv", "time,tokens_in,cached_tokens", "2026-01-01,5,9"))
    assert "less than its parts, 9" in (tmp_path / "rejected.jsonl").read_text()


def test_a_line_longer_than_memory_should_hold_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never read as a whole; the next line is."""
    monkeypatch.setattr(history_files, "MAX_LINE", 1000)
    sources: list[Source] = [
        JsonLines(write(tmp_path / "a.jsonl", '{"a": 1}', f'{{"a": "{"x" * 5000}"}}', '{"a": 2}')),
        CsvFile(write(tmp_path / "a.csv", "a", "1", "x" * 5000, "2")),
    ]
    for source in sources:
        assert [bool(line.problem) for line in source.lines(Place())] == [False, True, False]
        source.close()


def test_a_value_may_have_line_breaks(tmp_path: Path) -> None:
    """A line is known by the number of its first physical line, and reading goes on behind its last."""
    source = CsvFile(write(tmp_path / "a.csv", "a,b", '1,"x', 'y"', "2,z"))
    one, two = source.lines(Place())
    assert (one.label, one.values["b"], two.label) == (2, "x\ny", 4)
    assert one.place is not None
    assert list(source.lines(one.place)) == [two]


@pytest.mark.parametrize("broken", ['1,"x', '1,"x,', '"1,x'])
def test_an_open_quote_takes_no_other_line_with_it(broken: str, tmp_path: Path) -> None:
    """Though the parser looks for its end in the lines behind it, which may have quotes of their own."""
    source = CsvFile(write(tmp_path / "a.csv", "a,b", broken, '2,"y"', '3,"z"', "4,z"))
    first, *others = source.lines(Place())
    assert (first.label, bool(first.problem)) == (2, True)
    assert [line.values["a"] for line in others] == ["2", "3", "4"]


JUNK = st.one_of(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=60),
    st.lists(st.sampled_from(['"', ",", "\n", "\r", "2026-01-01", "1", "-1", "\x00", "{", "}", ":", "null", "é"])).map(
        "".join
    ),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(junk=st.lists(JUNK, max_size=8))
@example(junk=['"', '"'])
def test_junk_is_rejected_and_nothing_else_happens(junk: list[str], tmp_path: Path) -> None:
    """Each line of a file is a call, a reason or blank; reading ends, and the place of each leads to the next."""
    for kind in (CsvFile, JsonLines):
        path = tmp_path / "junk"
        path.write_bytes("\n".join(["time,tokens_in,cost", *junk]).encode())
        source: CsvFile | JsonLines = kind(path)
        reader = MappedReader(Settings(), PricesOfToday(LoadedPriceMap({}, "1")), MappedOptions(ColumnMap({}, {}), UTC))
        lines = list(source.lines(Place()))
        for line in lines:
            if not line.problem:
                try:
                    assert record_row(reader.event(line.values), NOW)
                except ValueError:
                    continue
        for before, after in pairwise(lines):
            assert before.place is not None
            assert next(source.lines(before.place)).label == after.label
        source.close()
