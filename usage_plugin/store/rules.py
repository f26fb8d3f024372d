"""Rules in, kept and given back out."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, delete, insert, select, update

from usage_plugin.errors import InputError
from usage_plugin.store.analysis_tables import AlertRule
from usage_plugin.store.database import changing
from usage_plugin.store.read.sql import reading
from usage_plugin.store.tables import table_of

_TABLE: Final = table_of(AlertRule)
_NEW: Final = {"id", "created_by", "created_at"}


def rules(engine: Engine, *, enabled_only: bool = False) -> list[AlertRule]:
    """List rules by name.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    query = select(_TABLE).order_by(_TABLE.c.name)
    with reading(engine) as connection:
        found = connection.execute(query.where(_TABLE.c.is_enabled) if enabled_only else query)
        return [AlertRule(**row) for row in found.mappings()]


def save_rule(engine: Engine, rule: AlertRule, *, by: str | None = None, now: datetime) -> AlertRule:
    """Keep a rule: a new one where it has no number, else in the place of the one that has it.

    Args:
        engine: Of a migrated database.
        rule: As `rules.row_of` makes it, which checks it.
        by: Who makes it.
        now: The present moment.

    Raises:
        InputError: Another rule has its name, or there is no rule of its number.
        StoreUnavailable: The database does not answer.
    """
    with changing(engine) as connection:
        _refuse_second(connection, rule)
        if rule.id is None:
            values = rule.model_dump(exclude={"id"}) | {"created_by": by, "created_at": now, "updated_at": now}
            number = connection.execute(insert(_TABLE).values(**values).returning(_TABLE.c.id)).scalar_one()
        else:
            number = rule.id
            values = rule.model_dump(exclude=_NEW) | {"updated_at": now}
            if not connection.execute(update(_TABLE).where(_TABLE.c.id == number).values(**values)).rowcount:
                raise InputError(f"there is no rule {number}", "It may have been removed: load the list again")
        return AlertRule(**connection.execute(select(_TABLE).where(_TABLE.c.id == number)).mappings().one())


def remove_rule(engine: Engine, rule_id: int) -> bool:
    """Remove a rule; says whether it was there. What it told of stays in the log of alerts.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    with changing(engine) as connection:
        return connection.execute(delete(_TABLE).where(_TABLE.c.id == rule_id)).rowcount > 0


def _refuse_second(connection: Connection, rule: AlertRule) -> None:
    same = select(_TABLE.c.id).where(_TABLE.c.name == rule.name)
    if connection.execute(same).scalar() not in (None, rule.id):
        raise InputError(f"there is a rule {rule.name!r} already", "Change that one, or give this one another name")
