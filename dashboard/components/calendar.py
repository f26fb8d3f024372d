"""Planned events in, lists and a form out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.form import button, choice_field, form, moment_field, name_field, text_field
from dashboard.components.parts import badge, card, link, table
from dashboard.queries.calendar import LONGEST_NAME, Calendar
from dashboard.scopes import dimension_words, scope_words
from dashboard.theme import clock, lasting, zoned
from usage_plugin.store.analysis_tables import PlannedEvent

FIELDS: Final = ("name", "dimension", "member", "start", "end", "note")
COLUMNS: Final = (
    ("From", "date"),
    ("Event", "words"),
    ("Whose calls", "name wide"),
    ("For", "wide"),
    ("Note", "name main wide"),
)
MOST_OVER: Final = 50


def event_lists(frame: Calendar) -> list[Component]:
    """List what comes and what is over, or say what an event is for."""
    if not frame.coming and not frame.over:
        return [nothing_planned()]
    coming = (
        [_table(frame.coming, frame, "Planned")] if frame.coming else [html.P("Nothing is planned.", className="quiet")]
    )
    lists = [card("Planned", *coming, note=f"on the clocks of {frame.zone.key}")]
    if frame.over:
        lists.append(card("Over", _table(frame.over[:MOST_OVER], frame, "Over")))
    return lists


def nothing_planned() -> Component:
    """Say what an event is for."""
    said = (
        "A launch, a migration or a load test changes usage on purpose. What is planned here is no alarm: the detector "
        "keeps it as expected, and charts of anomalies show its time in grey."
    )
    return html.Section([html.H2("Nothing is planned"), html.P(said)], className="state-panel", role="status")


def _table(events: Iterable[PlannedEvent], frame: Calendar, caption: str) -> Component:
    return table(COLUMNS, [_row(each, frame) for each in events], caption)


def _row(event: PlannedEvent, frame: Calendar) -> list[Component | str]:
    goes_on = event.starts_at <= frame.now < event.ends_at
    name = html.Span(link(event.name, f"/calendar#{event.id}"), className="apart")
    scope, lasts = scope_words(event.dimension, event.member), lasting(event.ends_at - event.starts_at)
    # Where there is no room for the other columns.
    short = html.Span(f"{scope}, for {lasts}", className="beneath narrow")
    return [
        clock(event.starts_at.astimezone(frame.zone)),
        html.Span([name, *([" ", badge("now", "demo")] if goes_on else []), short], title=event.name),
        html.Span(scope, title=event.member),
        lasts,
        html.Span(event.note or "", title=event.note),
    ]


def chosen_event(event: PlannedEvent | None, frame: Calendar | None) -> list[Component]:
    """Show one event, with what can be done about it."""
    if event is None or frame is None:
        return []
    start, end = (zoned(moment.astimezone(frame.zone)) for moment in (event.starts_at, event.ends_at))
    by = f", planned by {event.created_by}" if event.created_by else ""
    said = [html.P(f"{scope_words(event.dimension, event.member).capitalize()}, from {start} to {end}{by}.")]
    return [html.H2(event.name), *said, *([html.Q(event.note)] if event.note else [])]


def event_form() -> Component:
    """Lay the fields of a new event out."""
    part = ids.event
    fields = [
        text_field(part("name"), "Name", hint="What it is", most=LONGEST_NAME),
        choice_field(part("dimension"), "Whose calls", dimension_words(), hint="Who is concerned", value="total"),
        name_field(part("member"), "Which one", hint="A known name, or any other"),
        moment_field(part("start"), "From"),
        moment_field(part("end"), "To"),
        text_field(part("note"), "Note"),
        html.Div(button(ids.EVENT_SAVE, "Plan it", "primary"), className="buttons full-row"),
    ]
    return form(ids.EVENT_FORM, *fields, note_id=ids.EVENT_SAID)
