"""Expected and actual of an anomaly in, why they differ out: parts that add up to the change exactly."""

from usage_plugin.analysis.why.members import Amounts, Contribution, Explanation, Name, Rest, Standing, explain, ranked
from usage_plugin.analysis.why.reconcile import reconcile

__all__ = [
    "Amounts",
    "Contribution",
    "Explanation",
    "Name",
    "Rest",
    "Standing",
    "explain",
    "ranked",
    "reconcile",
]
