"""A filled demo database in, what the generated company has set up in it out: budgets, rules and a calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Engine

from usage_plugin.money import NANO_PER_USD
from usage_plugin.periods import Period
from usage_plugin.rules import BurnRate, NoData, Rule, Threshold, Window, row_of
from usage_plugin.store.budgets import Action, Budget, save_budget
from usage_plugin.store.calendar import plan_event
from usage_plugin.store.part import Part
from usage_plugin.store.rules import save_rule

_DAY = timedelta(days=1)
_WHOLE = Budget(name="All of Acme", part=Part(), amount_nano_usd=700 * NANO_PER_USD, period=Period.MONTH)
_PARTS = (
    Budget(
        name="Platform team",
        part=Part.read("team=team-platform"),
        amount_nano_usd=350 * NANO_PER_USD,
        period=Period.MONTH,
        owner="jonas@acme.example",
    ),
    Budget(
        name="Coding agent by day",
        part=Part.read("feature=coding-agent"),
        amount_nano_usd=40 * NANO_PER_USD,
        period=Period.DAY,
        action=Action.DEGRADE,
        degrade_to="claude-haiku-4-5",
        owner="leo@acme.example",
    ),
    Budget(
        name="Support, any week",
        part=Part.read("team=team-support"),
        amount_nano_usd=25 * NANO_PER_USD,
        period=Period.ROLLING,
        rolling_days=7,
    ),
    Budget(
        name="Research",
        part=Part.read("team=team-research"),
        amount_nano_usd=90 * NANO_PER_USD,
        period=Period.QUARTER,
        action=Action.BLOCK,
    ),
)

_RULES = (
    Rule(name="A dear day", settings=Threshold(above=60.0)),
    Rule(
        name="Runaway keys",
        settings=BurnRate(windows=(Window(60, 10.0), Window(5, 10.0)), per_day=20.0),
        dimension="key",
        severity="critical",
    ),
    Rule(
        name="A provider fails",
        settings=Threshold(above=0.2, period="hour"),
        metric="error_rate",
        dimension="provider",
        owner="jonas@acme.example",
    ),
    Rule(name="Nothing comes any more", settings=NoData(hours=3), metric="requests", severity="critical"),
)


def plan(engine: Engine, now: datetime) -> None:
    """Keep the company's budgets and rules, and what it has announced.

    Args:
        engine: Of a database that holds the company's calls and no budget.
        now: End of the last call.

    Raises:
        StoreUnavailable: The database cannot be written.
    """
    whole = save_budget(engine, _WHOLE, now)
    for each in _PARTS:
        save_budget(engine, replace(each, parent_id=whole.id), now)
    for rule in _RULES:
        save_rule(engine, row_of(rule), now=now)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    plan_event(
        engine,
        "Autumn campaign",
        starts_at=today - 23 * _DAY,
        ends_at=today - 21 * _DAY,
        dimension="feature",
        member="campaign-writer",
        note="Nine times as many drafts, as agreed with finance",
        by="olga@acme.example",
        now=now - 30 * _DAY,
    )
    plan_event(
        engine,
        "Load test of the support bot",
        starts_at=today + 3 * _DAY + timedelta(hours=8),
        ends_at=today + 3 * _DAY + timedelta(hours=12),
        dimension="feature",
        member="support-bot",
        by="ana@acme.example",
        now=now,
    )
