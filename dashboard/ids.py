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
CHANGED: Final = "changed"
"""When somebody changed something on this page last: lists are drawn anew."""

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
AHEAD: Final = "overview-ahead"
COMPARED: Final = "overview-compared"

# Requests
REQUESTS_STATE: Final = "requests-state"
REQUESTS_PANEL: Final = "requests-panel"
REQUESTS_COUNT: Final = "requests-count"
REQUESTS_LISTED: Final = "requests-listed"
REQUESTS_GRID: Final = "requests-grid"
DETAIL: Final = "request-detail"
DETAIL_BODY: Final = "request-fields"

# Anomalies
INBOX_STATE: Final = "inbox-state"
INBOX_FIGURES: Final = "inbox-figures"
INBOX_TABS: Final = "inbox-tabs"
INBOX_NOTE: Final = "inbox-note"
INBOX_LIST: Final = "inbox-list"

# One anomaly
ANOMALY_STATE: Final = "anomaly-state"
ANOMALY_FIGURES: Final = "anomaly-figures"
ANOMALY_HEADING: Final = "anomaly-heading"
ANOMALY_STORY: Final = "anomaly-story"
ANOMALY_KPIS: Final = "anomaly-kpis"
ANOMALY_CHART: Final = "anomaly-chart"
ANOMALY_GRAPH: Final = "anomaly-graph"
ANOMALY_LEGEND: Final = "anomaly-legend"
ANOMALY_WHY: Final = "anomaly-why"
ANOMALY_HISTORY: Final = "anomaly-history"
ANOMALY_MERGED: Final = "anomaly-merged"
ANOMALY_FORM: Final = "anomaly-form"
ANOMALY_BY: Final = "anomaly-by"
ANOMALY_NOTE: Final = "anomaly-note"
ANOMALY_SAID: Final = "anomaly-said"

# Budgets
BUDGETS_STATE: Final = "budgets-state"
BUDGETS_FIGURES: Final = "budgets-figures"
BUDGETS_LIST: Final = "budgets-list"
BUDGET_STATE: Final = "budget-state"
BUDGET_FIGURES: Final = "budget-figures"
BUDGET_HEADING: Final = "budget-heading"
BUDGET_KPIS: Final = "budget-kpis"
BUDGET_GRAPH: Final = "budget-graph"
BUDGET_COURSE: Final = "budget-course"
BUDGET_LEGEND: Final = "budget-legend"
BUDGET_FAMILY: Final = "budget-family"
BUDGET_FORM: Final = "budget-form"
BUDGET_SAVE: Final = "budget-save"
BUDGET_SAID: Final = "budget-said"
BUDGET_REMOVE: Final = "budget-remove"
BUDGET_REMOVED: Final = "budget-removed"

# Calendar
CALENDAR_STATE: Final = "calendar-state"
CALENDAR_FIGURES: Final = "calendar-figures"
CALENDAR_LISTS: Final = "calendar-lists"
EVENT_PANEL: Final = "event-panel"
EVENT_CHOSEN: Final = "event-chosen"
EVENT_REMOVE: Final = "event-remove"
EVENT_REMOVED: Final = "event-removed"
EVENT_FORM: Final = "event-form"
EVENT_SAVE: Final = "event-save"
EVENT_SAID: Final = "event-said"

# Rules
RULES_STATE: Final = "rules-state"
RULES_FIGURES: Final = "rules-figures"
RULES_LIST: Final = "rules-list"
RULE_TITLE: Final = "rule-title"
RULE_FORM: Final = "rule-form"
RULE_TRY: Final = "rule-try"
RULE_SAVE: Final = "rule-save"
RULE_REMOVE: Final = "rule-remove"
RULE_SAID: Final = "rule-said"
RULE_TRIAL: Final = "rule-trial"
RULE_VERDICT: Final = "rule-verdict"
RULE_GRAPH: Final = "rule-graph"
RULE_LEGEND: Final = "rule-legend"
RULE_FIRINGS: Final = "rule-firings"

# Alerts
ALERTS_STATE: Final = "alerts-state"
ALERTS_FIGURES: Final = "alerts-figures"
ALERTS_ACTIVE: Final = "alerts-active"
ALERTS_LOG: Final = "alerts-log"
ALERT_PANEL: Final = "alert-panel"
ALERT_CHOSEN: Final = "alert-chosen"
ALERT_FORM: Final = "alert-form"
ALERT_BY: Final = "alert-by"
ALERT_LOOK_AFTER: Final = "alert-look-after"
ALERT_OPEN_AGAIN: Final = "alert-open-again"
ALERT_SAID: Final = "alert-said"

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


def feedback(state: str) -> str:
    """Name the button that gives an anomaly a state."""
    return f"anomaly-{state.lower().replace('_', '-')}"


def budget(field: str) -> str:
    """Name a field of a budget's form."""
    return f"budget-field-{field.replace('_', '-')}"


def event(field: str) -> str:
    """Name a field of an event's form."""
    return f"event-field-{field}"


def rule(field: str) -> str:
    """Name a field of a rule's form."""
    return f"rule-field-{field.replace('_', '-')}"


def rule_box(field: str) -> str:
    """Name what hides a field of a rule's form."""
    return f"rule-box-{field.replace('_', '-')}"


def choice(dimension: str) -> str:
    """Name the filter of a dimension."""
    return f"filter-{dimension}"


def nav_link(path: str) -> str:
    """Name the link to a page."""
    return f"nav-{path.strip('/') or 'overview'}"
