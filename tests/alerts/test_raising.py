"""Findings become alerts that are opened once, kept up to date and resolved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from tests.alerts.findings import HOUR, MINUTE, NOW, RUNAWAY, finding
from tests.dashboard.findings import anomaly_row, keep_rows
from usage_plugin.alerts import Severity, Source, look_after, open_again, raise_alerts
from usage_plugin.alerts.anomalies import anomaly_findings
from usage_plugin.errors import InputError
from usage_plugin.store.alerts import AlertState, Raised, alert, alerts, forget_alerts, set_alert_state
from usage_plugin.store.anomalies import State, anomalies, set_state


def test_what_stays_true_is_one_alert(engine: Engine) -> None:
    """Opened once, brought up to date while it is true; it does not become less severe."""
    assert raise_alerts(engine, Source.RULE, [RUNAWAY], NOW) == Raised(1, 0, 0)
    milder = replace(RUNAWAY, severity=Severity.WARNING, body="$6.00 now.", at_stake_nano_usd=5_700_000_000)
    assert raise_alerts(engine, Source.RULE, [milder], NOW + MINUTE) == Raised(0, 1, 0)
    (found,) = alerts(engine)
    assert (found.severity, found.body, found.at_stake_nano_usd) == ("critical", "$6.00 now.", 5_700_000_000)
    assert (found.opened_at, found.seen_at) == (NOW, NOW + MINUTE)
    assert (found.dimension, found.member, found.label, found.owner) == ("key", "b4tch", "nightly-batch", "ana")


def test_what_is_over_is_resolved_and_can_come_again(engine: Engine) -> None:
    """After five minutes, so that a flicker is no end; then it is another alert."""
    raise_alerts(engine, Source.RULE, [RUNAWAY], NOW)
    assert raise_alerts(engine, Source.RULE, [], NOW + 4 * MINUTE) == Raised(0, 0, 0)
    assert raise_alerts(engine, Source.RULE, [RUNAWAY], NOW + 4.5 * MINUTE) == Raised(0, 1, 0)
    assert raise_alerts(engine, Source.RULE, [], NOW + 10 * MINUTE) == Raised(0, 0, 1)
    (over,) = alerts(engine)
    assert (over.state, over.resolved_at) == (AlertState.RESOLVED, NOW + 10 * MINUTE)
    assert raise_alerts(engine, Source.RULE, [replace(RUNAWAY, since=NOW + HOUR)], NOW + HOUR) == Raised(1, 0, 0)
    assert [each.state for each in alerts(engine)] == ["open", "resolved"]
    assert [each.state for each in alerts(engine, states=("open",))] == ["open"]


def test_what_is_over_is_over_also_by_a_clock_that_was_set_back(engine: Engine) -> None:
    """Else it would be open for as long as the clock went back."""
    raise_alerts(engine, Source.RULE, [RUNAWAY], NOW)
    assert raise_alerts(engine, Source.RULE, [], NOW - HOUR) == Raised(0, 0, 1)


def test_sources_do_not_resolve_each_other(engine: Engine) -> None:
    """Nor is the same name the same alert in another source."""
    raise_alerts(engine, Source.RULE, [RUNAWAY], NOW)
    raise_alerts(engine, Source.BUDGET, [replace(RUNAWAY, source=Source.BUDGET)], NOW + HOUR)
    assert [each.source for each in alerts(engine, states=("open",))] == ["budget", "rule"]
    assert [each.source for each in alerts(engine, sources=("rule",))] == ["rule"]


def test_two_findings_about_the_same_are_one(engine: Engine) -> None:
    """The more severe one."""
    raise_alerts(engine, Source.RULE, [finding("a"), finding("a", Severity.CRITICAL), finding("a")], NOW)
    assert [each.severity for each in alerts(engine)] == ["critical"]


def test_somebody_looks_after_an_alert(engine: Engine) -> None:
    """Said of the alert, or of what it is about; it stays so while it goes on, and is over at its end."""
    raise_alerts(engine, Source.RULE, [finding("a"), finding("b")], NOW)
    second, first = alerts(engine)
    set_alert_state(engine, first.id or 0, "acknowledged", by="ana", now=NOW)
    of_b = finding("b", is_acknowledged=True, acknowledged_by="ben")
    raise_alerts(engine, Source.RULE, [finding("a"), of_b], NOW + MINUTE)
    assert {(each.state, each.state_by) for each in alerts(engine)} == {
        ("acknowledged", "ana"),
        ("acknowledged", "ben"),
    }
    raise_alerts(engine, Source.RULE, [], NOW + HOUR)
    assert {each.state for each in alerts(engine)} == {"resolved"}
    with pytest.raises(InputError, match="no alert"):
        set_alert_state(engine, second.id or 0, "acknowledged", by="ana", now=NOW)
    with pytest.raises(InputError, match="cannot be 'gone'"):
        set_alert_state(engine, second.id or 0, "gone", by="ana", now=NOW)


def test_an_alert_of_an_anomaly_is_as_open_as_the_anomaly(engine: Engine) -> None:
    """Whoever looks after the one looks after the other, and one that is opened again is open in both places."""
    (number,) = keep_rows(engine, anomaly_row(is_over=False))

    def look(minutes: int) -> tuple[str, str | None]:
        now = NOW + minutes * MINUTE
        raise_alerts(engine, Source.ANOMALY, anomaly_findings(engine, now), now)
        (found,) = alerts(engine)
        return found.state, found.state_by

    def anomalys() -> tuple[str, str | None]:
        (found,) = anomalies(engine)
        return found.state, found.state_by

    assert look(0) == ("open", None)
    set_state(engine, number, State.ACKNOWLEDGED, by="ana", note=None, now=NOW)
    assert look(1) == ("acknowledged", "ana")
    set_state(engine, number, State.OPEN, by="ana", note=None, now=NOW)
    assert look(2)[0] == "open"
    (one,) = alerts(engine)
    look_after(engine, one.id or 0, by="ben", now=NOW)
    assert anomalys() == look(3) == ("acknowledged", "ben")
    open_again(engine, one.id or 0, by="ben", now=NOW)
    assert anomalys()[0] == look(4)[0] == "open"


def test_somebody_who_looks_after_what_is_no_anomaly_still_does(engine: Engine) -> None:
    """Nobody but the alert knows."""
    raise_alerts(engine, Source.RULE, [finding("a")], NOW)
    look_after(engine, 1, by="ana", now=NOW)
    raise_alerts(engine, Source.RULE, [finding("a")], NOW + MINUTE)
    assert [(each.state, each.state_by) for each in alerts(engine)] == [("acknowledged", "ana")]
    open_again(engine, 1, by=None, now=NOW)
    assert [each.state for each in alerts(engine)] == ["open"]


def test_old_alerts_are_forgotten_and_open_ones_are_not(engine: Engine) -> None:
    """However old."""
    raise_alerts(engine, Source.RULE, [finding("a"), finding("b")], NOW)
    raise_alerts(engine, Source.RULE, [finding("b")], NOW + HOUR)
    assert forget_alerts(engine, NOW + 2 * HOUR) == 1
    (left,) = alerts(engine)
    assert left.title == "Something about b"
    assert alert(engine, left.id or 0) == left
    assert alert(engine, 12345) is None
