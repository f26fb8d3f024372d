"""What somebody should hear of in, messages to people out: opened, grouped, delivered, resolved. Never in the proxy."""

from usage_plugin.alerts.config import routing_of
from usage_plugin.alerts.delivery import Delivered, deliver
from usage_plugin.alerts.finding import Finding, Severity, Source
from usage_plugin.alerts.looking_after import look_after, open_again
from usage_plugin.alerts.raising import raise_alerts
from usage_plugin.alerts.routing import Channel, QuietHours, Route, Routing
from usage_plugin.alerts.telling import tell
from usage_plugin.store.alerts import Raised

__all__ = [
    "Channel",
    "Delivered",
    "Finding",
    "QuietHours",
    "Raised",
    "Route",
    "Routing",
    "Severity",
    "Source",
    "deliver",
    "look_after",
    "open_again",
    "raise_alerts",
    "routing_of",
    "tell",
]
