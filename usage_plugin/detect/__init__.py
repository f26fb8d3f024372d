"""The calls of a store in, its anomalies found, explained, merged and kept out."""

from usage_plugin.detect.explanation import Part, Split, Why
from usage_plugin.detect.options import Options
from usage_plugin.detect.run import Detected, detect

__all__ = ["Detected", "Options", "Part", "Split", "Why", "detect"]
