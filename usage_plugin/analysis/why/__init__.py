"""Expected and actual of an anomaly in, why they differ out: parts that add up to the change exactly."""

from usage_plugin.analysis.why.factors import Breakdown, Metered, ModelUse, break_down
from usage_plugin.analysis.why.members import Amounts, Contribution, Explanation, Name, Rest, Standing, explain, ranked
from usage_plugin.analysis.why.reconcile import reconcile
from usage_plugin.analysis.why.redraw import without
from usage_plugin.analysis.why.terms import Terms
from usage_plugin.analysis.why.words import Story, Unit, tell, unpriced_words

__all__ = [
    "Amounts",
    "Breakdown",
    "Contribution",
    "Explanation",
    "Metered",
    "ModelUse",
    "Name",
    "Rest",
    "Standing",
    "Story",
    "Terms",
    "Unit",
    "break_down",
    "explain",
    "ranked",
    "reconcile",
    "tell",
    "unpriced_words",
    "without",
]
