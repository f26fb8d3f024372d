"""Calls that were made before this package was there: LiteLLM's own log, CSV and JSONL in, the store's rows out."""

from usage_plugin.history.columns import FIELDS, parse_pairs
from usage_plugin.history.formats import Format, Options, all_options, open_source
from usage_plugin.history.rejects import Rejects
from usage_plugin.history.run import Job, Span, Tally

__all__ = [
    "FIELDS",
    "Format",
    "Job",
    "Options",
    "Rejects",
    "Span",
    "Tally",
    "all_options",
    "open_source",
    "parse_pairs",
]
