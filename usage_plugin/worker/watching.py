"""The calls of the last minutes in, alerts of who runs away and of rules that fire out: minutes after it began."""

from __future__ import annotations

from datetime import datetime, timedelta

from usage_plugin.alerts import Finding, Source, raise_alerts
from usage_plugin.alerts.rules import is_about, rule_findings
from usage_plugin.alerts.runaways import runaway_findings
from usage_plugin.analysis.burn import Runaway
from usage_plugin.detect.series import TOTAL
from usage_plugin.detect.series import Scope as SeriesScope
from usage_plugin.errors import InputError
from usage_plugin.guard import describe
from usage_plugin.rules import Missed, NoData, Rule, firing_now, rule_of
from usage_plugin.rules.evaluate import lookback
from usage_plugin.rules.minutes import MINUTE, Recent, Scope
from usage_plugin.rules.past_weeks import PastWeeks
from usage_plugin.rules.runaway import Limits, watch
from usage_plugin.settings import Settings
from usage_plugin.store.alerts import ACTIVE, alerts
from usage_plugin.store.analysis_tables import AlertRule
from usage_plugin.store.rules import rules
from usage_plugin.worker.jobs import JobContext
from usage_plugin.worker.telling import Routes, said_of

MINUTES_PER_HOUR = 60


class Watch:
    """Looks at the minutes that are over, and remembers two days of them."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._recent: Recent | None = None
        self._weeks: PastWeeks | None = None

    def __call__(self, context: JobContext) -> str:
        """Look, and tell at once."""
        engine, now = context.engine, context.clock()
        if self._recent is None or self._weeks is None or self._recent.engine is not engine:
            self._recent, self._weeks = Recent(engine), PastWeeks(engine)
        self._recent.catch_up(now)
        active = alerts(engine, states=ACTIVE, sources=(Source.RUNAWAY,))
        known = {Scope(alert.dimension, alert.member) for alert in active}
        cases = watch(self._recent, self._weeks, _limits(context.settings), known)
        raised = raise_alerts(engine, Source.RUNAWAY, runaway_findings(engine, cases, context.zone), now)
        return said_of(raised, self._routes.tell(context) if raised.opened or raised.resolved else 0)


def _limits(settings: Settings) -> Limits:
    return Limits(
        dollars=Runaway(least_per_point=settings.runaway_usd_per_hour / MINUTES_PER_HOUR),
        unpriced=Runaway(least_per_point=settings.runaway_requests_per_hour / MINUTES_PER_HOUR),
    )


# What a rule over weeks says does not change within minutes, and takes longer to read.
SLOWLY = timedelta(minutes=10)
SOON = timedelta(days=3)
AT_ONCE = timedelta(0)
MOST_MISSED = 5000
GONE_AFTER = timedelta(days=7)
"""Where a rule watches whoever there is, some leave for good: replaced keys, people who moved on."""


class Rules:
    """Evaluates rules: those over days each minute, those over weeks every ten, and keeps what they said."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._recent: Recent | None = None
        self._said: dict[str, tuple[datetime, list[Finding]]] = {}

    def __call__(self, context: JobContext) -> str:
        """Evaluate, and tell at once. A rule that cannot be evaluated does not keep the others from it."""
        engine, now = context.engine, context.clock()
        rows = rules(engine, enabled_only=True)
        found, failed = list[Finding](), list[str]()
        for row in rows:
            context.breathe()
            try:
                found += self._findings(context, row, now)
            except Exception as error:  # noqa: BLE001 - whatever one rule brings about, the others go on
                failed.append(f"{row.name}: {describe(error)}")
                # Nobody knows whether it still holds: what was said is not taken back.
                found += self._said.get(_key(row), (now, []))[1]
        self._said = {key: kept for key, kept in self._said.items() if key in {_key(row) for row in rows}}
        raised = raise_alerts(engine, Source.RULE, found, now)
        told = self._routes.tell(context) if raised.opened or raised.resolved else 0
        if failed:
            raise InputError(f"{len(failed)} of {len(rows)} rules cannot be evaluated: {'; '.join(failed)}")
        return said_of(raised, told)

    def _findings(self, context: JobContext, row: AlertRule, now: datetime) -> list[Finding]:
        rule, key = rule_of(row), _key(row)
        known = self._said.get(key)
        if known is not None and lookback(rule) > SOON and AT_ONCE <= now - known[0] < SLOWLY:
            return known[1]
        recent = self._minutes(context, now) if rule.is_by_minute else None
        missed = _missed(context, rule) if isinstance(rule.settings, NoData) else ()
        firing = firing_now(context.engine, rule, now, context.zone, recent=recent, missed=missed)
        found = rule_findings(rule, firing, context.zone)
        self._said[key] = (now, found)
        return found

    def _minutes(self, context: JobContext, now: datetime) -> Recent:
        if self._recent is None or self._recent.engine is not context.engine:
            self._recent = Recent(context.engine)
        if not now - MINUTE < self._recent.end <= now:
            self._recent.catch_up(now)
        return self._recent


def _missed(context: JobContext, rule: Rule) -> list[Missed]:
    """Give whom a rule about silence has told of and still misses, as alerts have it: they outlive the worker.

    Whom a rule names is missed until the next call; one of many is let go after a week.
    """
    active = alerts(context.engine, states=ACTIVE, sources=(Source.RULE,), limit=MOST_MISSED)
    mine = (row for row in active if row.source_id == rule.id and is_about(rule, row))
    if rule.dimension != TOTAL and rule.member is None:
        since = context.clock() - GONE_AFTER
        mine = (row for row in mine if row.opened_at > since)
    return [Missed(SeriesScope(row.dimension, row.member), row.label or "", row.opened_at) for row in mine]


def _key(row: AlertRule) -> str:
    """Name a rule as it is: a change makes it another one."""
    return f"{row.id} {row.updated_at.isoformat()}"
