"""On SQLite the index of LiteLLM's ids has the last bytes of a UUID only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

END = "CASE typeof(litellm_call_id) WHEN 'blob' THEN substr(litellm_call_id, -4) ELSE litellm_call_id END"


def upgrade() -> None:
    """Create the short index and drop the long one."""
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_usage_call_litellm_call_id", "usage_call")
        op.create_index("ix_usage_call_call_id_end", "usage_call", [sa.text(END)])
