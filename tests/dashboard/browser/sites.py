"""Dashboards to be opened: of a whole company, of what is too long and too large, and what tests measure on them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from dash import Dash
from sqlalchemy import Engine

from dashboard import Data, create_app
from usage_plugin.account import ProcessAccount
from usage_plugin.clock import utc_now
from usage_plugin.event import CostConfidence, PriceSnapshot, Status, UsageEvent
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event

# Colours do not depend on the width, nor the layout on the colours: each is seen once with the other.
LOOKS = [(1440, "light"), (390, "dark")]
PROMISE_MS = 5000
TOO_WIDE = "part => part.scrollWidth > part.clientWidth"
BEYOND_CARD = """[...document.querySelectorAll('.kpi-value')].map(value => {
    const range = document.createRange();
    range.selectNodeContents(value);
    const card = value.closest('.card').getBoundingClientRect();
    return [value.textContent, card.right - range.getBoundingClientRect().right];
}).filter(([, room]) => room < 12)"""
ARN = "bedrock/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PRICE = PriceSnapshot("k", "openai", "gpt-4o", "litellm_price_map", "1.106.2", (("input_cost_per_token", "0.000001"),))
MODELS = (
    "gpt-4o",
    "claude-sonnet-4-5",
    "gemini-2.5-pro",
    "a-model-with-a-very-long-name/of-a-vendor/2026-01-01-preview",
)


def company() -> list[UsageEvent]:
    """Make 40 days of calls: dear and cheap, of every status and confidence, and one day that is far too dear."""
    now = utc_now()
    return [
        make_event(
            completed_at=now - timedelta(hours=2 * index, seconds=9),
            model=MODELS[index % 4],
            provider=("openai", "anthropic", "gemini")[index % 3],
            team_id=f"team-{index % 5}" if index % 6 else None,
            user_id=f"somebody-{index % 9}@example.com",
            status=list(Status)[0 if index % 7 else index % 4],
            cost_usd=None if index % 11 == 0 else (400 if 30 < index < 36 else 0.01 * (index % 12 + 1)),
            confidence=CostConfidence.UNPRICED if index % 11 == 0 else list(CostConfidence)[index % 3],
            price=PRICE,
        )
        for index in range(480)
    ]


def site(folder: Path, events: list[UsageEvent]) -> tuple[Dash, Engine]:
    url = f"sqlite:///{folder / 'usage.db'}"
    engine = connect(url)
    migrate(engine)
    write_events(engine, events)
    return create_app(Data(engine, Settings(database_url=url, data_dir=folder))), engine


def process(name: str, **changes: Any) -> ProcessAccount:
    """Make an account of a proxy that stays alive for the whole test."""
    now = utc_now()
    known: dict[str, Any] = {
        "process_id": name, "role": "proxy", "host": f"gateway-7c9f6d5b8-{name}", "pid": 12, "version": "0.1.0",
        "started_at": now, "beat_at": now + timedelta(hours=1), "seen": 12_345, "spooled": 12_345, "stored": 12_340,
    }  # fmt: skip
    return ProcessAccount(**{**known, **changes})
