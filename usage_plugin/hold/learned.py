"""Newer calls in, what a call of a model group costs and whom the group asks out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from usage_plugin.store.spend import Mass

MOST_CALLS_REMEMBERED: Final = 1000
"""A mean moves with so many calls of a model group."""


@dataclass(slots=True)
class Learned:
    """What newer calls say of model groups: cost and number of those that cost something, and whom they asked."""

    costs: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    targets: dict[str, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))

    def take(self, masses: Iterable[Mass]) -> None:
        """Learn from some calls; the oldest are forgotten by halves."""
        for mass in masses:
            group = mass.model_group or ""
            self.costs[group] += mass.cost_nano_usd
            self.calls[group] += mass.paid_calls
            if mass.model_group and mass.model and mass.provider:
                self.targets[group][mass.model, mass.provider] += max(mass.paid_calls, 1)
            while self.calls[group] > MOST_CALLS_REMEMBERED:
                self.costs[group] //= 2
                self.calls[group] //= 2
                halves = {target: calls // 2 for target, calls in self.targets[group].items()}
                self.targets[group] = Counter({target: calls for target, calls in halves.items() if calls})

    @property
    def means_nano_usd(self) -> Mapping[str, int]:
        """Of each model group, what one call costs."""
        return {group: max(self.costs[group], 0) // calls for group, calls in self.calls.items() if calls}

    @property
    def usual_nano_usd(self) -> int:
        """What a call of any group costs."""
        return max(self.costs.total(), 0) // max(self.calls.total(), 1)

    @property
    def only_target(self) -> Mapping[str, tuple[str, str]]:
        """Model and provider of groups that ask only one."""
        return {group: next(iter(them)) for group, them in self.targets.items() if len(them) == 1}
