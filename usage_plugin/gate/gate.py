"""A call's scopes in, leave, another model group or a refusal out: some lookups in dicts.

A call that is let through is reserved with what such calls cost on average, until it is stored and counted. So calls
that run at the same time see each other, and a limit is exceeded by no more than what is in flight.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from usage_plugin.gate.account import Account, Beyond, Limit
from usage_plugin.gate.recall import Recall

Accounts = Mapping[Account, None]
"""In order, each once."""
Scopes = tuple[tuple[str, ...], ...]
"""A call's members of each of a plan's dimensions, in their order."""
Members = Mapping[str, Accounts]
"""The accounts that a member's calls need room in: those of its own budgets, and of all budgets above them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All limits, by whose calls they are about."""

    everybody: Accounts = field(default_factory=dict)
    dimensions: tuple[str, ...] = ()
    """What has to be known of a call, in order."""
    members: tuple[Members, ...] = ()
    """One for each dimension."""
    means_nano_usd: Mapping[str, int] = field(default_factory=dict)
    """What a call of a model group costs on average."""
    usual_nano_usd: int = 0
    """What a call of any costs."""
    only_target: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Model and provider of groups that have only one of them."""
    met: Recall[tuple[Account, ...]] = field(default_factory=Recall, repr=False, compare=False)
    """The accounts of scopes that were asked for; a plan of the same limits goes on with it."""

    def accounts_of(self, scopes: Scopes) -> tuple[Account, ...]:
        """Give the accounts in which a call of these scopes needs room, each once."""
        known = self.met.get(scopes)
        if known is None:
            found = dict(self.everybody)
            for members, mine in zip(self.members, scopes, strict=True):
                for member in mine:
                    found.update(members.get(member, {}))
            known = tuple(found)
            self.met.put(scopes, known)
        return known


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that may not go on."""

    limit: Limit
    is_spent: bool
    """Else what is left may be needed by calls that run just now."""


@dataclass(frozen=True, slots=True)
class Degraded:
    """A call that may go on to another model group, where that one's limits have room."""

    limit: Limit
    group: str


Verdict = Refused | Degraded | None


class Reserved(NamedTuple):
    """What a call in flight may take, and of which accounts."""

    accounts: tuple[Account, ...]
    amount_nano_usd: int
    since_s: float


class Gate:
    """Knows what is left of each limit. ``ask`` is the event loop's, everything else the storing thread's."""

    __slots__ = ("_now_s", "_plan", "_reserved", "is_open")

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        self._plan = Plan()
        self._reserved: dict[str, Reserved] = {}
        self._now_s = now_s
        self.is_open = True
        """Nothing limits any call: nobody need be asked."""

    def __len__(self) -> int:
        return len(self._reserved)

    @property
    def plan(self) -> Plan:
        """All limits."""
        return self._plan

    def put_up(self, plan: Plan) -> None:
        """Take other limits."""
        self._plan = plan
        self.is_open = not (plan.everybody or plan.members)

    def ask(
        self,
        plan: Plan,
        key: str | None,
        scopes: Scopes,
        group: str | None,
        *,
        several: tuple[str, ...] = (),
        may_degrade: bool = False,
    ) -> Verdict:
        """Let a call through and reserve what it may cost, or not.

        Nothing is reserved for a call that is to go to another group: that one's limits are to be asked, too.

        Args:
            plan: The one that *scopes* were looked up for: a moment later there may be another one.
            key: Names the call until it is counted; ``None`` reserves nothing, since nobody will know it again.
            scopes: Its members of each of the plan's dimensions, in their order.
            group: Model group that is asked for.
            several: Those that are all to answer, where that is not one.
            may_degrade: Whether another group can answer it.
        """
        if key in self._reserved:  # LiteLLM asks twice for some calls
            return None
        accounts = plan.accounts_of(scopes)
        if not accounts:
            return None
        verdict = self._judge(accounts, group, may_degrade=may_degrade)
        if verdict is None and key is not None:
            means, usual = plan.means_nano_usd, plan.usual_nano_usd
            if several:
                self._reserve(key, accounts, sum([means.get(each, usual) for each in several]))
            else:
                self._reserve(key, accounts, means.get(group or "", usual))
        return verdict

    def _judge(self, accounts: tuple[Account, ...], group: str | None, *, may_degrade: bool) -> Verdict:
        verdict: Verdict = None
        for account in accounts:
            spent, released = account.books
            in_flight = account.reserved - released
            if spent + in_flight < account.amount_nano_usd:
                continue
            is_over = account.is_over(self._now_s())
            if is_over and in_flight < account.amount_nano_usd:  # nobody counts while the database is away
                continue
            limit = account.limit
            if limit.beyond is Beyond.BLOCK:
                return Refused(limit, account.is_spent() and not is_over)
            if verdict is None and may_degrade and limit.degrade_to not in (None, group):
                verdict = Degraded(limit, limit.degrade_to or "")
        return verdict

    def _reserve(self, key: str, accounts: tuple[Account, ...], amount_nano_usd: int) -> None:
        self._reserved[key] = Reserved(accounts, amount_nano_usd, self._now_s())
        for account in accounts:
            account.reserved += amount_nano_usd

    def correct(self, key: str, cost_nano_usd: int) -> None:
        """Put what a call has cost in the place of what it may cost; it is counted later."""
        if (reserved := self._reserved.get(key)) is not None:
            self._reserved[key] = reserved._replace(amount_nano_usd=cost_nano_usd)
            for account in reserved.accounts:
                spent, released = account.books
                account.books = spent, released + reserved.amount_nano_usd - cost_nano_usd

    def count(
        self, spent: Mapping[Account, int], keys: Iterable[str], exactly: Mapping[Account, int] | None = None
    ) -> None:
        """Add what was spent to accounts, and give back what the counted calls had reserved, at once.

        Args:
            spent: More of it, by account.
            keys: Of calls that are counted by this.
            exactly: All there is of some accounts; these take nothing from *spent*.
        """
        all_of_it = exactly or {}
        released = Counter[Account]()
        for key in keys:
            if (reserved := self._reserved.pop(key, None)) is not None:
                for account in reserved.accounts:
                    released[account] += reserved.amount_nano_usd
        for account in {**dict.fromkeys(spent), **dict.fromkeys(all_of_it), **dict.fromkeys(released)}:
            before, given_back = account.books
            now = all_of_it[account] if account in all_of_it else before + spent.get(account, 0)
            account.books = now, given_back + released[account]

    def forgotten(self, is_in_flight: Callable[[str], object], older_than_s: float) -> list[str]:
        """Name calls that are reserved for long, though nobody knows of them any more."""
        until_s = self._now_s() - older_than_s
        held = list(self._reserved.items())
        return [key for key, reserved in held if reserved.since_s < until_s and not is_in_flight(key)]

    def knows(self, key: str) -> bool:
        """Say whether a call is reserved."""
        return key in self._reserved
