"""Every way in which a call can go, against a running proxy: the rows that it must become, and those that it became."""

from __future__ import annotations

import pytest

from tests.proxy.conftest import SUMMARY
from tests.proxy.process import Proxy
from tests.proxy.scenarios.compare import differences, table
from tests.proxy.scenarios.everything import PENDING, SCENARIOS, UNSTEADY, WAIT_AT_MOST_S
from tests.proxy.scenarios.play import play

pytestmark = pytest.mark.proxy


def test_every_scenario_becomes_the_rows_that_it_should(proxy: Proxy, pytestconfig: pytest.Config) -> None:
    """As many rows as were billed or refused, with status, tokens, cost and how it is known, and no other row."""
    played = play(proxy, SCENARIOS, WAIT_AT_MOST_S)
    if pytestconfig.getoption("capture") == "no":
        print(table(played))
    wrong = [each for each in played if differences(each)]
    pytestconfig.stash[SUMMARY].append(f"{len(played)} scenarios, {len(wrong)} of them not as they should be")
    surprising = [each for each in wrong if each.scenario.name not in PENDING | UNSTEADY]
    assert not surprising, f"differences are marked with !\n{table(surprising)}"
    mended = set(PENDING) - {each.scenario.name for each in wrong}
    assert not mended, f"as they should be by now; take them out of PENDING: {mended}"


def test_scenarios_have_names_of_their_own() -> None:
    """The upstream's log is asked by name."""
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
