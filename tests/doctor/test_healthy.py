from __future__ import annotations

from datetime import timedelta

from tests.doctor.conftest import SetUp
from usage_plugin.doctor import CHECKS, Verdict, examine, has_failed
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event


def test_a_set_up_that_works_has_nothing_wrong(each_set_up: SetUp) -> None:
    """With a proxy that runs and a call that was stored every check is content."""
    set_up = each_set_up
    engine = connect(set_up.settings.url)
    migrate(engine)
    write_events(engine, [make_event(completed_at=set_up.now - timedelta(minutes=3))])
    set_up.beat(seen=1, stored=1, last_stored_at=set_up.now)
    set_up.beat("dashboard")
    findings = set_up.findings()
    assert {name: finding.verdict for name, finding in findings.items()} == dict.fromkeys(findings, Verdict.OK)
    assert findings["calls"].what == "the last call was recorded 3 minutes ago"


def test_each_check_gives_one_finding_of_its_own_name(set_up: SetUp) -> None:
    """No check is silent, none speaks for another."""
    findings = examine(set_up.facts())
    assert len({finding.name for finding in findings}) == len(findings) == len(CHECKS)


def test_whatever_is_wrong_comes_with_a_remedy(set_up: SetUp) -> None:
    """A verdict that is not ok says what to do."""
    set_up.configure("litellm_settings: {}")
    findings = examine(set_up.facts())
    assert has_failed(findings)
    assert all(finding.remedy for finding in findings if finding.verdict is not Verdict.OK)


def test_looking_creates_nothing(set_up: SetUp) -> None:
    """A database file that is not there is not made by the doctor."""
    before = sorted(set_up.settings.data_dir.parent.rglob("*"))
    set_up.facts()
    assert sorted(set_up.settings.data_dir.parent.rglob("*")) == before
