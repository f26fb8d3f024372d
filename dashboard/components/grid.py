"""Records in, rows of the server-side grid out, and the grid itself."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

import dash_ag_grid as dag
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components.activity import cost_of
from dashboard.theme import UNKNOWN, duration, full_count
from usage_plugin.store.tables import UsageRecord

BLOCK: Final = 100
ENDED_WIDTH: Final = 138
LETTERS_IN_IT: Final = 7
LETTER_WIDTH: Final = 7
STATUS_RULES: Final = {
    f"status-{status}": f"params.value == '{status}'" for status in ("success", "failure", "interrupted", "rejected")
}
NUMBER: Final = {"type": "rightAligned", "cellClass": ["num", "ag-right-aligned-cell"]}
# After the one that says when. Column ids are columns of usage_record, by which the store sorts.
COLUMNS: Final[list[dict[str, Any]]] = [
    {"field": "model", "headerName": "Model", "minWidth": 90, "flex": 2},
    {"field": "cost_nano_usd", "headerName": "Cost", "width": 136, **NUMBER},
    {"field": "status", "headerName": "Status", "width": 102, "cellClassRules": STATUS_RULES},
    {"field": "total_tokens", "headerName": "Tokens", "width": 88, **NUMBER},
    {"field": "latency_ms", "headerName": "Latency", "width": 96, **NUMBER},
    {"field": "team_id", "headerName": "Team", "minWidth": 104, "flex": 1},
    {"field": "user_id", "headerName": "User", "minWidth": 104, "flex": 1},
    {"field": "api_key_hash", "headerName": "Key", "minWidth": 104, "flex": 1},
    {"field": "provider", "headerName": "Provider", "width": 100},
    {"field": "cost_confidence", "headerName": "Cost is", "width": 100},
]
# Colours are the style sheet's variables, so that the grid follows the scheme.
THEME: Final = (
    "themeQuartz.withParams({backgroundColor: 'var(--card)', foregroundColor: 'var(--text)', "
    "headerBackgroundColor: 'var(--card)', headerTextColor: 'var(--dimmed)', borderColor: 'var(--line)', "
    "rowHoverColor: 'var(--hover)', selectedRowBackgroundColor: 'var(--hover)', accentColor: 'var(--accent)', "
    "fontFamily: 'inherit', fontSize: 13, headerFontSize: 12, headerFontWeight: 500, rowHeight: 34, headerHeight: 36, "
    "wrapperBorder: false, wrapperBorderRadius: 0, columnBorder: false, headerColumnBorder: false})"
)
OPTIONS: Final[dict[str, Any]] = {
    "theme": {"function": THEME},
    "cacheBlockSize": BLOCK,
    "maxBlocksInCache": 20,
    "infiniteInitialRowCount": 1,
    "rowBuffer": 10,
    "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
    "multiSortKey": "none",
    "suppressDragLeaveHidesColumns": True,
    "suppressMultiSort": True,
    "animateRows": False,
    "ensureDomOrder": True,
    "enableCellTextSelection": False,
}


def requests_grid(zone: ZoneInfo) -> Component:
    """Build the grid; it asks for its rows as a reader scrolls, and shows when on a zone's clocks."""
    return dag.AgGrid(
        id=ids.REQUESTS_GRID,
        rowModelType="infinite",
        columnDefs=columns(zone),
        defaultColDef={
            "sortable": True,
            "resizable": True,
            "suppressHeaderMenuButton": True,
            "sortingOrder": ["desc", "asc"],
        },
        dashGridOptions=OPTIONS,
        getRowId="params.data.event_key",
        className="grid",
        style={"height": "100%", "width": "100%"},
    )


def columns(zone: ZoneInfo) -> list[dict[str, Any]]:
    """Give the grid's columns; the first says when on a zone's clocks."""
    place = zone.key.rpartition("/")[2].replace("_", " ")
    name = {"headerName": f"Ended ({place})", "headerTooltip": f"When the call ended, {zone.key}"}
    width = ENDED_WIDTH + LETTER_WIDTH * max(len(place) - LETTERS_IN_IT, 0)
    ended = {"field": "completed_at", **name, "width": width, "cellClass": "num", "sort": "desc"}
    return [ended, *COLUMNS]


def row_of(record: UsageRecord, zone: ZoneInfo) -> dict[str, str]:
    """Write a record as people read it; sorting is the store's, so every cell may be text."""
    return {
        "event_key": record.event_key,
        "completed_at": f"{record.completed_at.astimezone(zone):%d %b %H:%M:%S}",
        "model": record.model or record.requested_model or UNKNOWN,
        "status": record.status if record.is_terminal else f"{record.status} (attempt)",
        "cost_nano_usd": cost_of(record),
        "total_tokens": full_count(record.total_tokens),
        "latency_ms": duration(record.latency_ms),
        "team_id": record.team_alias or record.team_id or UNKNOWN,
        "user_id": record.user_id or UNKNOWN,
        "api_key_hash": record.api_key_alias or short(record.api_key_hash),
        "provider": record.provider or UNKNOWN,
        "cost_confidence": record.cost_confidence,
    }


def short(text: str | None) -> str:
    """Show the beginning of a hash: enough to tell keys apart."""
    return UNKNOWN if not text else text if len(text) <= 12 else f"{text[:8]}…"  # noqa: PLR2004
