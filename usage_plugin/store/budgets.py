"""Budgets in, rows of the table ``budget`` out, and back: checked before they are kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from usage_plugin.errors import InputError
from usage_plugin.periods import Period
from usage_plugin.store.analysis_tables import BudgetRow
from usage_plugin.store.database import unavailable, writing
from usage_plugin.store.dimensions import Dimension
from usage_plugin.store.part import Part
from usage_plugin.store.read.sql import reading
from usage_plugin.store.tables import table_of

LONGEST_NAME, LONGEST_MEMBER = 100, 256
MOST_ROLLING_DAYS: Final = 366
# A BIGINT holds 9.2e18: sums of spend keep room beside it.
MOST_NANO_USD: Final = 10**18
DEFAULT_THRESHOLDS = (0.5, 0.8, 1.0)
MOST_THRESHOLD, MOST_THRESHOLDS = 10.0, 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Action(StrEnum):
    """What happens beyond the amount."""

    ALERT = "alert"
    """Somebody is told; calls go on."""
    BLOCK = "block"
    """The proxy answers 429."""
    DEGRADE = "degrade"
    """The proxy asks another model group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a part of the calls may cost in a period, and what happens beyond it.

    ``id`` is ``None`` until it is kept. ``thresholds`` are shares of the amount at which somebody is told.
    """

    name: str
    part: Part
    amount_nano_usd: int
    period: Period
    id: int | None = None
    rolling_days: int | None = None
    parent_id: int | None = None
    thresholds: tuple[float, ...] = DEFAULT_THRESHOLDS
    action: Action = Action.ALERT
    degrade_to: str | None = None
    owner: str | None = None
    is_enabled: bool = True
    created_by: str | None = None
    created_at: datetime = _EPOCH
    updated_at: datetime = _EPOCH


def budgets(engine: Engine) -> list[Budget]:
    """Give all budgets by name.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    with reading(engine) as connection:
        return _all(connection)


def save_budget(engine: Engine, budget: Budget, now: datetime) -> Budget:
    """Keep a budget, a new one where it has no id, and give it as it is kept.

    Args:
        engine: Of a migrated database.
        budget: Its moments are set here.
        now: The present moment.

    Raises:
        InputError: It cannot work: says what and why.
        StoreUnavailable: The database does not answer.
    """
    checked = _checked(budget)
    try:
        with writing(engine).begin() as connection:
            known = {each.id: each for each in _all(connection)}
            _check_place(checked, known)
            return _keep(connection, checked, now)
    except IntegrityError:
        raise InputError(
            f"there is a budget named {budget.name!r} already", "Change that one, or take another name"
        ) from None
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None


def remove_budget(engine: Engine, budget_id: int, now: datetime) -> bool:
    """Delete a budget; its parts become parts of what it was a part of. Says whether it was there.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    row = table_of(BudgetRow)
    try:
        with writing(engine).begin() as connection:
            above = connection.execute(select(row.c.parent_id).where(row.c.id == budget_id)).first()
            if above is None:
                return False
            changed = {"parent_id": above.parent_id, "updated_at": now}
            connection.execute(update(row).where(row.c.parent_id == budget_id).values(changed))
            connection.execute(delete(row).where(row.c.id == budget_id))
            return True
    except SQLAlchemyError as error:
        raise unavailable(engine.url, error) from None


def ancestors(budget: Budget, known: Mapping[int | None, Budget]) -> list[Budget]:
    """Give what a budget is a part of, the nearest first."""
    found = list[Budget]()
    above = known.get(budget.parent_id) if budget.parent_id is not None else None
    while above is not None and above not in found:
        found.append(above)
        above = known.get(above.parent_id) if above.parent_id is not None else None
    return found


def _all(connection: Connection) -> list[Budget]:
    row = table_of(BudgetRow)
    return [_budget(each) for each in connection.execute(select(row).order_by(row.c.name))]


def _budget(row: Row[Any]) -> Budget:
    values = dict(row._mapping)
    part = Part.of(values.pop("dimension"), values.pop("member"))
    kinds = {"period": Period(values["period"]), "action": Action(values["action"])}
    return Budget(**values | kinds | {"part": part, "thresholds": tuple(json.loads(values["thresholds"]))})


def _keep(connection: Connection, budget: Budget, now: datetime) -> Budget:
    row = table_of(BudgetRow)
    values = _values(budget) | {"updated_at": now}
    if budget.id is None:
        values |= {"created_at": now, "created_by": budget.created_by}
        kept = connection.execute(insert(row).values(values).returning(row)).one()
    else:
        found = connection.execute(update(row).where(row.c.id == budget.id).values(values).returning(row)).first()
        if found is None:
            raise InputError(f"the budget {budget.name!r} is gone", "Make it anew")
        kept = found
    return _budget(kept)


def _values(budget: Budget) -> dict[str, Any]:
    return {
        "name": budget.name,
        "dimension": budget.part.name,
        "member": budget.part.member,
        "parent_id": budget.parent_id,
        "amount_nano_usd": budget.amount_nano_usd,
        "period": budget.period.value,
        "rolling_days": budget.rolling_days,
        "thresholds": json.dumps(budget.thresholds),
        "action": budget.action.value,
        "degrade_to": budget.degrade_to,
        "owner": budget.owner,
        "is_enabled": budget.is_enabled,
    }


def _checked(budget: Budget) -> Budget:
    """Refuse what cannot work, and put the rest in order."""
    name = " ".join(budget.name.split())
    if not name or len(name) > LONGEST_NAME:
        raise InputError(f"a budget cannot be named {budget.name!r}", f"Give 1 to {LONGEST_NAME} characters")
    if not 0 < budget.amount_nano_usd <= MOST_NANO_USD:
        raise InputError(
            f"budget {name!r} of {budget.amount_nano_usd / 1e9:,.2f} dollars allows nothing or everything",
            f"Give an amount above 0 and up to {MOST_NANO_USD / 1e9:,.0f} dollars",
        )
    if budget.action is not Action.ALERT and budget.part.dimension is Dimension.STATUS:
        raise InputError(
            f"budget {name!r} is of a status, which no call has before its end", "Give it the action alert"
        )
    if len(budget.part.member or "") > LONGEST_MEMBER:
        raise InputError(f"the member of budget {name!r} is too long", f"Give at most {LONGEST_MEMBER} characters")
    return replace(
        budget,
        name=name,
        rolling_days=_rolling_days(budget, name),
        thresholds=_thresholds(budget.thresholds, name),
        degrade_to=_degrade_to(budget, name),
    )


def _rolling_days(budget: Budget, name: str) -> int | None:
    days = budget.rolling_days
    if budget.period is Period.ROLLING:
        if days is None or not 1 <= days <= MOST_ROLLING_DAYS:
            raise InputError(
                f"budget {name!r} rolls over {days} days", f"Give a length of 1 to {MOST_ROLLING_DAYS} days"
            )
    elif days is not None:
        raise InputError(f"budget {name!r} is of a {budget.period} and rolls over {days} days", "Give one of the two")
    return days


def _thresholds(thresholds: Sequence[float], name: str) -> tuple[float, ...]:
    wrong = [each for each in thresholds if not (math.isfinite(each) and 0 < each <= MOST_THRESHOLD)]
    if wrong or len(thresholds) > MOST_THRESHOLDS:
        raise InputError(
            f"budget {name!r} tells at {', '.join(f'{each:g}' for each in wrong or thresholds)} of its amount",
            f"Give at most {MOST_THRESHOLDS} shares above 0 and up to {MOST_THRESHOLD:g}: 0.8 is 80 %",
        )
    return tuple(sorted({float(each) for each in thresholds}))


def _degrade_to(budget: Budget, name: str) -> str | None:
    group = (budget.degrade_to or "").strip()
    if budget.action is not Action.DEGRADE:
        if group:
            raise InputError(f"budget {name!r} names {group!r}, but does not degrade", "Give it the action degrade")
        return None
    if not group:
        raise InputError(f"budget {name!r} does not say what to degrade to", "Name a model group of the proxy")
    return group


def _check_place(budget: Budget, known: Mapping[int | None, Budget]) -> None:
    """Refuse a parent that there is not, and circles."""
    if budget.parent_id is None:
        return
    if budget.parent_id not in known:
        raise InputError(f"budget {budget.name!r} is to be a part of one that is gone", "Name another parent, or none")
    if budget.id is not None and budget.id in {each.id for each in (budget, *ancestors(budget, known))[1:]}:
        above = known[budget.parent_id].name
        raise InputError(f"budget {budget.name!r} would be a part of itself through {above!r}", "Name another parent")
