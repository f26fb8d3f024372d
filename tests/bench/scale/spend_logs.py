"""Calls in, LiteLLM's own table with a row for each out: made by its migrations, worded by its code, on PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import URL

from tests.bench.scale.databases import database, dropped
from tests.bench.scale.disk import sizes
from tests.bench.scale.generate import generate
from tests.bench.scale.table import show
from usage_plugin.event import UsageEvent
from usage_plugin.store.database import connect

CALLS = 20_000
NAME = "litellm_spend_logs"
TABLE = "LiteLLM_SpendLogs"


def show_spend_logs(server: URL) -> float:
    """Print bytes per call, and give them."""
    # Before litellm is imported: it would ask the network for prices.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    from tests.history.spend_logs import insert, migrate

    dropped(server, NAME)
    url = database(server, NAME)
    migrate(url)
    insert(url, list(_rows()))
    engine = connect(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (FULL, ANALYZE)"))
    table, indexes = (size / CALLS for size in sizes(engine)[TABLE])
    engine.dispose()
    dropped(server, NAME)
    title = f"LiteLLM's own row of such calls on PostgreSQL, {CALLS:,} calls: bytes per call"
    show(title, ("", "rows", "indexes", "both"), [(TABLE, table, indexes, table + indexes)])
    return table + indexes


def _rows() -> Iterator[dict[str, Any]]:
    from tests.history.spend_logs import table_row

    for event in islice(generate(CALLS), CALLS):
        yield {**table_row(_request(event), _usage(event), **_payload(event)), **_times(event)}


def _request(event: UsageEvent) -> Mapping[str, Any]:
    """Say who calls, as LiteLLM's authentication does."""
    who = event.who
    return {
        "user_api_key": who.api_key_hash,
        "user_api_key_hash": who.api_key_hash,
        "user_api_key_alias": who.api_key_alias,
        "user_api_key_user_id": who.user_id,
        "user_api_key_team_id": who.team_id,
        "user_api_key_team_alias": who.team_alias,
        "user_api_key_org_id": who.organization_id,
        "user_api_key_project_id": who.project_id,
        "user_api_key_end_user_id": who.end_user_id,
        "requester_ip_address": who.client_ip,
        "user_agent": who.user_agent,
        "tags": list(who.tags),
    }


def _payload(event: UsageEvent) -> Mapping[str, Any]:
    return {
        "id": event.litellm_call_id,
        "litellm_call_id": event.litellm_call_id,
        "trace_id": event.trace_id,
        "session_id": event.session_id,
        "call_type": event.call_type,
        "custom_llm_provider": event.provider or "",
        "model": event.model,
        "model_group": event.model_group,
        "model_id": event.deployment_id or "",
        "end_user": event.who.end_user_id or "",
        "request_tags": list(event.who.tags),
        "response_cost": (event.cost.cost_nano_usd or 0) / 1e9,
        "prompt_tokens": event.tokens.prompt_tokens or 0,
        "completion_tokens": event.tokens.completion_tokens or 0,
        "total_tokens": event.tokens.total_tokens or 0,
    }


def _usage(event: UsageEvent) -> Mapping[str, Any]:
    tokens = event.tokens
    return {
        "prompt_tokens_details": {"cached_tokens": tokens.input_cache_read_tokens or 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": tokens.output_reasoning_tokens or 0, "audio_tokens": 0},
    }


def _times(event: UsageEvent) -> Mapping[str, Any]:
    timing = event.timing
    naive = {name: getattr(timing, name).replace(tzinfo=None) for name in ("received_at", "completed_at")}
    return {"startTime": naive["received_at"], "endTime": naive["completed_at"]}
