"""Days, payers and models in, the numbers under which daily totals know them out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Table, func, update

from usage_plugin.store.bulk_postgresql import array
from usage_plugin.store.shared import MODEL, PAYER, Content, columns_of, numbers

DIMENSIONS: Final = (*columns_of(PAYER), *columns_of(MODEL))
DAILY_KEY: Final = ("day", *DIMENSIONS)
Place = tuple[date, str | None, str | None, str | None, str | None, str | None]
"""Values of ``DAILY_KEY``."""
Numbers = tuple[int, int]
"""Of a payer and a model."""

_payer_of, _model_of = itemgetter(slice(1, 4)), itemgetter(slice(4, 6))
_RENAME_ON_SQLITE = "UPDATE usage_payer SET team_alias = ? WHERE id = ? AND team_alias IS NOT ?"
# Locked in the order of their numbers, so that two writers never wait for each other.
_RENAME = """
WITH named AS (
    SELECT payer.id, given.alias FROM unnest(%s::int8[], %s::text[]) AS given (id, alias)
    JOIN usage_payer AS payer ON payer.id = given.id AND payer.team_alias IS DISTINCT FROM given.alias
    ORDER BY payer.id FOR UPDATE OF payer
)
UPDATE usage_payer SET team_alias = named.alias FROM named WHERE usage_payer.id = named.id
"""


def place_numbers(
    connection: Connection, places: Collection[Place], aliases: Mapping[Place, str]
) -> dict[Place, Numbers]:
    """Give the numbers of places, and keep what is new of them.

    Args:
        connection: Of a transaction that writes, and changes no call afterwards.
        places: Any number.
        aliases: Names of the teams of some places; the one of the latest day is kept.
    """
    if not places:
        return {}
    parts = {place: (_payer_of(place), _model_of(place)) for place in places}
    found, _ = numbers(
        connection,
        {MODEL: {model for _, model in parts.values()}, PAYER: {payer for payer, _ in parts.values()}},
    )
    payers, models = found[PAYER], found[MODEL]
    names = {payers[_payer_of(place)]: aliases[place] for place in sorted(aliases, key=itemgetter(0))}
    _name(connection, sorted(names.items()))
    return {place: (payers[payer], models[model]) for place, (payer, model) in parts.items()}


def restore_places(
    connection: Connection, number_of: Mapping[Place, Numbers], aliases: Mapping[Place, str | None]
) -> None:
    """Write payers and models as their keys say they are, whatever somebody else made of them.

    Args:
        connection: Of a transaction that writes alone.
        number_of: As `place_numbers` gives them.
        aliases: Names of teams, for payers that have none.
    """
    for place, (payer, model) in number_of.items():
        alias = func.coalesce(PAYER.c.team_alias, aliases.get(place))
        _restore(connection, PAYER, payer, {**_named(PAYER, _payer_of(place)), "team_alias": alias})
        _restore(connection, MODEL, model, _named(MODEL, _model_of(place)))


def _named(table: Table, content: Content) -> dict[str, Any]:
    return dict(zip(columns_of(table), content, strict=True))


def _restore(connection: Connection, table: Table, number: int, values: Mapping[str, Any]) -> None:
    connection.execute(update(table).where(table.c.id == number).values(**values))


def _name(connection: Connection, names: list[tuple[int, str]]) -> None:
    """Keep the names of teams, where they changed."""
    if not names:
        return
    if connection.dialect.name == "postgresql":
        ids, aliases = zip(*names, strict=True)
        connection.exec_driver_sql(_RENAME, (array("int8", ids), array("text", aliases)))
    else:
        connection.exec_driver_sql(_RENAME_ON_SQLITE, [(alias, number, alias) for number, alias in names])
