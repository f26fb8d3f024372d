"""What somebody should hear of, from wherever it comes: one frozen value, from which an alert is made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from usage_plugin.store.alerts import AlertState
from usage_plugin.store.analysis_tables import AlertRow

TOTAL = "total"


class Severity(StrEnum):
    """How much an alert matters."""

    INFO = "info"
    """Worth knowing some day: digested."""
    WARNING = "warning"
    CRITICAL = "critical"
    """Somebody should look now: goes through quiet hours."""

    @property
    def rank(self) -> int:
        """Give its place, the highest being the most severe."""
        return list(Severity).index(self)


class Source(StrEnum):
    """Where an alert comes from."""

    ANOMALY = "anomaly"
    RUNAWAY = "runaway"
    """The watch over the last minutes, which is built in."""
    RULE = "rule"
    BUDGET = "budget"
    PIPELINE = "pipeline"
    """The recording itself, and the worker's jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is so now.

    Args:
        source: Where it comes from.
        about: What it is about within its source; as long as it stays the same, it is the same alert.
        source_id: Number of the anomaly, rule or budget.
        severity: How much it matters.
        title: One line.
        body: Sentences: expected, actual, dollars at stake, who drove it.
        since: When it began.
        dimension: ``total``, or the dimension of whom it concerns.
        member: Whom it concerns.
        label: Name that people know them by.
        owner: Who is to be told; a name that routes can ask for.
        details: The same as numbers, for programs. Anything that JSON can say.
        at_stake_nano_usd: Dollars; ``None`` where nobody can say.
        acknowledged_by: Who looks after it, where somebody does.
        is_acknowledged: Whether somebody does.
        worse_at: When it became so much worse that it is to be told again.
    """

    source: Source
    about: str
    severity: Severity
    title: str
    body: str
    since: datetime
    source_id: int | None = None
    dimension: str = TOTAL
    member: str | None = None
    label: str | None = None
    owner: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    at_stake_nano_usd: int | None = None
    acknowledged_by: str | None = None
    is_acknowledged: bool = False
    worse_at: datetime | None = None

    @property
    def key(self) -> str:
        """Name the alert that is made of it: 32 hex digits."""
        return hashlib.sha256(f"{self.source}\n{self.about}".encode()).hexdigest()[:32]

    def row(self, now: datetime) -> AlertRow:
        """Give the alert that is made of it."""
        return AlertRow(
            alert_key=self.key,
            source=self.source.value,
            source_id=self.source_id,
            severity=self.severity.value,
            dimension=self.dimension,
            member=self.member,
            label=self.label,
            owner=self.owner,
            title=self.title,
            body=self.body,
            details=json.dumps(dict(self.details)),
            at_stake_nano_usd=self.at_stake_nano_usd,
            state=(AlertState.ACKNOWLEDGED if self.is_acknowledged else AlertState.OPEN).value,
            state_by=self.acknowledged_by,
            opened_at=self.since,
            seen_at=now,
            worse_at=self.worse_at,
        )
