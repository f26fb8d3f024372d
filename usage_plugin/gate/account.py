"""A limit in, its account out: what is spent, and what calls in flight may still take of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto


class Beyond(Enum):
    """What happens to a call when a limit is reached."""

    BLOCK = auto()
    DEGRADE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A budget in its present period, as the gate needs it."""

    budget_id: int
    name: str
    amount_nano_usd: int
    beyond: Beyond
    degrade_to: str | None = None
    period: str = ""
    """In words, like "a month"."""
    starts_at: datetime
    ends_at: datetime
    is_rolling: bool = False
    """Nothing is reset at the end: only the first day drops out."""


class Account:
    """What is known of a limit's spend.

    Two threads write to it, each to attributes of its own, so that nobody needs a lock: the event loop alone adds to
    ``reserved``, and the thread that stores calls alone sets ``books``, a pair that changes at once: what is spent,
    and how much of all that was ever reserved is given back.
    """

    __slots__ = ("amount_nano_usd", "books", "limit", "reserved")

    def __init__(self, limit: Limit) -> None:
        self.renew(limit)
        self.books: tuple[int, int] = (0, 0)
        self.reserved = 0

    @property
    def spent_nano_usd(self) -> int:
        """What calls have cost that are counted."""
        return self.books[0]

    @property
    def in_flight_nano_usd(self) -> int:
        """What calls are expected to cost that are not counted yet."""
        return self.reserved - self.books[1]

    def renew(self, limit: Limit) -> None:
        """Take a changed limit, or its next period; the thread that stores calls does it."""
        self.limit, self.amount_nano_usd = limit, limit.amount_nano_usd

    def is_over(self, now_s: float) -> bool:
        """Say whether the period has ended, so that what was spent in it takes no room any more."""
        return not self.limit.is_rolling and now_s >= self.limit.ends_at.timestamp()

    def is_spent(self) -> bool:
        """Say whether counted calls alone have used it up."""
        return self.books[0] >= self.limit.amount_nano_usd
