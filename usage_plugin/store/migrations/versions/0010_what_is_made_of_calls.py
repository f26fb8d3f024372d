"""What is made of the calls: anomalies, forecasts, budgets, rules, alerts, and the runs of jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    _create_anomalies()
    _create_forecasts_and_budgets()
    _create_alerts()


def _create_anomalies() -> None:
    op.create_table(
        "anomaly",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("anomaly_key", sa.String(32), nullable=False, unique=True),
        sa.Column("series_key", sa.String(32), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("granularity", sa.String(), nullable=False),
        sa.Column("dimension", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("second_dimension", sa.String(), nullable=True),
        sa.Column("second_member", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("peak_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=False),
        sa.Column("is_over", sa.Boolean(), nullable=False),
        sa.Column("expected", sa.Float(), nullable=False),
        sa.Column("actual", sa.Float(), nullable=False),
        sa.Column("peak_actual", sa.Float(), nullable=False),
        sa.Column("z", sa.Float(), nullable=False),
        sa.Column("severity", sa.Float(), nullable=False),
        sa.Column("at_stake_nano_usd", sa.BigInteger(), nullable=True),
        sa.Column("headline", sa.String(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_by", sa.String(), nullable=True),
        sa.Column("state_at", MOMENT, nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("merged_into_id", sa.BigInteger(), nullable=True),
        sa.Column("planned_event_id", sa.BigInteger(), nullable=True),
        sa.Column("found_at", MOMENT, nullable=False),
        sa.Column("told_at", MOMENT, nullable=True),
        sa.Column("updated_at", MOMENT, nullable=False),
    )
    op.create_index("ix_anomaly_series_key", "anomaly", ["series_key"])
    op.create_index("ix_anomaly_started_at", "anomaly", ["started_at"])
    op.create_table(
        "anomaly_note",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("anomaly_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("said_by", sa.String(), nullable=True),
        sa.Column("said_at", MOMENT, nullable=False),
        sa.Column("note", sa.String(), nullable=True),
    )
    op.create_index("ix_anomaly_note_anomaly_id", "anomaly_note", ["anomaly_id"])
    op.create_table(
        "series_tuning",
        sa.Column("series_key", sa.String(32), primary_key=True, nullable=False),
        sa.Column("least_nano_usd", sa.BigInteger(), nullable=True),
        sa.Column("bar_high", sa.Float(), nullable=True),
        sa.Column("bar_low", sa.Float(), nullable=True),
        sa.Column("bars_until", MOMENT, nullable=True),
        sa.Column("updated_at", MOMENT, nullable=False),
    )
    op.create_table(
        "series_state",
        sa.Column("profile", sa.String(), primary_key=True, nullable=False),
        sa.Column("granularity", sa.String(), primary_key=True, nullable=False),
        sa.Column("part", sa.Integer(), primary_key=True, autoincrement=False, nullable=False),
        sa.Column("stepped_to", MOMENT, nullable=False),
        sa.Column("series", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
    )
    op.create_table(
        "known_use",
        sa.Column("api_key_hash", sa.String(), primary_key=True, nullable=False),
        sa.Column("attribute", sa.String(), primary_key=True, nullable=False),
        sa.Column("value", sa.String(), primary_key=True, nullable=False),
        sa.Column("first_used_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "planned_event",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("dimension", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("created_by", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
    )


def _create_forecasts_and_budgets() -> None:
    op.create_table(
        "forecast_record",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("dimension", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("spent_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("expected_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("low_80_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("high_80_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("low_95_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("high_95_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("actual_nano_usd", sa.BigInteger(), nullable=True),
    )
    op.create_index("ix_forecast_record_starts_on", "forecast_record", ["starts_on"])
    op.create_table(
        "budget",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False, unique=True),
        sa.Column("dimension", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("amount_nano_usd", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("rolling_days", sa.Integer(), nullable=True),
        sa.Column("thresholds", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("degrade_to", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
    )


def _create_alerts() -> None:
    op.create_table(
        "alert_rule",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False, unique=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("dimension", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
    )
    op.create_table(
        "alert",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("alert_key", sa.String(32), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=True),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("dimension", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=True),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("at_stake_nano_usd", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_by", sa.String(), nullable=True),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("worse_at", MOMENT, nullable=True),
        sa.Column("told_at", MOMENT, nullable=True),
        sa.Column("told_severity", sa.String(), nullable=True),
        sa.Column("untaken_at", MOMENT, nullable=True),
        sa.Column("resolved_at", MOMENT, nullable=True),
    )
    op.create_index("ix_alert_alert_key", "alert", ["alert_key"])
    op.create_index("ix_alert_opened_at", "alert", ["opened_at"])
    op.create_table(
        "alert_message",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("alert_ids", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("delivered_at", MOMENT, nullable=True),
        sa.Column("given_up_at", MOMENT, nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
    )
    op.create_index("ix_alert_message_due_at", "alert_message", ["due_at"])
    op.create_table(
        "job_run",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True, nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("scheduled_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("failing_since", MOMENT, nullable=True),
        sa.Column("duration_ms", sa.Float(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=True),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
    )
    op.create_index("ix_job_run_job_started_at", "job_run", ["job", "started_at"])
