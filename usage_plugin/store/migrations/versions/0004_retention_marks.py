"""Up to when each kind of rows was pruned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "retention_mark",
        sa.Column("kind", sa.String(), primary_key=True, nullable=False),
        sa.Column("pruned_before", sa.DateTime(timezone=True), nullable=False),
    )
