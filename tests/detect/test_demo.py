"""The generated company: each planted anomaly is an entry that names who did it, and there is little else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from usage_plugin.demo import fill, plan
from usage_plugin.demo.anomalies import ANOMALIES
from usage_plugin.demo.findings import find
from usage_plugin.detect import Options, Why
from usage_plugin.store.alerts import alerts, messages
from usage_plugin.store.analysis_tables import AnomalyRow
from usage_plugin.store.anomalies import anomalies, anomaly
from usage_plugin.store.database import connect
from usage_plugin.store.sheets.build import add_up
from usage_plugin.time_zone import UTC_ZONE

NOW = datetime(2026, 11, 20, 15, 24, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Engine]:
    """Fill it, add it up as a worker does, look once, and tell."""
    file = tmp_path_factory.mktemp("demo") / "usage.db"
    shutil.copy(migrated_sqlite, file)
    engine = connect(f"sqlite:///{file}")
    fill(engine, NOW)
    plan(engine, NOW)
    add_up(engine, NOW, UTC_ZONE)
    find(engine, NOW, UTC_ZONE, Options())
    yield engine
    engine.dispose()


def entry_of(engine: Engine, feature: str) -> AnomalyRow:
    """Give the entry with the most at stake that names a feature's key."""
    return next(row for row in anomalies(engine) if (row.label or "").startswith(feature))


@pytest.mark.parametrize("planted", ANOMALIES, ids=lambda each: each.kind)
def test_what_was_planted_is_found_and_named(found: Engine, planted: object) -> None:
    """Its key, about when it was, and the person who did it."""
    (each,) = (each for each in ANOMALIES if each is planted)
    row = entry_of(found, each.feature)
    began = NOW.replace(minute=0, second=0) - each.first_hour_ago * HOUR
    ended = began + each.hours * HOUR if each.hours else NOW
    assert row.started_at < ended
    assert row.ended_at > began
    if each.by:
        assert f"User “{each.by}@acme.example” drove it" in row.headline
    if each.model is not None:
        assert f"Model “{each.model.name}”, never seen before, drove it" in row.headline
        assert "dearer models" in row.headline
    if each.failing:
        assert row.metric == "error_rate"
    if each.prompt_growth_a_day > 1:
        assert "more tokens per call" in row.headline


def test_there_is_little_else(found: Engine) -> None:
    """Every entry in the inbox is one of them, or a second word on one; nothing is told twice."""
    rows = anomalies(found)
    features = {each.feature for each in ANOMALIES}
    others = [row.headline for row in rows if not any(name in row.headline for name in features)]
    assert others == []
    assert len(rows) <= len(ANOMALIES) + 2
    assert len(anomalies(found, merged=True)) > 10 * len(rows)


def test_it_is_told_of_and_somebody_looks_after_one(found: Engine) -> None:
    """Alerts of anomalies and of budgets are there, and nobody was sent anything."""
    kept = anomalies(found)
    assert len(kept) >= 4
    assert {"runaway", "level shift"} <= {row.kind for row in kept}
    assert [row.state for row in kept].count("acknowledged") == 1
    assert {alert.source for alert in alerts(found)} == {"anomaly", "budget"}
    assert messages(found) == []


def test_every_explanation_adds_up(found: Engine) -> None:
    """To the billionth, in each dimension and in volume, mix, tokens per call and price."""
    for row in anomalies(found):
        why = Why.from_json(row.explanation)
        assert why.splits
        assert {split.change for split in why.splits} == {why.change}
        if why.terms is not None:
            assert sum(why.terms.values()) == why.change
        if row.metric == "cost":
            assert (why.actual, why.expected) == (round(row.actual), round(row.expected))


def test_what_is_merged_was_at_about_the_same_time(found: Engine) -> None:
    """No entry explains what was long before or after it."""
    for row in anomalies(found):
        detail = anomaly(found, row.id or 0)
        assert detail is not None
        for part in detail.merged:
            assert part.started_at < row.ended_at + timedelta(days=9)
            assert part.ended_at > row.started_at - timedelta(days=9)
