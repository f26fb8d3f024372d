"""The generated company: its teams, its people, and what each of them uses models for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from usage_plugin.demo.models import DemoModel

ORGANIZATION = "org-acme"
_PEOPLE = {
    "support": "ana ben carla david elif",
    "search": "farid gina hiro ines",
    "platform": "jonas kira leo mei noah",
    "marketing": "olga pedro qiu rosa sam",
    "sales": "tara umar vera wim xenia",
    "data": "yuki zoe adam bella carl",
    "legal": "dora emil fatma greta hugo",
    "research": "ida juan kim lars mona nils",
}
TEAMS = tuple(_PEOPLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One use of models by one team: how often, when, with which models, and how large its calls are.

    Attributes:
        feature: What it is for; also names its key.
        team: Who pays.
        calls_per_day: On an ordinary weekday at the end of the 90 days.
        rhythm: Name of its hours, see ``rhythm.py``.
        models: With their shares.
        prompt_tokens: Median of an inclusive prompt.
        completion_tokens: Median of an answer; 0 for embeddings and the like.
        growth: Share by which a day has fewer calls than the next.
        streamed: Share of streams.
        cache_read: Share of the prompt that the provider reads from its cache, where it does.
        reasoning: Share of the answer that is reasoning.
        cached: Share answered by LiteLLM's own cache.
        served: Called by a service account instead of by people.
        end_users: The calls name the customer that they are for.
        environment: Where it runs.
    """

    feature: str
    team: str
    calls_per_day: float
    rhythm: str
    models: tuple[tuple[DemoModel, float], ...]
    prompt_tokens: float
    completion_tokens: float
    growth: float = 0.004
    streamed: float = 0.0
    cache_read: float = 0.0
    reasoning: float = 0.0
    cached: float = 0.0
    served: bool = False
    end_users: bool = False
    environment: str = "prod"

    @property
    def key_alias(self) -> str:
        """Name of its API key."""
        return f"{self.feature}-{self.environment}"

    @property
    def key_hash(self) -> str:
        """What LiteLLM keeps of the key."""
        return hashlib.sha256(self.key_alias.encode()).hexdigest()

    @property
    def users(self) -> tuple[str, ...]:
        """Who calls, the busiest first."""
        if self.served:
            return (f"svc-{self.feature}",)
        return tuple(f"{name}@acme.example" for name in _PEOPLE[self.team].split())

    @property
    def tags(self) -> tuple[str, ...]:
        """What its calls are tagged with."""
        return (f"feature:{self.feature}", f"env:{self.environment}", f"team:{self.team}")
