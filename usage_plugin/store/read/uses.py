"""A stretch of time in, what each key used in it out; and the unit prices that models had by then."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Engine, func, select
from sqlmodel import col

from usage_plugin.store.read.answers import Use
from usage_plugin.store.read.records import read_prices
from usage_plugin.store.read.sql import reading
from usage_plugin.store.tables import PriceSnapshotRow, UsageRecord, table_of

ATTRIBUTES: Final = ("model", "provider", "user_agent", "client_ip")
_REJECTED = "rejected"


def uses(engine: Engine, start: datetime, end: datetime) -> list[Use]:
    """Give what keys used: models, providers, user agents, addresses, as they are stored.

    Calls that the proxy refused count for none of them: whoever guesses keys uses nothing.

    Args:
        engine: Of a migrated database.
        start: Begin of the calls' ends; the time is read call by call, so some days at a time.
        end: Not inside any more.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    moment, key = col(UsageRecord.completed_at), col(UsageRecord.api_key_hash)
    during = (moment >= start, moment < end, key.is_not(None), col(UsageRecord.status) != _REJECTED)
    found = list[Use]()
    with reading(engine) as connection:
        for name in ATTRIBUTES:
            value = col(getattr(UsageRecord, name))
            label = func.max(col(UsageRecord.api_key_alias))
            sums: list[Any] = [label, func.sum(col(UsageRecord.calls)), func.sum(col(UsageRecord.cost_nano_usd))]
            query = select(key, value, *sums, func.min(moment), func.max(moment)).where(*during, value.is_not(None))
            found.extend(_use(name, row) for row in connection.execute(query.group_by(key, value)))
    return found


def prices_of(engine: Engine, models: Collection[str], before: datetime) -> Mapping[str, Mapping[str, Decimal]]:
    """Give the unit prices that models had before a moment, in dollars; nothing of those that had none.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    table = table_of(PriceSnapshotRow)
    named = select(table).where(table.c.model.in_(sorted(models)), table.c.first_used_at < before)
    with reading(engine) as connection:
        rows = connection.execute(named.order_by(table.c.first_used_at, table.c.price_key)).mappings().all()
    return {row["model"]: read_prices(row["prices_usd"]) for row in rows}


def _use(attribute: str, row: Any) -> Use:
    """Take sums as databases give them: PostgreSQL's of big integers are decimals."""
    key, value, label, calls, cost_nano_usd, first, last = row
    return Use(
        key=key,
        label=label,
        attribute=attribute,
        value=value,
        calls=int(calls),
        cost_nano_usd=None if cost_nano_usd is None else int(cost_nano_usd),
        first_used_at=first,
        last_used_at=last,
    )
