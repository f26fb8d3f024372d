"""All scenarios, and how long their rows may take."""

from __future__ import annotations

from tests.proxy.scenarios import answered, broken, priced, refused
from tests.proxy.scenarios.model import Scenario

SCENARIOS: list[Scenario] = [
    *answered.SCENARIOS,
    *broken.SCENARIOS,
    *refused.SCENARIOS,
    *priced.SCENARIOS,
]
# What differs for now, and why; a scenario that does not differ any more must leave this list.
PENDING: dict[str, str] = {}
# What differs now and then.
UNSTEADY: dict[str, str] = {
    "fastest_response": "LiteLLM may drop the slower answer before it calls any hook for it",
}
WAIT_AT_MOST_S = 15.0
