"""A runaway loop through the real proxy is told by the real worker, to a real webhook."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proxy.config import write_config
from tests.proxy.process import running
from tests.proxy.runaway import run_away
from tests.upstream.process import Upstream

pytestmark = pytest.mark.proxy

# Faster than the loop that a person waits for, and begun late in a minute, so that the test need not wait for two.
SPEED = 90.0
AT_SECOND = 35


def test_a_loop_is_told_while_it_runs(upstream: Upstream, tmp_path: Path) -> None:
    """With expected and actual, the dollars at stake, and who drove it."""
    config, url = write_config(tmp_path, upstream.base_url), f"sqlite:///{tmp_path / 'usage.db'}"
    with running(config, url, upstream) as proxy:
        told = run_away(proxy, tmp_path, SPEED, at_second=AT_SECOND)
    assert told.after_s < 120
    (alert,) = told.body["alerts"]
    assert (alert["source"], alert["severity"], alert["dimension"], alert["label"]) == (
        "runaway",
        "critical",
        "key",
        "search-prod",
    )
    assert alert["details"]["actual_usd"] > 10 * alert["details"]["expected_usd"] > 0
    assert alert["at_stake_usd"] == pytest.approx(alert["details"]["actual_usd"] - alert["details"]["expected_usd"])
    assert told.body["title"].startswith("[critical] Key “search-prod” runs away: $")
    assert "was expected" in told.body["body"]
    assert told.body["key_alias"] == "search-prod"
