"""A robust, seasonal, rolling z-score with memory: points are scored from their past, in a small state."""

from usage_plugin.analysis.memory.anomalies import Anomaly, Kind, anomalies
from usage_plugin.analysis.memory.batch import Scores, advance, run
from usage_plugin.analysis.memory.profile import Channel, Profile, Stabiliser, Volatility
from usage_plugin.analysis.memory.profiles import PER_CALL_BY_DAY, SPEND_BY_DAY, SPEND_BY_HOUR, metric_every
from usage_plugin.analysis.memory.state import State, begin, leaf_sizes, of_leaves, unpack
from usage_plugin.analysis.memory.step import Seen, step

__all__ = [
    "PER_CALL_BY_DAY",
    "SPEND_BY_DAY",
    "SPEND_BY_HOUR",
    "Anomaly",
    "Channel",
    "Kind",
    "Profile",
    "Scores",
    "Seen",
    "Stabiliser",
    "State",
    "Volatility",
    "advance",
    "anomalies",
    "begin",
    "leaf_sizes",
    "metric_every",
    "of_leaves",
    "run",
    "step",
    "unpack",
]
