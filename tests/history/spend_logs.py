"""LiteLLM's own table out: made by its own migrations, filled with rows that its own code words."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import litellm_proxy_extras
import psycopg
from psycopg import sql

from tests.capture.payloads import RECEIVED, success

MIGRATIONS = Path(litellm_proxy_extras.__file__).parent / "migrations"
TABLE = "LiteLLM_SpendLogs"
KEY_HASH = "a" * 64
Row = dict[str, Any]


def migrate(url: str, until: str = "9") -> None:
    """Run LiteLLM's migrations as it does, in order.

    Args:
        url: Of an empty database.
        until: Prefix of names; those of later versions are left out.
    """
    with connected(url) as connection:
        for file in sorted(MIGRATIONS.glob("*/migration.sql")):
            if file.parent.name <= until:
                connection.execute(file.read_text(encoding="utf-8"))


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    """Connect to a database whose URL may name SQLAlchemy's driver."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


def insert(url: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows, whichever columns each of them has."""
    with connected(url) as connection:
        for row in rows:
            names = sql.SQL(", ").join(map(sql.Identifier, row))
            values = sql.SQL(", ").join(map(sql.Placeholder, row))
            connection.execute(
                sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(TABLE), names, values), row
            )


def insert_many(url: str, count: int, *, metadata: str, per_second: int = 10) -> None:
    """Add plain rows that differ in id and start, made by the database itself.

    Args:
        url: Of the database.
        count: How many.
        metadata: Of each row, as JSON.
        per_second: How many of them start at the same moment.
    """
    with connected(url) as connection:
        connection.execute(
            sql.SQL(
                "INSERT INTO {} (request_id, call_type, api_key, spend, total_tokens, prompt_tokens, completion_tokens,"
                ' "startTime", "endTime", "completionStartTime", model, model_id, model_group, custom_llm_provider,'
                ' "user", metadata, cache_hit, request_tags, team_id, session_id, status)'
                " SELECT 'chatcmpl-' || md5(n::text), 'acompletion', {}, 0.00021, 1100, 1000, 100,"
                " start, start + interval '0.5 s', start + interval '0.5 s', 'gpt-4o-mini', 'deployment-1', 'gpt-ok',"
                " 'openai', 'user-' || n % 50, {}::jsonb, 'False', {}::jsonb, 'team-' || n % 7,"
                " 'trace-' || n, 'success' FROM generate_series(1, {}) n,"
                " LATERAL (SELECT timestamp '2026-01-01' + n / {} * interval '1 s') s (start)"
            ).format(sql.Identifier(TABLE), KEY_HASH, metadata, '["feature:chat"]', count, per_second)
        )


def table_row(request: Mapping[str, Any] | None = None, /, usage: Mapping[str, Any] | None = None, **slo: Any) -> Row:
    """Word a call as LiteLLM's own code does for the table.

    Args:
        request: More of the request's metadata.
        usage: What the provider sent, where it is more than the totals.
        **slo: What differs in LiteLLM's payload.
    """
    return _worded(live_kwargs(request, **slo), usage)


def live_kwargs(request: Mapping[str, Any] | None = None, /, **slo: Any) -> dict[str, Any]:
    """Make the arguments of a success hook, as the proxy gives them to the callback and to the table's writer alike."""
    who = {"user_api_key": KEY_HASH, "user_api_key_hash": KEY_HASH, "user_api_key_alias": "prod", **(request or {})}
    named = {name: value for name, value in who.items() if name != "user_api_key"}
    kwargs = success(who, **slo)
    payload = kwargs["standard_logging_object"]
    payload["metadata"] = {**named, **payload["metadata"]}
    payload.setdefault("hidden_params", {})
    return {
        **kwargs,
        "response_cost": payload["response_cost"],
        "cache_hit": payload.get("cache_hit", False),
        "call_type": payload["call_type"],
        "model": payload["model"],
        "custom_llm_provider": payload["custom_llm_provider"],
        "litellm_call_id": payload["litellm_call_id"],
    }


def _worded(kwargs: dict[str, Any], usage: Mapping[str, Any] | None) -> Row:
    from litellm.proxy.spend_tracking.spend_tracking_utils import get_logging_payload

    payload = kwargs["standard_logging_object"]
    totals = {name: payload[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    answer = {"id": payload["id"], "usage": {**totals, **(usage or {})}}
    ended = RECEIVED + timedelta(seconds=0.5)
    return dict(get_logging_payload(kwargs, answer, RECEIVED, ended))


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as psql's copy to CSV with a header does: moments without a zone, JSON as text."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _as_text(value) for name, value in row.items()} for row in rows)
    return file.getvalue()


def _as_text(value: Any) -> Any:
    if hasattr(value, "strftime"):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return json.dumps(value) if isinstance(value, dict | list) else value
