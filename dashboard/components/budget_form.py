"""Fields of a budget out, for a new one and for one that is changed."""

from __future__ import annotations

from typing import Final

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.budget import ACTIONS
from dashboard.components.form import button, choice_field, form, name_field, number_field, text_field
from dashboard.scopes import dimension_words
from usage_plugin.periods import Period
from usage_plugin.store.budgets import LONGEST_NAME, MOST_NANO_USD, MOST_ROLLING_DAYS

FIELDS: Final = {
    "name": "value",
    "dimension": "value",
    "member": "value",
    "amount": "value",
    "period": "value",
    "rolling_days": "value",
    "thresholds": "value",
    "action": "value",
    "degrade_to": "value",
    "parent": "value",
    "owner": "value",
    "is_enabled": "checked",
}
"""Each with the property that holds what was entered."""


def budget_form(save: str) -> Component:
    """Lay the fields out; a callback fills them."""
    part = ids.budget
    fields = [
        text_field(part("name"), "Name", hint="Messages name it", most=LONGEST_NAME),
        choice_field(part("dimension"), "Whose calls", dimension_words(), hint="What they are of", searchable=True),
        name_field(part("member"), "Which one", hint="A known name, or any other"),
        number_field(part("amount"), "Amount", hint="US dollars in a period", most=MOST_NANO_USD / 1e9, prefix="$"),
        choice_field(
            part("period"), "Period", [period.value for period in Period], hint="In the dashboard's time zone"
        ),
        number_field(
            part("rolling_days"),
            "Days",
            hint="Of a rolling period",
            least=1,
            most=MOST_ROLLING_DAYS,
            allowDecimal=False,
        ),
        text_field(part("thresholds"), "Tell at", hint="Percents of the amount: 50, 80, 100", most=100),
        choice_field(
            part("action"), "When it is spent", {action.value: name for action, name in ACTIONS.items()}, hint="At once"
        ),
        text_field(part("degrade_to"), "Cheaper model group", hint="Where it uses one", most=LONGEST_NAME),
        choice_field(part("parent"), "Part of", hint="A call needs room in both"),
        text_field(part("owner"), "Owner", hint="Who is told", most=200),
        dmc.Switch(id=part("is_enabled"), label="Counts", size="xs", className="field switch-field"),
        html.Div(button(ids.BUDGET_SAVE, save, "primary"), className="buttons full-row"),
    ]
    return form(ids.BUDGET_FORM, *fields, note_id=ids.BUDGET_SAID)
