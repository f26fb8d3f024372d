from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.capture.conftest import PRICES
from tests.capture.payloads import RECEIVED
from tests.capture.reading import Reading
from tests.history.conftest import Import
from tests.history.spend_logs import KEY_HASH, as_csv, connected, insert, live_kwargs, migrate, table_row
from tests.store.oracle import expected, found
from usage_plugin.capture.catalog import LoadedPriceMap
from usage_plugin.event import UsageEvent
from usage_plugin.history import Format, Span
from usage_plugin.history.prices import PricesOfToday, prices_of_today
from usage_plugin.history.spend_logs import COLUMNS, SpendLogsReader
from usage_plugin.history.spend_table import SpendTable
from usage_plugin.money import MAX_COST_NANO_USD
from usage_plugin.settings import Settings
from usage_plugin.store.rows import record_row
from usage_plugin.store.tables import UsageRecord
from usage_plugin.testing import FakeClock

Rows = Callable[..., list[UsageRecord]]
NO_MODEL_MAP: dict[str, Any] = {"model_map_key": "", "model_map_value": None}
CACHED_PROMPT = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 600}}


def understood(row: dict[str, Any], prices: PricesOfToday | None = None) -> UsageEvent:
    clock = FakeClock(RECEIVED + timedelta(days=1))
    reader = SpendLogsReader(Settings(), prices or prices_of_today(), UTC, clock)
    return reader.event(row)


@pytest.mark.parametrize(
    "differs",
    [
        {},
        {"metadata": {"usage_object": CACHED_PROMPT}, "response_cost": 0.000165},
        {"request_tags": ["feature:chat", "env:prod", "User-Agent: curl"]},
        {"model_id": "deployment-2", "model": "anthropic/claude-x", "custom_llm_provider": "anthropic"},
        {"response_cost": 0.5},
    ],
    ids=["plain", "cached_prompt", "tags", "other_model", "more_than_units_x_price"],
)
def test_a_row_means_what_the_callback_was_told_of_the_same_call(differs: dict[str, Any]) -> None:
    """LiteLLM's own code words the row; tokens, cost, caller and model are those of the live event."""
    catalog = LoadedPriceMap(PRICES, "1")
    who = {"user_api_key_team_id": "team-1", "user_api_key_user_id": "user-1", "user_api_key_org_id": "org-1"}
    live = Reading(catalog, FakeClock(RECEIVED)).success(live_kwargs(who, **differs), None)
    imported = understood(table_row(who, **differs), PricesOfToday(catalog))
    for name in ("who", "tokens", "cost", "provider", "model", "model_group", "deployment_id", "status", "call_type"):
        assert getattr(imported, name) == getattr(live, name), name


def test_the_key_is_the_hash_and_never_the_key() -> None:
    """Some versions of LiteLLM logged a key as it is."""
    assert understood(table_row()).who.api_key_hash == KEY_HASH
    assert understood({**table_row(), "api_key": "sk-1234"}).who.api_key_hash != "sk-1234"


@pytest.mark.parametrize(
    ("differs", "columns", "confidence", "reason", "nano_usd"),
    [
        ({}, {}, "exact", None, 210_000),
        # without a price beside it: exact where the price of today gives the same
        ({"model_map_information": NO_MODEL_MAP}, {}, "exact", None, 210_000),
        ({"model_map_information": NO_MODEL_MAP}, {"spend": 0.0003}, "estimated", "price_not_in_source", 300_000),
        ({}, {"spend": 0.0001}, "partial", "less_than_units_x_price", 100_000),
        ({}, {"spend": 0.0}, "unpriced", "litellm_computed_no_cost", None),
        ({"model_map_information": NO_MODEL_MAP}, {"spend": 0.0}, "unpriced", "no_price_for_model", None),
        ({"model_map_information": NO_MODEL_MAP}, {"spend": 1e-12}, "unpriced", "no_price_for_model", None),
        ({}, {"spend": None}, "unpriced", "litellm_computed_no_cost", None),
        ({}, {"spend": 0.0, "cache_hit": "True"}, "cached", None, 0),
    ],
)
def test_a_zero_of_litellms_is_believed_only_with_a_reason(
    differs: dict[str, Any], columns: dict[str, Any], confidence: str, reason: str | None, nano_usd: int | None
) -> None:
    """Each cost says how it is known."""
    cost = understood({**table_row(**differs), **columns}).cost
    assert (cost.confidence, cost.unpriced_reason, cost.cost_nano_usd) == (confidence, reason, nano_usd)


def test_a_cache_hit_says_what_it_saved() -> None:
    """1,000 x $0.00000015 + 100 x $0.0000006 = $0.00021."""
    cost = understood({**table_row(), "spend": 0.0, "cache_hit": "True"}).cost
    assert cost.saved_cost_nano_usd == 210_000


def test_a_model_that_is_free_in_the_price_map_is_free() -> None:
    """Zero is its price."""
    free: dict[str, Any] = {"model": "free-model", "model_map_information": NO_MODEL_MAP, "response_cost": 0.0}
    cost = understood(table_row(**free), PricesOfToday(LoadedPriceMap(PRICES, "1"))).cost
    assert (cost.confidence, cost.cost_nano_usd) == ("free", 0)


@pytest.mark.parametrize(
    ("error", "columns", "status", "confidence"),
    [
        ({"error_code": "429", "error_class": "RateLimitError"}, {}, "failure", "free"),
        ({"error_code": "", "error_class": "Timeout"}, {}, "failure", "unpriced"),
        (
            {"error_code": "401", "error_class": "ProxyException"},
            {"model_id": "", "custom_llm_provider": ""},
            "rejected",
            "free",
        ),
    ],
)
def test_a_failed_call_is_free_only_where_the_provider_answered(
    error: dict[str, str], columns: dict[str, Any], status: str, confidence: str
) -> None:
    """A provider that did not answer may have billed the call; the proxy's own refusal costs nothing."""
    row = table_row(prompt_tokens=0, completion_tokens=0, total_tokens=0, response_cost=0.0)
    metadata = {**json.loads(row["metadata"]), "status": "failure", "error_information": error}
    event = understood({**row, "status": "failure", "metadata": metadata, **columns})
    assert (event.status, event.cost.confidence) == (status, confidence)
    assert event.failure.error_class == error["error_class"]


def test_rows_of_an_old_version_keep_their_cache_reads() -> None:
    """Before there was a usage object, details stood in additional_usage_values."""
    row = table_row()
    metadata = {"additional_usage_values": {"cache_read_input_tokens": 600}}
    tokens = understood({**row, "metadata": json.dumps(metadata)}).tokens
    assert (tokens.input_uncached_tokens, tokens.input_cache_read_tokens) == (400, 600)


def test_a_row_without_an_end_has_no_latency() -> None:
    """It is not a call that took no time."""
    assert understood({**table_row(), "endTime": None}).timing.latency_ms is None
    assert understood(table_row()).timing.latency_ms == 500


def test_a_stream_is_known_by_its_first_token() -> None:
    """The table says nothing of streams; only they have a first token before their end."""
    row = table_row()
    streamed = understood({**row, "completionStartTime": row["startTime"] + timedelta(milliseconds=200)})
    assert streamed.stream
    assert streamed.timing.ttft_ms == 200
    assert not understood(row).stream


def test_the_table_and_its_export_are_imported_once(
    imports: Import, rows: Rows, litellm_url: str, tmp_path: Path
) -> None:
    """From LiteLLM's own database, then again, then as CSV: the same calls, and totals that agree with them."""
    calls = [{**table_row(), "request_id": f"chatcmpl-{n}"} for n in range(5)]
    insert(litellm_url, calls)
    assert imports(Format.SPEND_LOGS, litellm_url).new == 5
    again = imports(Format.SPEND_LOGS, litellm_url)
    assert (again.new, again.known) == (0, 5)
    export = tmp_path / "spend.csv"
    export.write_text(as_csv(calls), encoding="utf-8")
    from_csv = imports(Format.SPEND_LOGS, export)
    assert (from_csv.new, from_csv.known, from_csv.rejected) == (0, 5, 0)
    assert {row.cost_nano_usd for row in rows()} == {210_000}


def test_odd_rows_are_kept_or_named(
    imports: Import, rows: Rows, litellm_url: str, tmp_path: Path, engine: Engine
) -> None:
    """What LiteLLM's schema allows: negative and infinite spend, JSON of another shape, times that run backwards."""
    row = table_row()
    odd: dict[str, dict[str, Any]] = {
        "metadata-null": {"metadata": "null"},
        "metadata-text": {"metadata": json.dumps(json.dumps({"user_api_key_alias": "twice"}))},
        "metadata-list": {"metadata": "[]"},
        "tags-object": {"request_tags": "{}"},
        "negative": {"spend": -1.0},
        "infinite": {"spend": float("inf")},
        "negative-tokens": {"prompt_tokens": -5},
        "backwards": {"endTime": row["startTime"] - timedelta(seconds=5)},
        "long-name": {"model": "m" * 5000},
        "1999": {"startTime": row["startTime"].replace(year=1999)},
        "no-tokens": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "spend": 0.0},
    }
    insert(litellm_url, [{**row, "request_id": name, **columns} for name, columns in odd.items()])
    tally = imports(Format.SPEND_LOGS, litellm_url)
    entries = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert {entry["request_id"] for entry in entries} == {
        "metadata-list",
        "tags-object",
        "negative",
        "infinite",
        "negative-tokens",
        "1999",
    }
    assert tally.rejected == len(entries)
    assert tally.read == len(odd) == tally.new + tally.rejected
    assert {row.litellm_call_id for row in rows()} == {"call-1"}
    assert expected(engine) == found(engine)


def test_an_old_table_with_fewer_columns_is_read(imports: Import, rows: Rows, postgres_url: str) -> None:
    """As LiteLLM's first migration makes it."""
    migrate(postgres_url, until="20250326162113_baseline")
    with connected(postgres_url) as connection:
        columns = [column.name for column in connection.execute('SELECT * FROM "LiteLLM_SpendLogs"').description or ()]
    assert "status" not in columns
    old = {name: value for name, value in table_row().items() if name in columns}
    insert(postgres_url, [old])
    assert imports(Format.SPEND_LOGS, postgres_url).new == 1
    assert rows()[0].status == "success"


def test_nothing_is_ever_written_to_litellms_database(litellm_url: str) -> None:
    """The connection refuses to, and the table is the same afterwards."""
    insert(litellm_url, [table_row()])
    source = SpendTable(litellm_url)
    with pytest.raises(Exception, match="read-only"):
        source._connection.execute('DELETE FROM "LiteLLM_SpendLogs"')
    source.close()
    with connected(litellm_url) as connection:
        assert connection.execute('SELECT count(*) FROM "LiteLLM_SpendLogs"').fetchone() == (1,)


def test_calls_of_one_moment_are_all_read(
    imports: Import, rows: Rows, litellm_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page ends in the middle of them, and a batch too."""
    monkeypatch.setattr("usage_plugin.history.spend_table.PAGE", 3)
    monkeypatch.setattr("usage_plugin.history.run.BATCH", 2)
    monkeypatch.setattr("usage_plugin.history.run.MOST", 4)
    insert(litellm_url, [{**table_row(), "request_id": str(n)} for n in range(10)])
    assert imports(Format.SPEND_LOGS, litellm_url).new == 10
    assert len(rows()) == 10


def test_only_what_ended_in_the_span_is_imported(imports: Import, litellm_url: str) -> None:
    """Calls that ended before its first moment, and at its last or later, stay out, and are counted."""
    ends = [RECEIVED.replace(microsecond=0) + timedelta(seconds=seconds) for seconds in (1, 2, 3)]
    insert(litellm_url, [{**table_row(), "request_id": str(end), "endTime": end} for end in ends])
    tally = imports(Format.SPEND_LOGS, litellm_url, Span(before=ends[1]))
    assert (tally.new, tally.left_out) == (1, 2)
    tally = imports(Format.SPEND_LOGS, litellm_url, Span(since=ends[1], before=ends[2]))
    assert (tally.new, tally.left_out) == (1, 2)


def test_litellms_own_url_may_be_given_as_it_is(imports: Import, litellm_url: str) -> None:
    """It names its schema as Prisma does, and tells Prisma how many connections to make."""
    with connected(litellm_url) as connection:
        connection.execute('CREATE SCHEMA litellm; ALTER TABLE "LiteLLM_SpendLogs" SET SCHEMA litellm')
    insert(f"{litellm_url}&options=-csearch_path%3Dlitellm", [table_row()])
    url = f"{litellm_url}&connection_limit=10&pool_timeout=60&schema=litellm"
    assert imports(Format.SPEND_LOGS, url).new == 1


PLAIN: dict[str, Any] = {
    "request_id": "chatcmpl-1",
    "call_type": "acompletion",
    "spend": 0.00021,
    "prompt_tokens": 1000,
    "completion_tokens": 100,
    "startTime": "2026-03-01 10:00:00.123",
    "endTime": "2026-03-01 10:00:01.5",
    "model": "gpt-4o-mini",
    "custom_llm_provider": "openai",
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KNOWN = (
    "usage_object",
    "model_map_information",
    "error_information",
    "cost_breakdown",
    "additional_usage_values",
    "status",
)
METADATA = st.dictionaries(st.sampled_from(KNOWN), ANYTHING)


@settings(max_examples=200, deadline=None)
@given(differs=st.dictionaries(st.sampled_from(COLUMNS), ANYTHING, max_size=6), metadata=METADATA)
@example(differs={"spend": 1e300}, metadata={})
@example(differs={"prompt_tokens": 2**63}, metadata={"usage_object": {"prompt_tokens_details": {"cached_tokens": -1}}})
def test_any_row_is_a_call_or_says_why_not(differs: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Whatever stands in its columns: an error has a text, and a call fits the store."""
    try:
        event = understood({**PLAIN, "metadata": metadata, **differs})
    except (ValueError, TypeError, AttributeError) as error:
        assert str(error)  # noqa: PT017 - a call is as good
        return
    assert record_row(event, RECEIVED)
    assert event.cost.cost_nano_usd is None or 0 <= event.cost.cost_nano_usd <= MAX_COST_NANO_USD
    assert 0 <= (event.tokens.total_tokens or 0) < 2**63
