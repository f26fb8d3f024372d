"""A row of the table of rules in, what it asks for out, and back: checked before it is kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from usage_plugin.detect.series import TOTAL, WATCHES, Metric
from usage_plugin.errors import InputError
from usage_plugin.store.analysis_tables import AlertRule
from usage_plugin.store.read import Dimension, Granularity

UNPRICED_SHARE: Final = "unpriced_share"
METRICS: Final = (*(metric.value for metric in Metric if metric is not Metric.USE), UNPRICED_SHARE)
SEVERITIES: Final = ("info", "warning", "critical")
# Those that calls by the minute are known of.
BY_MINUTE: Final = (TOTAL, "key", "user", "team")
LONGEST_MINUTES: Final = timedelta(hours=6)
LONGEST_WINDOW: Final = timedelta(days=28)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RuleKind(StrEnum):
    """What a rule looks at."""

    THRESHOLD = "threshold"
    BURN_RATE = "burn rate"
    NO_DATA = "no data"
    DETECTOR = "detector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A value of an hour or of a day so far that must not be crossed: dollars, ms, counts, or rates from 0 to 1."""

    above: float | None = None
    below: float | None = None
    """Judged when the hour or day is over."""
    period: str = Granularity.DAY.value


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in which so many times more than is allowed is too much."""

    minutes: int
    times: float

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnRate:
    """What may be used in a day, and how much faster is too much, in all of some windows."""

    windows: tuple[Window, ...]
    per_day: float | None = None
    """``None``: what is usual, the mean of the four weeks before (with windows of minutes: of the day before)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoData:
    """Silence for so long where there were calls in the week before."""

    hours: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """What the detector of anomalies finds in a series."""

    period: str = Granularity.HOUR.value
    least: float = 0.0
    """In the metric's own unit beyond the expected, from its begin on."""


Settings = Threshold | BurnRate | NoData | Detector
_KINDS: Final[Mapping[RuleKind, type[Settings]]] = {
    RuleKind.THRESHOLD: Threshold,
    RuleKind.BURN_RATE: BurnRate,
    RuleKind.NO_DATA: NoData,
    RuleKind.DETECTOR: Detector,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is looked at, whose it is, and when somebody is told.

    ``dimension`` is ``total`` or that of those it watches, ``member`` one of them, or ``None`` for each by itself.
    """

    name: str
    settings: Settings
    metric: str = Metric.COST.value
    dimension: str = TOTAL
    member: str | None = None
    severity: str = "warning"
    owner: str | None = None
    is_enabled: bool = True
    id: int | None = None

    @property
    def kind(self) -> RuleKind:
        """What it looks at."""
        return next(kind for kind, settings in _KINDS.items() if isinstance(self.settings, settings))

    @property
    def is_by_minute(self) -> bool:
        """Whether it looks at single minutes."""
        settings = self.settings
        return isinstance(settings, BurnRate) and max(each.length for each in settings.windows) <= LONGEST_MINUTES


def rule_of(row: AlertRule) -> Rule:
    """Read a rule.

    Raises:
        InputError: It was not written by `row_of`.
    """
    try:
        return Rule(
            id=row.id,
            name=row.name,
            settings=_settings(RuleKind(row.kind), json.loads(row.settings)),
            metric=row.metric,
            dimension=row.dimension,
            member=row.member,
            severity=row.severity,
            owner=row.owner,
            is_enabled=row.is_enabled,
        )
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"rule {row.name!r} cannot be read: {error}", "Save it again") from None


def row_of(rule: Rule) -> AlertRule:
    """Give the row of a rule.

    Raises:
        InputError: It asks for what cannot be; names what, and what can.
    """
    _check(rule)
    return AlertRule(
        id=rule.id,
        name=rule.name.strip(),
        kind=rule.kind.value,
        metric=rule.metric,
        dimension=rule.dimension,
        member=rule.member,
        settings=json.dumps(asdict(rule.settings)),
        severity=rule.severity,
        owner=rule.owner,
        is_enabled=rule.is_enabled,
        created_at=_EPOCH,
        updated_at=_EPOCH,
    )


def _settings(kind: RuleKind, given: Mapping[str, Any]) -> Settings:
    if kind is RuleKind.BURN_RATE:
        return BurnRate(windows=tuple(Window(**each) for each in given["windows"]), per_day=given.get("per_day"))
    return _KINDS[kind](**given)


def _check(rule: Rule) -> None:
    _refuse_unless(bool(rule.name.strip()), "a rule without a name cannot be kept", "Say what it is")
    _one_of("severity", rule.severity, SEVERITIES)
    _one_of("metric", rule.metric, METRICS)
    _one_of("dimension", rule.dimension, (TOTAL, *Dimension))
    _refuse_unless(
        rule.dimension != TOTAL or rule.member is None, f"{rule.member!r} is no part of all calls", "Name its dimension"
    )
    _CHECKS[rule.kind](rule, rule.settings)


def _check_threshold(_rule: Rule, given: Any) -> None:
    limits = [each for each in (given.above, given.below) if each is not None]
    _refuse_unless(len(limits) == 1, "a threshold is either above or below a value", "Give one of the two")
    _refuse_unless(math.isfinite(limits[0]) and limits[0] >= 0, f"{limits[0]} is no limit", "Give 0 or more")
    _one_of("period", given.period, Granularity)


def _check_burn_rate(rule: Rule, given: Any) -> None:
    _one_of("metric", rule.metric, (Metric.COST.value, Metric.REQUESTS.value, Metric.TOKENS.value))
    _refuse_unless(bool(given.windows), "a burn rate needs a window", "Give one or two, like 60 and 5 minutes")
    for each in given.windows:
        is_one = each.minutes > 0 and each.length <= LONGEST_WINDOW and math.isfinite(each.times) and each.times > 0
        _refuse_unless(is_one, f"{each.times} times in {each.minutes} minutes is no window", "Up to 28 days")
    limit = given.per_day
    _refuse_unless(limit is None or (math.isfinite(limit) and limit > 0), f"{limit} a day is no limit", "Above 0")
    if rule.is_by_minute:
        _one_of("dimension of a rule by the minute", rule.dimension, BY_MINUTE)
        _one_of("metric by the minute", rule.metric, (Metric.COST.value, Metric.REQUESTS.value))
        return
    whole = all(each.minutes % 60 == 0 for each in given.windows)
    _refuse_unless(whole, "windows beside one of more than six hours are whole hours", "Make them multiples of 60")


def _check_no_data(_rule: Rule, given: Any) -> None:
    _refuse_unless(1 <= given.hours <= 7 * 24, f"{given.hours} hours of silence are no rule", "From 1 hour to a week")


def _check_detector(rule: Rule, given: Any) -> None:
    _one_of("metric", rule.metric, METRICS[:-1])
    _one_of("period", given.period, Granularity)
    periods = [each.granularity.value for each in WATCHES if each.metric == rule.metric]
    _refuse_unless(
        given.period in periods,
        f"{rule.metric} is not judged by the {given.period}",
        f"Give the period {' or '.join(periods)}",
    )
    _refuse_unless(math.isfinite(given.least) and given.least >= 0, f"{given.least} is no amount", "Give 0 or more")


_CHECKS: Final = {
    RuleKind.THRESHOLD: _check_threshold,
    RuleKind.BURN_RATE: _check_burn_rate,
    RuleKind.NO_DATA: _check_no_data,
    RuleKind.DETECTOR: _check_detector,
}


def _one_of(what: str, value: str, known: Any) -> None:
    _refuse_unless(value in set(known), f"the {what} cannot be {value!r}", f"It can be {', '.join(known)}")


def _refuse_unless(is_fine: bool, problem: str, remedy: str) -> None:
    if not is_fine:
        raise InputError(problem, remedy)
