"""Arrays in, results out: what is expected, and what is not. Knows numpy and scipy, no database and no page."""

from usage_plugin.analysis.detection import Verdict

__all__ = ["Verdict"]
