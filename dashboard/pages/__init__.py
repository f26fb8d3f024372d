"""The pages, in the order of the navigation."""

from typing import Final

from dashboard.pages import anomalies, overview, pipeline, requests
from dashboard.pages.page import Page

__all__ = ["PAGES", "Page"]

PAGES: Final = (
    Page(overview.PATH, overview.TITLE, overview.layout, overview.register),
    Page(requests.PATH, requests.TITLE, requests.layout, requests.register),
    Page(anomalies.PATH, anomalies.TITLE, anomalies.layout, anomalies.register),
    Page(pipeline.PATH, pipeline.TITLE, pipeline.layout, pipeline.register),
)
