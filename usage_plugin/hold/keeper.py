"""Beats of this process in, its account in the store out, from time to time and whenever the store is back."""

from __future__ import annotations

import time

from usage_plugin.account import ProcessAccount
from usage_plugin.errors import StoreError
from usage_plugin.hold.heartbeat import FORGOTTEN_AFTER
from usage_plugin.hold.writer import Writer

KEEP_EVERY_S = 10.0


class AccountKeeper:
    """Keeps the account where every machine can read it, without ever being in the way of calls.

    Args:
        writer: Whose database is written to.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._due = 0.0
        self._has_forgotten = False

    def keep(self, account: ProcessAccount, *, reachable: bool) -> None:
        """Write the account when it is due.

        A store that was just seen to be away is not asked; one that goes away now is what the next drain reports.

        Args:
            account: As of now.
            reachable: Whether the store took calls just now.
        """
        if not reachable:
            self._due = 0.0
            return
        if account.stopped_at is None and time.monotonic() < self._due:
            return
        try:
            self._write(account)
        except StoreError:
            self._due = 0.0
        else:
            self._due = time.monotonic() + KEEP_EVERY_S

    def _write(self, account: ProcessAccount) -> None:
        if not self._has_forgotten:
            self._writer.forget_accounts(account.beat_at - FORGOTTEN_AFTER)
            self._has_forgotten = True
        self._writer.keep_account(account)
