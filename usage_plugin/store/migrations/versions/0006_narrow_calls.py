"""What calls share moves out of their rows; ``usage_record`` and ``usage_record_tag`` become views over the parts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from usage_plugin.store.migrations.narrow_on_postgresql import OnPostgresql
from usage_plugin.store.migrations.narrow_on_sqlite import OnSqlite

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CALLER = (
    "organization_id",
    "team_id",
    "team_alias",
    "user_id",
    "api_key_hash",
    "api_key_alias",
    "project_id",
    "feature",
    "environment",
    "user_agent",
)
TARGET = (
    "call_type",
    "route",
    "stream",
    "provider",
    "model",
    "model_group",
    "requested_model",
    "deployment_id",
    "service_tier",
    "price_key",
)
OUTCOME = (
    "status",
    "is_terminal",
    "cache_hit",
    "error_class",
    "error_code",
    "rate_limit_type",
    "tokens_source",
    "cost_confidence",
    "unpriced_reason",
)
SHARED = {"caller": CALLER, "target": TARGET, "outcome": OUTCOME}
FLAGS = ("stream", "is_terminal", "cache_hit")
NEEDED = ("call_type", *FLAGS, "status", "tokens_source", "cost_confidence")
TOKENS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "input_uncached_tokens",
    "input_cache_read_tokens",
    "input_cache_write_5m_tokens",
    "input_cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "output_text_tokens",
    "output_reasoning_tokens",
    "output_audio_tokens",
    "output_image_tokens",
)
UNITS = ("input_characters", "input_audio_seconds", "output_images", "search_units")
COUNTS = (*TOKENS, *UNITS, "cost_nano_usd", "saved_cost_nano_usd", "adjustment_nano_usd")
ALIKE = ("end_user_id", "attempts", "fallbacks", "calls", *COUNTS)
"""Columns that move as they are."""
OLD = "usage_record_0005"
TAGS = (
    "SELECT {} AS event_key, usage_tag.tag FROM usage_call AS call"
    " JOIN usage_tag ON usage_tag.tag_set_id = call.tag_set_id"
)


def upgrade() -> None:
    """Create the tables, move what is there into them, and put views in the place of the old tables."""
    for table in ("usage_record", "usage_record_tag"):
        op.rename_table(table, f"{table}_0005")
    _create_shared()
    engine = OnPostgresql() if op.get_bind().dialect.name == "postgresql" else OnSqlite()
    engine.create_call(_call_columns(engine))
    _move(engine)
    engine.create_indexes()
    for name, is_raw in (("usage_record", False), ("usage_record_raw", True)):
        op.execute(f"CREATE VIEW {name} AS {_records(engine, is_raw=is_raw)}")
        key = "call.event_key" if is_raw else engine.hex_of("call.event_key")
        op.execute(f"CREATE VIEW {name.replace('record', 'record_tag')} AS {TAGS.format(key)}")
    engine.hand_over()
    for table in ("usage_record", "usage_record_tag"):
        op.drop_table(f"{table}_0005")


def _create_shared() -> None:
    for name, columns in (*SHARED.items(), ("tag_set", ())):
        op.create_table(
            f"usage_{name}",
            sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
            sa.Column("content_key", sa.LargeBinary(), nullable=False, unique=True),
            *(
                sa.Column(column, sa.Boolean() if column in FLAGS else sa.String(), nullable=column not in NEEDED)
                for column in columns
            ),
        )
    op.create_table(
        "usage_tag",
        sa.Column("tag_set_id", sa.BigInteger(), primary_key=True, autoincrement=False, nullable=False),
        sa.Column("tag", sa.String(), primary_key=True, nullable=False),
        sqlite_with_rowid=False,
    )


def _call_columns(engine: OnSqlite | OnPostgresql) -> list[sa.Column[Any]]:
    """Declare the columns of ``usage_call`` but its id; some types are the database's own."""
    whole, short = sa.BigInteger(), sa.Integer()
    optional = {
        "tag_set_id": whole,
        **dict.fromkeys(("litellm_call_id", "trace_id", "session_id"), engine.TEXT),
        "end_user_id": sa.String(),
        "client_ip": engine.TEXT,
    }
    needed = dict.fromkeys(("received_before_us", "started_after_us", "created_after_us"), whole)
    counted = {name: sa.Float() if name == "input_audio_seconds" else whole for name in COUNTS}
    return [
        sa.Column("event_key", sa.LargeBinary(), nullable=False),
        sa.Column("completed_at", engine.MOMENT, nullable=False),
        *(sa.Column(f"{name}_id", whole, nullable=False) for name in SHARED),
        *(sa.Column(name, kind, nullable=True) for name, kind in optional.items()),
        *(sa.Column(name, kind, nullable=False) for name, kind in needed.items()),
        *(sa.Column(name, engine.MS, nullable=True) for name in ("latency_ms", "ttft_ms", "queue_ms")),
        *(sa.Column(name, short, nullable=False) for name in ("attempts", "fallbacks")),
        sa.Column("calls", whole, nullable=False),
        *(sa.Column(name, kind, nullable=name != "adjustment_nano_usd") for name, kind in counted.items()),
    ]


def _move(engine: OnSqlite | OnPostgresql) -> None:
    """Copy what calls share, then their tags, then what is left of them."""
    for name, columns in SHARED.items():
        listed = ", ".join(columns)
        op.execute(
            f"INSERT INTO usage_{name} (content_key, {listed})"  # noqa: S608 - ours
            f" SELECT {engine.content_key(columns)}, {listed} FROM {OLD} GROUP BY {listed} ORDER BY MIN(id)"
        )
    op.execute(f"CREATE TABLE usage_tags_0006 AS {engine.tag_sets()}")
    op.execute("INSERT INTO usage_tag_set (content_key) SELECT DISTINCT content_key FROM usage_tags_0006")
    op.execute("CREATE UNIQUE INDEX ix_usage_tags_0006 ON usage_tags_0006 (event_key)")
    op.execute(
        "INSERT INTO usage_tag (tag_set_id, tag) SELECT DISTINCT tags.id, old.tag FROM usage_record_tag_0005 AS old"
        " JOIN usage_tags_0006 AS its ON its.event_key = old.event_key"
        " JOIN usage_tag_set AS tags ON tags.content_key = its.content_key"
    )
    waited = engine.span("old.received_at", "old.completed_at")
    values = {
        "id": "old.id",
        "event_key": engine.key("old.event_key"),
        "completed_at": engine.moment("old.completed_at"),
        **{f"{name}_id": f"{name}.id" for name in SHARED},
        "tag_set_id": "tags.id",
        **{name: engine.short_text(f"old.{name}") for name in ("litellm_call_id", "trace_id", "session_id")},
        "client_ip": engine.address("old.client_ip"),
        "received_before_us": waited,
        "started_after_us": engine.span("old.received_at", "old.started_at"),
        "created_after_us": engine.span("old.completed_at", "old.created_at"),
        "latency_ms": engine.duration(f"NULLIF(old.latency_ms, {engine.ms_of_us(waited)})"),
        **{name: engine.duration(f"old.{name}") for name in ("ttft_ms", "queue_ms")},
        **{name: f"old.{name}" for name in ALIKE},
    }
    joins = [
        f" JOIN usage_{name} AS {name} ON {name}.content_key = {engine.content_key(columns, 'old.')}"
        for name, columns in SHARED.items()
    ]
    op.execute(
        f"INSERT INTO usage_call ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {OLD} AS old"  # noqa: S608 - ours
        f"{''.join(joins)} LEFT JOIN usage_tags_0006 AS its ON its.event_key = old.event_key"
        " LEFT JOIN usage_tag_set AS tags ON tags.content_key = its.content_key ORDER BY old.id"
    )
    op.drop_table("usage_tags_0006")


def _records(engine: OnSqlite | OnPostgresql, *, is_raw: bool) -> str:
    """Put the parts of calls together again: as everybody reads them, or, raw, as they are kept."""

    def moment(us: str) -> str:
        return us if is_raw else engine.moment_text(us)

    def short(name: str) -> str:
        return f"call.{name}" if is_raw else engine.whole_text(f"call.{name}")

    received = engine.earlier("call.completed_at", "call.received_before_us")
    # -1 says that nobody knows it, and NULL that it is the span from receipt to completion.
    latency = f"COALESCE({engine.ms('call.latency_ms')}, {engine.ms_of_us('call.received_before_us')})"
    key = "call.event_key" if is_raw else engine.hex_of("call.event_key")
    values = [
        *("call.id", f"{key} AS event_key"),
        *(f"{short(name)} AS {name}" for name in ("litellm_call_id", "trace_id", "session_id")),
        f"{moment(received)} AS received_at",
        f"{moment(engine.later(received, 'call.started_after_us'))} AS started_at",
        f"{moment('call.completed_at')} AS completed_at",
        f"{moment(engine.later('call.completed_at', 'call.created_after_us'))} AS created_at",
        f"NULLIF({latency}, -1) AS latency_ms",
        *(f"{engine.ms(f'call.{name}')} AS {name}" for name in ("ttft_ms", "queue_ms")),
        *(f"target.{name}" for name in TARGET[:-1]),
        *("call.attempts", "call.fallbacks", "outcome.is_terminal", "call.calls"),
        *(f"caller.{name}" for name in CALLER[:7]),
        "call.end_user_id",
        *(f"caller.{name}" for name in CALLER[7:]),
        "call.client_ip" if is_raw else f"{engine.address_text('call.client_ip')} AS client_ip",
        *(f"outcome.{name}" for name in OUTCOME if name not in ("is_terminal", *OUTCOME[-2:])),
        *(f"call.{name}" for name in (*TOKENS, *UNITS, "cost_nano_usd")),
        f"{engine.dollars('call.cost_nano_usd')} AS cost_usd",
        *("outcome.cost_confidence", "outcome.unpriced_reason", "call.saved_cost_nano_usd"),
        f"{engine.dollars('call.saved_cost_nano_usd')} AS saved_cost_usd",
        *("call.adjustment_nano_usd", "target.price_key"),
    ]
    joins = (f" LEFT JOIN usage_{name} AS {name} ON {name}.id = call.{name}_id" for name in SHARED)
    return f"SELECT {', '.join(values)} FROM usage_call AS call{''.join(joins)}"  # noqa: S608 - ours
