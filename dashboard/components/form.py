"""What can be entered in, labelled fields out: each with its label, its hint and its bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard.acts import LONGEST_TEXT, READ_ONLY, Said
from dashboard.components.filter_bar import IN_PLACE

MOST_SHOWN = 100


def form(form_id: str, *fields: Component, note_id: str) -> Component:
    """Frame fields, which all rest while the database may only be read, and give what became of them a place."""
    said = html.Div(id=note_id, className="said", role="status", **{"aria-live": "polite"})
    return html.Fieldset([html.Div(list(fields), className="fields-row"), said], id=form_id, className="form")


def text_field(field_id: str, label: str, *, hint: str = "", most: int = LONGEST_TEXT, **options: Any) -> Component:
    """Take a line of text."""
    attributes = {"input": {"maxLength": most}}
    return dmc.TextInput(
        id=field_id,
        label=label,
        description=hint or None,
        size="xs",
        attributes=attributes,
        className="field",
        **options,
    )


def number_field(
    field_id: str, label: str, *, hint: str = "", least: float = 0, most: float | None = None, **options: Any
) -> Component:
    """Take a number within bounds."""
    bounds = {"min": least, **({} if most is None else {"max": most})}
    return dmc.NumberInput(
        id=field_id,
        label=label,
        description=hint or None,
        size="xs",
        allowNegative=False,
        thousandSeparator=",",
        className="field",
        **bounds,
        **options,
    )


def choice_field(
    field_id: str, label: str, choices: Mapping[str, str] | Sequence[str] = (), *, hint: str = "", **options: Any
) -> Component:
    """Take one of some values; a mapping says how each is called."""
    names = choices if isinstance(choices, Mapping) else {choice: choice.capitalize() for choice in choices}
    return dmc.Select(
        id=field_id,
        label=label,
        description=hint or None,
        data=[{"value": value, "label": name} for value, name in names.items()],
        size="xs",
        allowDeselect=False,
        withCheckIcon=False,
        comboboxProps=IN_PLACE,
        limit=MOST_SHOWN,
        className="field",
        **options,
    )


def name_field(field_id: str, label: str, *, hint: str = "") -> Component:
    """Take the name of a member of a dimension: one that is known, or any other."""
    return dmc.Autocomplete(
        id=field_id,
        label=label,
        description=hint or None,
        data=[],
        size="xs",
        limit=MOST_SHOWN,
        comboboxProps=IN_PLACE,
        className="field",
        attributes={"input": {"maxLength": LONGEST_TEXT}},
    )


def moment_field(field_id: str, label: str) -> Component:
    """Take a moment with the browser's own picker, which every phone and screen reader knows."""
    attributes = {"input": {"type": "datetime-local"}}
    return dmc.TextInput(id=field_id, label=label, size="xs", attributes=attributes, className="field")


def button(button_id: str, text: str, kind: str = "") -> Component:
    """Let something be done."""
    return html.Button(text, id=button_id, className=f"button {kind}".strip(), type="button")


def said(outcome: Said | None) -> Component | None:
    """Show what became of a change."""
    if outcome is None:
        return None
    return html.P(outcome.text, className="notice done" if outcome.is_done else "notice serious")


def read_only_note() -> Component:
    """Say why the fields rest."""
    return html.P(READ_ONLY, className="notice")
