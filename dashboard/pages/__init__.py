"""The pages, in the order of the navigation."""

from typing import Final

from dashboard.pages import alerts, anomalies, anomaly, budget, budgets, calendar, overview, pipeline, requests, rules
from dashboard.pages.page import Page

__all__ = ["PAGES", "Page"]

PAGES: Final = (
    Page(overview.PATH, overview.TITLE, overview.layout, overview.register),
    Page(requests.PATH, requests.TITLE, requests.layout, requests.register),
    Page(anomalies.PATH, anomalies.TITLE, anomalies.layout, anomalies.register),
    Page(anomaly.PATH, anomaly.TITLE, anomaly.layout, anomaly.register),
    Page(budgets.PATH, budgets.TITLE, budgets.layout, budgets.register),
    Page(budget.PATH, budget.TITLE, budget.layout, budget.register),
    Page(rules.PATH, rules.TITLE, rules.layout, rules.register),
    Page(calendar.PATH, calendar.TITLE, calendar.layout, calendar.register),
    Page(alerts.PATH, alerts.TITLE, alerts.layout, alerts.register),
    Page(pipeline.PATH, pipeline.TITLE, pipeline.layout, pipeline.register),
)
