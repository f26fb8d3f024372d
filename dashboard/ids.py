"""Every component id of the dashboard, in one place: a callback and a layout cannot disagree about a name."""

from __future__ import annotations

from typing import Final

# Shell
URL: Final = "url"
PROVIDER: Final = "mantine"
SHELL: Final = "shell"
BURGER: Final = "burger"
PAGE: Final = "page"
NAV: Final = "nav"
NOTICES: Final = "notices"
FRESHNESS: Final = "freshness"
LAST_CALL: Final = "last-call"
SECOND: Final = "second"
REFRESH: Final = "refresh"
REFRESH_CHOICE: Final = "refresh-choice"
BEAT: Final = "beat"
VERSION: Final = "version"
SCHEME_CHOICE: Final = "scheme-choice"
SCHEME: Final = "scheme"

# Filter bar
FILTER_PANEL: Final = "filter-panel"
FILTER_OPEN: Final = "filter-open"
FILTER_CLOSE: Final = "filter-close"
FILTER_SHADE: Final = "filter-shade"
FILTER_COUNT: Final = "filter-count"
FILTER_CLEAR: Final = "filter-clear"
FILTER_CUSTOM: Final = "filter-custom"
FILTER_MORE: Final = "filter-more"
FILTER_MORE_COUNT: Final = "filter-more-count"
FILTER_OPENED: Final = "filter-opened"
RANGE: Final = "filter-range"
FROM: Final = "filter-from"
TO: Final = "filter-to"
GRANULARITY: Final = "filter-granularity"
GROUP_BY: Final = "filter-group-by"

# Overview
OVERVIEW_STATE: Final = "overview-state"
OVERVIEW_FIGURES: Final = "overview-figures"
KPIS: Final = "overview-kpis"
COST_TITLE: Final = "overview-cost-title"
COST_NOTE: Final = "overview-cost-note"
COST_GRAPH: Final = "overview-cost"
COST_LEGEND: Final = "overview-cost-legend"
SIDE: Final = "overview-side"
SHARES: Final = "overview-shares"
RECENT: Final = "overview-recent"

# Requests
REQUESTS_STATE: Final = "requests-state"
REQUESTS_PANEL: Final = "requests-panel"
REQUESTS_COUNT: Final = "requests-count"
REQUESTS_LISTED: Final = "requests-listed"
REQUESTS_GRID: Final = "requests-grid"
DETAIL: Final = "request-detail"
DETAIL_BODY: Final = "request-fields"

# Anomalies
ANOMALIES_STATE: Final = "anomalies-state"
ANOMALIES_FIGURES: Final = "anomalies-figures"

# Pipeline
PIPELINE_STATE: Final = "pipeline-state"
PIPELINE_FIGURES: Final = "pipeline-figures"
PIPELINE_ALERTS: Final = "pipeline-alerts"
PIPELINE_BEHIND: Final = "pipeline-behind"
PIPELINE_HEADLINES: Final = "pipeline-headlines"
PIPELINE_PROCESSES: Final = "pipeline-processes"
PIPELINE_CALLS: Final = "pipeline-calls"
PIPELINE_CALLS_LEGEND: Final = "pipeline-calls-legend"
PIPELINE_DELAY: Final = "pipeline-delay"
PIPELINE_DELAY_LEGEND: Final = "pipeline-delay-legend"


def watch(granularity: str, part: str) -> str:
    """Name a part of the card that watches a granularity: its graph, note or list."""
    return f"anomalies-{granularity}-{part}"


def choice(dimension: str) -> str:
    """Name the filter of a dimension."""
    return f"filter-{dimension}"


def nav_link(path: str) -> str:
    """Name the link to a page."""
    return f"nav-{path.strip('/') or 'overview'}"
