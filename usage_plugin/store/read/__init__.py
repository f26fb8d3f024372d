"""The one door for reading: a Question in, small frozen answers out."""

from usage_plugin.store.read.answers import (
    ConfidenceSplit,
    CostSeries,
    LatencySeries,
    Member,
    Newest,
    Page,
    Price,
    RecordDetail,
    Recording,
    Series,
    Share,
    Spent,
    Stack,
    Sums,
    Usage,
    Use,
)
from usage_plugin.store.read.latency import latency_p95_ms, latency_p95_series
from usage_plugin.store.read.minutes import Caller, MinuteSums, callers, minute_sums
from usage_plugin.store.read.pipeline import MINUTE, not_added_up, processes, recording
from usage_plugin.store.read.question import Choice, Dimension, Granularity, Question, Scope, bucket_starts
from usage_plugin.store.read.records import Extent, Order, extent, newest, recent, record_detail, records
from usage_plugin.store.read.sums import sums
from usage_plugin.store.read.usage import before, confidence, cost_series, members, series, shares, stack, totals
from usage_plugin.store.read.uses import prices_of, uses
from usage_plugin.store.read.values import dimension_values, distinct_values

__all__ = [
    "MINUTE",
    "Caller",
    "Choice",
    "ConfidenceSplit",
    "CostSeries",
    "Dimension",
    "Extent",
    "Granularity",
    "LatencySeries",
    "Member",
    "MinuteSums",
    "Newest",
    "Order",
    "Page",
    "Price",
    "Question",
    "RecordDetail",
    "Recording",
    "Scope",
    "Series",
    "Share",
    "Spent",
    "Stack",
    "Sums",
    "Usage",
    "Use",
    "before",
    "bucket_starts",
    "callers",
    "confidence",
    "cost_series",
    "dimension_values",
    "distinct_values",
    "extent",
    "latency_p95_ms",
    "latency_p95_series",
    "members",
    "minute_sums",
    "newest",
    "not_added_up",
    "prices_of",
    "processes",
    "recent",
    "record_detail",
    "recording",
    "records",
    "series",
    "shares",
    "stack",
    "sums",
    "totals",
    "uses",
]
