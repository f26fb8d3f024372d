"""Accounts of processes and runs of jobs in, what somebody should hear of the recording itself out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Engine

from usage_plugin.alerts.finding import Finding, Severity, Source
from usage_plugin.hold.heartbeat import FORGOTTEN_AFTER
from usage_plugin.store import read
from usage_plugin.store.jobs import last_runs
from usage_plugin.watch import Alert, alerts, failing

_LOOKED_BACK = timedelta(hours=24)


def pipeline_findings(engine: Engine, now: datetime, *, lag_limit_s: float) -> list[Finding]:
    """Say what is wrong with the recording, as ``doctor`` and the Pipeline page do.

    Args:
        engine: Of a migrated database.
        now: The present moment.
        lag_limit_s: A call may wait this long.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    known = [account for account in read.processes(engine) if now - account.beat_at < FORGOTTEN_AFTER]
    wrong = (*alerts(known, now, lag_limit_s=lag_limit_s), *failing(last_runs(engine)))
    return list(_findings(wrong, now))


def _findings(wrong: Iterable[Alert], now: datetime) -> Iterable[Finding]:
    for alert in wrong:
        yield Finding(
            source=Source.PIPELINE,
            about=alert.concern.value if alert.about is None else f"{alert.concern.value} {alert.about}",
            severity=Severity.CRITICAL if alert.is_serious else Severity.WARNING,
            title=alert.what[:1].upper() + alert.what[1:],
            body=f"{alert.remedy}.",
            since=now,
            details={"concern": alert.concern.value},
        )
