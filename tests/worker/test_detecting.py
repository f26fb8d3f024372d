"""The worker looks for anomalies by itself."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from tests.detect.calls import HOUR, NOW, Hour, company
from usage_plugin.settings import Settings
from usage_plugin.store.anomalies import anomalies
from usage_plugin.worker.detecting import detecting
from usage_plugin.worker.jobs import JobContext


def test_what_it_found_is_said_once(engine: Engine) -> None:
    """By the settings' limits; an hour later there is one hour more, and nothing new."""
    begin = NOW.replace(minute=0) - 5 * HOUR
    company(engine, days=35, extra=tuple(Hour("alpha", begin + number * HOUR, 400) for number in range(3)))
    now = NOW
    context = JobContext(engine, Settings(anomaly_min_usd=5.0), clock=lambda: now)
    said = detecting(context)
    assert said.startswith("Found 1 new anomaly in ")
    assert context.counts == {"anomalies": 1}
    assert [each.label for each in anomalies(engine)] == ["alpha"]
    assert detecting(context) == ""
    now += timedelta(hours=1)
    assert detecting(context).startswith("Found 0 new anomalies in 1 hour of ")


def test_what_nobody_wants_to_hear_of_is_not_told(engine: Engine) -> None:
    """The settings say from how many dollars on."""
    begin = NOW.replace(minute=0) - 5 * HOUR
    company(engine, days=30, extra=tuple(Hour("alpha", begin + number * HOUR, 400) for number in range(3)))
    detecting(JobContext(engine, Settings(anomaly_min_usd=5000.0), clock=lambda: NOW))
    assert anomalies(engine, merged=True) == []
