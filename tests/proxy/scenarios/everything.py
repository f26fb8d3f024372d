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
PENDING: dict[str, str] = {
    "passthrough_stream_client_disconnect": "LiteLLM reports a success that says nothing of the client",
    "chat_malformed_body": "an answer that cannot be read counts as one that was not billed",
}
# What differs now and then.
UNSTEADY: dict[str, str] = {
    "messages_anthropic_stream_drop": "often reported without a payload: neither model nor tokens",
}
WAIT_AT_MOST_S = 15.0
