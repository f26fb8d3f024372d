"""Conditions besides the detector's own in, when they hold, and would have held, out."""

from usage_plugin.rules.back_test import BackTest, Firing, Line, Missed, back_test, firing_now
from usage_plugin.rules.rule import (
    METRICS,
    BurnRate,
    Detector,
    NoData,
    Rule,
    RuleKind,
    Threshold,
    Window,
    row_of,
    rule_of,
)

__all__ = [
    "METRICS",
    "BackTest",
    "BurnRate",
    "Detector",
    "Firing",
    "Line",
    "Missed",
    "NoData",
    "Rule",
    "RuleKind",
    "Threshold",
    "Window",
    "back_test",
    "firing_now",
    "row_of",
    "rule_of",
]
