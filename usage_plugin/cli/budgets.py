"""``usage-plugin budgets``: the database of the settings in, how each budget stands out; makes and changes them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from usage_plugin.cli.context import load
from usage_plugin.cli.spent import caveats, spent_values
from usage_plugin.errors import InputError
from usage_plugin.money import rounded_usd, to_nano_usd

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from usage_plugin.budgets import Standing, Untold
    from usage_plugin.store.budgets import Budget

NAME = "budgets"
EXAMPLE = """usage-plugin budgets --set Search --scope team=search --amount 500 --period month --action block
usage-plugin budgets --set Nightly --scope tag=nightly --amount 40 --rolling-days 7 --action degrade --degrade-to small
usage-plugin budgets --json"""
NO_PARENT = "none"


class PeriodName(StrEnum):
    """As ``usage_plugin.periods.Period``; a rolling one is named by its days."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class ActionName(StrEnum):
    """As ``usage_plugin.store.budgets.Action``, which takes longer to load than ``--help`` should."""

    ALERT = "alert"
    BLOCK = "block"
    DEGRADE = "degrade"


@dataclass(frozen=True, slots=True)
class _Given:
    """What the command line says of a budget; ``None`` leaves it as it is."""

    scope: str | None
    amount: str | None
    period: PeriodName | None
    rolling_days: int | None
    action: ActionName | None
    degrade_to: str | None
    thresholds: list[float] | None
    parent: str | None
    owner: str | None
    enabled: bool | None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said."""
        return all(getattr(self, name) in (None, []) for name in self.__slots__)


def command(
    *,
    name: Annotated[str | None, typer.Option("--set", metavar="NAME", help="Make this budget, or change it.")] = None,
    remove: Annotated[str | None, typer.Option("--remove", metavar="NAME", help="Delete this budget.")] = None,
    scope: Annotated[
        str | None, typer.Option(help="Whose calls: total, team=NAME, user=NAME, key=HASH, tag=NAME, model=NAME, ...")
    ] = None,
    amount: Annotated[str | None, typer.Option(metavar="DOLLARS", help="What they may cost in a period.")] = None,
    period: Annotated[PeriodName | None, typer.Option(help="A period of the calendar.")] = None,
    rolling_days: Annotated[
        int | None, typer.Option(metavar="N", help="Instead of a period: today and the days before it, N in all.")
    ] = None,
    action: Annotated[
        ActionName | None, typer.Option(help="Beyond the amount: tell, answer 429, or ask another model group.")
    ] = None,
    degrade_to: Annotated[str | None, typer.Option(metavar="GROUP", help="That model group.")] = None,
    thresholds: Annotated[
        list[float] | None,
        typer.Option("--threshold", metavar="SHARE", help="Tell at this share of the amount, 0.8 is 80 %; repeatable."),
    ] = None,
    parent: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"Budget that it is a part of; {NO_PARENT} for none.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Who is told.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Switch it on or off.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Say how every budget stands: spent of its amount, beside plan and forecast, and when it runs out.

    With --set or --remove, change budgets first. Running proxies know of a change within seconds.
    """
    from usage_plugin.budgets import standing
    from usage_plugin.clock import utc_now
    from usage_plugin.store.database import connect
    from usage_plugin.store.migrate import require_current

    given = _Given(scope, amount, period, rolling_days, action, degrade_to, thresholds, parent, owner, enabled)
    if name is None and not given.is_empty:
        raise typer.BadParameter("says which budget the other options are about", param_hint="--set")
    settings, _ = load()
    engine, now = connect(settings.url), utc_now()
    require_current(engine)
    if remove is not None:
        _remove(engine, remove, now)
    if name is not None:
        _set(engine, name, given, now)
    found = standing(engine, now, settings.zone)
    typer.echo(_as_json(settings.safe_url, found) if as_json else _as_text(settings.safe_url, found, settings.zone))


def _remove(engine: Engine, name: str, now: datetime) -> None:
    from usage_plugin.store.budgets import remove_budget

    remove_budget(engine, _known(engine, name).id or 0, now)


def _set(engine: Engine, name: str, given: _Given, now: datetime) -> None:
    from usage_plugin.store.budgets import budgets, save_budget

    before = next((each for each in budgets(engine) if each.name == name), None)
    save_budget(engine, _changed(before or _new(name, given), engine, given), now)


def _known(engine: Engine, name: str) -> Budget:
    from usage_plugin.store.budgets import budgets

    known = {each.name: each for each in budgets(engine)}
    if name not in known:
        raise InputError(f"there is no budget named {name!r}", f"There are: {', '.join(known) or 'none yet'}")
    return known[name]


def _new(name: str, given: _Given) -> Budget:
    """Make a budget of what a new one needs."""
    from usage_plugin.periods import Period
    from usage_plugin.store.budgets import Budget
    from usage_plugin.store.part import Part

    has_period = given.period is not None or given.rolling_days is not None
    needed = {"--scope": given.scope, "--amount": given.amount, "--period": has_period or None}
    if missing := [option for option, value in needed.items() if value is None]:
        raise InputError(f"there is no budget named {name!r} yet", f"To make it, add {', '.join(missing)}")
    return Budget(name=name, part=Part(), amount_nano_usd=0, period=Period.MONTH)


def _changed(budget: Budget, engine: Engine, given: _Given) -> Budget:
    from usage_plugin.periods import Period
    from usage_plugin.store.budgets import Action
    from usage_plugin.store.part import Part

    changes: dict[str, Any] = {
        "part": None if given.scope is None else Part.read(given.scope),
        "amount_nano_usd": None if given.amount is None else _amount(given.amount),
        "action": None if given.action is None else Action(given.action.value),
        "degrade_to": given.degrade_to,
        "thresholds": tuple(given.thresholds) if given.thresholds else None,
        "owner": given.owner,
        "is_enabled": given.enabled,
    }
    if given.period is not None and given.rolling_days is not None:
        raise InputError(f"--period {given.period} and --rolling-days {given.rolling_days} are two periods", "Give one")
    if given.period is not None:
        budget = replace(budget, period=Period(given.period.value), rolling_days=None)
    if given.rolling_days is not None:
        budget = replace(budget, period=Period.ROLLING, rolling_days=given.rolling_days)
    if given.action not in (None, ActionName.DEGRADE):
        budget = replace(budget, degrade_to=None)
    if given.parent is not None:
        above = None if given.parent == NO_PARENT else _known(engine, given.parent).id
        budget = replace(budget, parent_id=above)
    return replace(budget, **{name: value for name, value in changes.items() if value is not None})


def _amount(dollars: str) -> int:
    try:
        nano = to_nano_usd(Decimal(dollars.replace(",", "").removeprefix("$")))
    except InvalidOperation:
        nano = None
    if nano is None:
        raise InputError(f"--amount {dollars} is no amount of dollars", "Write it like 500 or 12.50")
    return nano


def _as_json(database: str, found: list[Standing | Untold]) -> str:
    return json.dumps({"database": database, "budgets": [_values(each) for each in found]}, indent=2)


def _values(each: Standing | Untold) -> dict[str, Any]:
    from usage_plugin.budgets import Untold

    if isinstance(each, Untold):
        return _kept(each.budget) | {"amount_usd": _usd(each.budget.amount_nano_usd), "untold": each.why}
    return _kept(each.budget) | _told(each)


def _kept(budget: Budget) -> dict[str, Any]:
    return {
        "name": budget.name,
        "scope": str(budget.part),
        "period": budget.period.value,
        "rolling_days": budget.rolling_days,
        "action": budget.action.value,
        "degrade_to": budget.degrade_to,
        "enabled": budget.is_enabled,
        "owner": budget.owner,
    }


def _told(each: Standing) -> dict[str, Any]:
    from usage_plugin.outlook import PeriodForecast

    forecast = each.forecast
    amounts = {"amount": each.budget.amount_nano_usd, "pace": each.pace_nano_usd}
    expected = forecast.expected_nano_usd if isinstance(forecast, PeriodForecast) else None
    return {
        "period_start": each.period_start.isoformat(),
        "period_end": each.period_end.isoformat(),
        **{f"{name}_usd": _usd(value) for name, value in (amounts | {"expected": expected}).items()},
        **spent_values(each.outlook),
        "thresholds_crossed": list(each.crossed),
        "no_forecast": None if isinstance(forecast, PeriodForecast) else forecast.reason.value,
        "projected_over": each.projected_over,
        "runs_out_at": None if each.runs_out_at is None else each.runs_out_at.isoformat(),
    }


def _usd(nano_usd: int | None) -> float | None:
    return None if nano_usd is None else nano_usd / 1e9


def _as_text(database: str, found: list[Standing | Untold], zone: ZoneInfo) -> str:
    if not found:
        return f"{database} has no budgets. Make one: {EXAMPLE.splitlines()[0]}"
    return "\n".join(line for each in found for line in _lines(each, zone))


def _lines(each: Standing | Untold, zone: ZoneInfo) -> list[str]:
    from usage_plugin.budgets import Untold

    if isinstance(each, Untold):
        return [_head(each.budget), f"  nobody can tell what is spent: {each.why}"]
    return [_head(each.budget), *_amounts(each, zone)]


def _head(budget: Budget) -> str:
    length = f"{budget.rolling_days} days" if budget.rolling_days else budget.period.value
    does = {"block": ", blocks", "degrade": f", degrades to {budget.degrade_to}"}.get(budget.action.value, "")
    off = "" if budget.is_enabled else ", switched off"
    return f"{budget.name}: {budget.part}, {length}{does}{off}"


def _amounts(each: Standing, zone: ZoneInfo) -> list[str]:
    share = ", ".join([f"{each.used_share:.0%}", *caveats(each.outlook)])
    spent = f"{rounded_usd(each.spent_nano_usd)} of {rounded_usd(each.budget.amount_nano_usd)}"
    plan = "" if each.pace_nano_usd is None else f"; {rounded_usd(each.pace_nano_usd)} at an even pace"
    return [
        f"  {spent} spent ({share}){plan}",
        f"  {_expected(each, zone)}",
    ]


def _expected(each: Standing, zone: ZoneInfo) -> str:
    from usage_plugin.outlook import PeriodForecast

    forecast = each.forecast
    if not isinstance(forecast, PeriodForecast):
        told = "spent" if each.is_over else "no forecast"
        return f"{told}: {forecast.why}"
    low, high = rounded_usd(forecast.low_80_nano_usd), rounded_usd(forecast.high_80_nano_usd)
    end = f"{each.period_end.astimezone(zone):%Y-%m-%d}"
    text = f"{rounded_usd(forecast.expected_nano_usd)} expected by {end} (80 %: {low} to {high})"
    if each.is_over:
        return f"spent; {text}"
    return text if each.runs_out_at is None else f"runs out {each.runs_out_at.astimezone(zone):%Y-%m-%d %H:%M}; {text}"
