"""A section of stored sheets in, another content in its place: beside the small ones that it may lie together with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sqlalchemy import Engine, text

from usage_plugin.store.database import writing
from usage_plugin.store.sheets.bundle import bundled, sections_in
from usage_plugin.store.sheets.codec import pack, unpack
from usage_plugin.store.sheets.columns import COST, MEASURE_NUMBERS


def change_section(
    engine: Engine, where: str, section: int, change: Callable[[bytes], bytes | None], *, most: int | None = None
) -> None:
    """Change or delete a section in the rows of ``usage_sheet`` that have it, in all or so many.

    Args:
        engine: Of the database.
        where: Condition for the rows.
        section: Its number.
        change: Gives another content; ``None`` to delete it.
        most: In so many rows.
    """
    query = f"SELECT id, section, content FROM usage_sheet WHERE {where} ORDER BY start_quarter, dimension, value, id"
    changed = 0
    with writing(engine).begin() as connection:
        for row in connection.execute(text(query)).all():
            sections = dict(sections_in(row.section, bytes(row.content)))
            if section not in sections or changed == most:
                continue
            changed += 1
            content = change(sections.pop(section))
            left = sections if content is None else {**sections, section: content}
            stored = list(bundled((0, 0, *each) for each in left.items()))
            if not stored:
                connection.execute(text("DELETE FROM usage_sheet WHERE id = :id"), {"id": row.id})
                continue
            ((*_, number, body),) = stored
            statement = "UPDATE usage_sheet SET section = :section, content = :content WHERE id = :id"
            connection.execute(text(statement), {"section": number, "content": body, "id": row.id})
    assert changed


def one_billionth_more(content: bytes) -> bytes:
    """Add a billionth of a dollar to the first row of a section."""
    section, number = unpack(content), MEASURE_NUMBERS[COST]
    columns = {**section.columns, number: section.columns[number].copy()}
    columns[number][0] += 1
    return pack(sorted(columns), np.column_stack([columns[each] for each in sorted(columns)]))
