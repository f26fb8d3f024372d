"""Arrays in, results out: what is expected, and what is not. Knows numpy and scipy, no database and no page."""

from usage_plugin.analysis.detection import Detection, FlaggedPoint, Verdict
from usage_plugin.analysis.detectors import DAILY, DETECTORS, HOURLY, Detector
from usage_plugin.analysis.robust import robust_z
from usage_plugin.analysis.rolling import RollingZ, RollingZConfig, Season

__all__ = [
    "DAILY",
    "DETECTORS",
    "HOURLY",
    "Detection",
    "Detector",
    "FlaggedPoint",
    "RollingZ",
    "RollingZConfig",
    "Season",
    "Verdict",
    "robust_z",
]
