"""A look, filters and a grid's wish in, rows of calls out; an event key in, one call in full out."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from dashboard.data import Look
from dashboard.filters import Filters
from usage_plugin.arithmetic import UNIT_PRICES, CostLine, cost_lines, total_usd
from usage_plugin.money import to_usd
from usage_plugin.store import read
from usage_plugin.store.read import Extent, Order, Page, RecordDetail

MAX_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How the cost of a call comes about: lines, what they leave unexplained, and the cost that both add up to."""

    lines: tuple[CostLine, ...]
    rest_usd: Decimal
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a list, and of how many calls the list has only the newest."""

    page: Page
    newest: int | None


def rows(look: Look, filters: Filters, wish: dict[str, Any]) -> Rows:
    """Give the rows that a grid asks for.

    Args:
        look: At the store.
        filters: Of the filter bar.
        wish: The grid's ``getRowsRequest``: ``startRow``, ``endRow`` and ``sortModel``.
    """
    start = max(int(wish.get("startRow") or 0), 0)
    limit = min(max(int(wish.get("endRow") or MAX_ROWS) - start, 1), MAX_ROWS)
    question, within, order = filters.question(look.now, look.zone), matching(look, filters), _order(wish)
    found = look.ask(read.records, question, offset=start, limit=limit, order=order, within=within)
    return Rows(found, order.most if within.calls > order.most else None)


def matching(look: Look, filters: Filters) -> Extent:
    """Count the calls and attempts that match, and find the newest of them."""
    return look.ask(read.extent, filters.question(look.now, look.zone))


def detail(look: Look, event_key: str) -> RecordDetail | None:
    """Give one call in full."""
    return look.ask(read.record_detail, event_key)


def arithmetic(found: RecordDetail) -> Arithmetic:
    """Work out how a call's cost comes about, by the prices that it was priced with.

    The rest is built-in tools, price tiers, margins and discounts; for a call out of the cache, all that was saved.
    """
    record, prices = found.record, found.price.prices_usd if found.price else {}
    units = {name: getattr(record, name) for name in (*(name for name, *_ in UNIT_PRICES), "prompt_tokens")}
    lines, cost_usd = cost_lines(units, prices, record.service_tier), to_usd(record.cost_nano_usd)
    rest_usd = Decimal(0) if cost_usd is None else cost_usd - total_usd(lines)
    return Arithmetic(lines, rest_usd, cost_usd)


def _order(wish: dict[str, Any]) -> Order:
    model = wish.get("sortModel") or [{}]
    return Order(str(model[0].get("colId", "completed_at")), model[0].get("sort", "desc") != "asc")
