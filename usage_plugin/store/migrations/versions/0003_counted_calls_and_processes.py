"""How many calls a row counts, and each recording process's account of itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COUNTS = ("seen", "spooled", "stored", "folded", "adopted", "set_aside", "lost", "waiting", "spool_bytes")


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("usage_record", sa.Column("calls", sa.BigInteger(), nullable=False, server_default="1"))
    op.create_table(
        "pipeline_process",
        sa.Column("process_id", sa.String(), primary_key=True, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        _moment("started_at", nullable=False),
        _moment("beat_at", nullable=False),
        _moment("stopped_at"),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        _moment("oldest_waiting_at"),
        _moment("last_stored_at"),
        sa.Column("last_error", sa.String(), nullable=True),
        _moment("last_error_at"),
    )


def _moment(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
