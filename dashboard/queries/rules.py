"""A look in, the rules out; what somebody entered in, a rule tried on the past, or kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from dashboard.acts import number_in, text_in
from dashboard.data import Data, Look
from dashboard.frames import Fired, Stretch
from dashboard.metrics import metric_of
from dashboard.queries.names import name_in, names_of
from dashboard.scopes import TOTAL
from usage_plugin.errors import InputError
from usage_plugin.rules import (
    BackTest,
    BurnRate,
    Detector,
    NoData,
    Rule,
    RuleKind,
    Threshold,
    Window,
    back_test,
    row_of,
    rule_of,
)
from usage_plugin.store.read import Dimension
from usage_plugin.store.rules import remove_rule, rules, save_rule

LONGEST_NAME: Final = 100
LONGEST_MEMBER: Final = 256
ABOVE, BELOW = "above", "below"
_WINDOW: Final = re.compile(r"(\d+)\s*(?:min|minutes)?\s*[x*:]\s*(\d+(?:\.\d+)?)")
_FRESH: Final = {
    "kind": RuleKind.THRESHOLD.value,
    "metric": "cost",
    "dimension": TOTAL,
    "side": ABOVE,
    "period": "day",
    "windows": "60 x 14, 5 x 14",
    "hours": 2,
    "severity": "warning",
    "is_enabled": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the list shows."""

    now: datetime
    zone: ZoneInfo
    rules: tuple[Rule, ...]
    broken: tuple[str, ...]
    """Names of rules that cannot be read."""
    names: Mapping[int | None, str]
    """What the members of the rules are called, by the rule's number."""
    is_empty: bool = False


def all_rules(look: Look) -> Rules:
    """Give the rules by name."""
    found, broken = list[Rule](), list[str]()
    for row in look.ask_found(rules):
        try:
            found.append(rule_of(row))
        except InputError:
            broken.append(row.name)
    names = {rule.id: "" if rule.member is None else name_in(look, rule.dimension, rule.member) for rule in found}
    return Rules(now=look.now, zone=look.zone, rules=tuple(found), broken=tuple(broken), names=names)


def rule_numbered(look: Look, number: int | None) -> Rule | None:
    """Give the rule of a number, where there is one that can be read."""
    return next((rule for rule in all_rules(look).rules if rule.id == number), None)


def tried(data: Data, number: int | None, given: Mapping[str, Any]) -> BackTest:
    """Say when what was entered would have fired.

    Raises:
        InputError: It asks for what cannot be.
        StoreError: The database does not answer, or only pruned calls could tell.
    """
    look = data.look()
    return back_test(data.engine, rule_in(look, number, given), look.now, look.zone)


def keep_rule(data: Data, number: int | None, given: Mapping[str, Any]) -> str:
    """Keep what was entered: as a new rule, or in the place of one.

    Raises:
        InputError: It cannot work: says what and why.
        StoreError: The database does not take it.
    """
    kept = save_rule(data.engine, row_of(rule_in(data.look(), number, given)), now=data.clock())
    return f"Rule {kept.name} is kept"


def drop_rule(data: Data, number: int | None) -> str:
    """Remove a rule.

    Raises:
        InputError: There is none of this number.
        StoreError: The database does not take it.
    """
    if number is None or not remove_rule(data.engine, number):
        raise InputError(f"there is no rule {number}", "It may have been removed already")
    return "The rule is removed"


def course_of(found: BackTest, zone: ZoneInfo) -> Fired | None:
    """Give what is drawn of a back-test: whoever fired most; ``None`` where there is nothing to look at."""
    if not found.buckets or not found.lines:
        return None
    line, metric = found.lines[0], metric_of(found.rule.metric)
    finite = line.limits[np.isfinite(line.limits)]
    length = found.buckets[1] - found.buckets[0] if len(found.buckets) > 1 else found.until - found.buckets[0]
    mine = [each for each in found.firings if each.scope == line.scope]
    return Fired(
        name=f"{metric.name} of {line.label}" if line.label else metric.name,
        unit=metric.unit,
        buckets=found.buckets,
        bucket_length=length,
        values=line.values,
        firings=tuple(Stretch("", each.start, each.end) for each in mine),
        limit=float(finite[-1]) if finite.size and np.ptp(finite) == 0 else None,
        limits=line.limits if finite.size and np.ptp(finite) > 0 else None,
        zone=zone,
    )


# What somebody enters.


def entered(look: Look, rule: Rule | None) -> dict[str, Any]:
    """Give what the fields of the form hold: those of a rule, or of a new one."""
    held = {**dict.fromkeys(("name", "member", "limit", "per_day", "least", "owner"), ""), **_FRESH}
    if rule is None:
        return held
    held |= {
        "name": rule.name,
        "kind": rule.kind.value,
        "metric": rule.metric,
        "dimension": rule.dimension,
        "member": "" if rule.member is None else name_in(look, rule.dimension, rule.member),
        "severity": rule.severity,
        "owner": rule.owner or "",
        "is_enabled": rule.is_enabled,
    }
    return held | _held_of(rule)


def _held_of(rule: Rule) -> dict[str, Any]:
    match rule.settings:
        case Threshold(above=above, below=below, period=period):
            return {
                "side": BELOW if above is None else ABOVE,
                "limit": below if above is None else above,
                "period": period,
            }
        case BurnRate(windows=windows, per_day=per_day):
            return {
                "windows": ", ".join(f"{each.minutes} x {each.times:g}" for each in windows),
                "per_day": "" if per_day is None else per_day,
            }
        case NoData(hours=hours):
            return {"hours": hours}
        case Detector(period=period, least=least):
            return {"period": period, "least": least}


def rule_in(look: Look, number: int | None, given: Mapping[str, Any]) -> Rule:
    """Read what was entered.

    Raises:
        InputError: A field is missing, or holds what cannot be.
    """
    dimension, member = _scope_in(look, given["dimension"], given["member"])
    return Rule(
        id=number,
        name=text_in(given["name"], LONGEST_NAME),
        settings=_settings_in(given),
        metric=text_in(given["metric"], LONGEST_NAME),
        dimension=dimension,
        member=member,
        severity=text_in(given["severity"], LONGEST_NAME),
        owner=text_in(given["owner"], LONGEST_NAME) or None,
        is_enabled=given["is_enabled"] is True,
    )


def _scope_in(look: Look, dimension: Any, name: Any) -> tuple[str, str | None]:
    """Read whose calls are watched: without a name each member by itself."""
    if dimension not in set(Dimension):
        return TOTAL, None
    text = text_in(name, LONGEST_MEMBER)
    return dimension, names_of(look, dimension).get(text, text) if text else None


def _settings_in(given: Mapping[str, Any]) -> Threshold | BurnRate | NoData | Detector:
    match given["kind"]:
        case RuleKind.THRESHOLD.value:
            limit = _number(given["limit"], "limit")
            above, below = (limit, None) if given["side"] != BELOW else (None, limit)
            return Threshold(above=above, below=below, period=text_in(given["period"]))
        case RuleKind.BURN_RATE.value:
            return BurnRate(windows=windows_in(given["windows"]), per_day=number_in(given["per_day"]))
        case RuleKind.NO_DATA.value:
            return NoData(hours=int(_number(given["hours"], "number of hours")))
        case RuleKind.DETECTOR.value:
            return Detector(period=text_in(given["period"]), least=number_in(given["least"]) or 0.0)
        case _:
            raise InputError("the kind of the rule is missing", f"Choose one of {', '.join(RuleKind)}")


def windows_in(value: Any) -> tuple[Window, ...]:
    """Read windows like ``60 x 14, 5 x 14``: minutes and times.

    Raises:
        InputError: One of them is none.
    """
    words = [word.strip() for word in text_in(value, LONGEST_NAME).split(",") if word.strip()]
    found = [_WINDOW.fullmatch(word) for word in words]
    if not found or None in found:
        raise InputError(f"windows {value!r} cannot be read", "Write minutes and times, like 60 x 14, 5 x 14")
    return tuple(Window(int(each[1]), float(each[2])) for each in found if each is not None)


def _number(value: Any, name: str) -> float:
    number = number_in(value)
    if number is None:
        raise InputError(f"the {name} is missing", "Give a number")
    return number
