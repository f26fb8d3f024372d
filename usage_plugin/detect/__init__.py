"""The calls of a store in, its anomalies found, explained, merged and kept out."""

from usage_plugin.detect.explanation import Part, Split, Why

__all__ = ["Part", "Split", "Why"]
