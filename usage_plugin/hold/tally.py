"""What becomes of a process's calls in, its account of itself out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from usage_plugin.account import Role
from usage_plugin.clock import Clock
from usage_plugin.guard import describe
from usage_plugin.hold.drain import Stored
from usage_plugin.hold.heartbeat import Heartbeat, of_this_process
from usage_plugin.settings import Settings


@dataclass(slots=True)
class Counts:
    """What became of the calls since the start."""

    seen: int = 0
    spooled: int = 0
    stored: int = 0
    folded: int = 0
    """Counted together with others instead of having a row of their own."""
    set_aside: int = 0
    """Kept in a file of their own, those of killed processes too."""
    lost: int = 0
    adopted: int = 0
    """Stored for processes that were killed."""
    last_stored_at: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None


class Tally:
    """Counts, and says what waits.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        self.counts = Counts()
        self._clock = clock
        self._settled = 0
        self._waiting_since: datetime | None = None

    @property
    def waiting(self) -> int:
        """Calls that are not stored yet."""
        return max(self.counts.seen - self._settled, 0)

    def seen(self, *, spooled: bool, lost: bool) -> None:
        """Count a call that was reported."""
        self.counts.spooled += spooled
        self.counts.lost += lost
        self._settled += lost
        if self._waiting_since is None:
            self._waiting_since = self._clock()
        self.counts.seen += 1

    def stored(self, batch: Stored) -> None:
        """Count calls of this process that are in the store."""
        self.counts.stored += batch.stored
        self._settled += batch.stored + batch.set_aside
        self._count(batch)

    def adopted(self, batch: Stored) -> None:
        """Count calls of a killed process that are in the store."""
        self.counts.adopted += batch.stored
        self._count(batch)

    def drained(self, began_at: datetime) -> None:
        """Note that all which waited before is stored."""
        self._waiting_since = began_at if self.waiting else None

    def failed(self, error: BaseException) -> None:
        """Note what keeps calls from being stored."""
        self.counts.last_error, self.counts.last_error_at = describe(error), self._clock()

    def recovered(self) -> None:
        """Note that nothing does."""
        self.counts.last_error = self.counts.last_error_at = None

    def account(self, settings: Settings, *, process_id: str, role: Role, started_at: datetime) -> Heartbeat:
        """Give the process's account of itself."""
        counts, waiting = self.counts, self.waiting
        return replace(
            of_this_process(settings, role, started_at=started_at, beat_at=self._clock()),
            process_id=process_id,
            seen=counts.seen,
            spooled=counts.spooled,
            stored=counts.stored,
            folded=counts.folded,
            adopted=counts.adopted,
            set_aside=counts.set_aside,
            lost=counts.lost,
            waiting=waiting,
            oldest_waiting_at=self._waiting_since if waiting else None,
            last_stored_at=counts.last_stored_at,
            last_error=counts.last_error,
            last_error_at=counts.last_error_at,
        )

    def _count(self, batch: Stored) -> None:
        self.counts.folded += batch.folded
        self.counts.set_aside += batch.set_aside
        if batch.stored:
            self.counts.last_stored_at = self._clock()
