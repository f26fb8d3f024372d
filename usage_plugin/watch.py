"""Processes' accounts in, what somebody should know about the recording out: the one place that decides it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from usage_plugin.account import ProcessAccount
from usage_plugin.store.jobs import Outcome, Ran

# A process beats every 2 s into its file and every 10 s into the store; a busy machine may be late.
SILENT_AFTER = timedelta(seconds=30)
# What ended so long ago should be added up; a worker leaves the last hour or two.
CLOSED_AFTER = timedelta(hours=2)
# As many calls are read one by one in about a tenth of a second.
NOT_ADDED_UP = 50_000


class State(StrEnum):
    """Whether a process is there, as far as it says so itself."""

    RUNNING = "running"
    STOPPED = "stopped"
    SILENT = "silent"
    """No sign of life, and no word that it ended: killed, hanging, or its machine is away."""


class Concern(StrEnum):
    """What an alert is about."""

    LOST = "lost"
    ERROR = "error"
    LAG = "lag"
    SET_ASIDE = "set aside"
    FOLDED = "folded"
    SILENT = "silent"
    BEHIND = "behind"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is not as it should be, and what to do about it."""

    concern: Concern
    is_serious: bool
    """Whether calls are missing from the database."""
    what: str
    remedy: str
    about: str | None = None
    """Which one, where there may be several alerts of a concern."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """All processes' accounts added up."""

    seen: int
    stored: int
    waiting: int
    adopted: int
    folded: int
    set_aside: int
    lost: int
    spool_bytes: int
    lag_s: float
    """Age of the call that waits longest; 0 where none does."""


def state_of(account: ProcessAccount, now: datetime) -> State:
    """Say whether a process is there."""
    if account.stopped_at is not None:
        return State.STOPPED
    return State.SILENT if now - account.beat_at >= SILENT_AFTER else State.RUNNING


def flow_of(accounts: Sequence[ProcessAccount], now: datetime) -> Flow:
    """Add accounts up."""
    return Flow(
        seen=sum(account.seen for account in accounts),
        stored=sum(account.stored for account in accounts),
        waiting=sum(account.waiting for account in accounts),
        adopted=sum(account.adopted for account in accounts),
        folded=sum(account.folded for account in accounts),
        set_aside=sum(account.set_aside for account in accounts),
        lost=sum(account.lost for account in accounts),
        spool_bytes=sum(account.spool_bytes for account in accounts),
        lag_s=max((lag_s(account, now) for account in accounts), default=0.0),
    )


def lag_s(account: ProcessAccount, now: datetime) -> float:
    """Give the age of the call that waits longest in a process; 0 where none does."""
    if not account.waiting or account.oldest_waiting_at is None:
        return 0.0
    return max((now - account.oldest_waiting_at).total_seconds(), 0.0)


def merge(stored: Iterable[ProcessAccount], local: Iterable[ProcessAccount]) -> tuple[ProcessAccount, ...]:
    """Bring together what the store and this machine's files say: per process the newest, newest first.

    Args:
        stored: From the store. One that has stopped says last what still waits, since whoever stores a dead
            process's spool notes it there.
        local: From this machine's files, which are newer, and there when the store is not.
    """
    found = {_identity(account): account for account in local}
    for account in stored:
        file = found.get(_identity(account))
        found[_identity(account)] = account if file is None else _together(account, file)
    return tuple(sorted(found.values(), key=lambda account: account.beat_at, reverse=True))


def alerts(accounts: Sequence[ProcessAccount], now: datetime, *, lag_limit_s: float) -> tuple[Alert, ...]:
    """Say what is wrong, the worst first.

    Args:
        accounts: Of processes that record, each once.
        now: The moment that the accounts are judged at.
        lag_limit_s: A call may wait this long.
    """
    judged = (
        _lost(accounts),
        _error(accounts),
        _lag(accounts, now, lag_limit_s),
        _set_aside(accounts),
        _folded(accounts),
        *(_silent(account, now) for account in accounts if state_of(account, now) is State.SILENT),
    )
    return tuple(sorted(filter(None, judged), key=lambda alert: not alert.is_serious))


def behind(not_added_up: int, workers: Sequence[ProcessAccount]) -> Alert | None:
    """Say that pages have to read many single calls.

    Args:
        not_added_up: Calls that ended before `CLOSED_AFTER` and are in no sheet.
        workers: Those of this machine that run.
    """
    if not_added_up <= NOT_ADDED_UP:
        return None
    closed = f"more than {NOT_ADDED_UP:,} calls older than two hours are not added up"
    if workers:
        what = f"{closed}, though {named(workers[0])} runs; until it has come so far, pages are right but slow to open"
        return Alert(Concern.BEHIND, False, what, "Give it some minutes; if they do not get fewer, look into its log")
    what = f"{closed}, and no worker runs on this machine, so pages are right but slow to open"
    return Alert(Concern.BEHIND, False, what, "Start one: usage-plugin worker (usage-plugin up starts one too)")


def failing(last_runs: Iterable[Ran]) -> tuple[Alert, ...]:
    """Say which of the worker's jobs do not work.

    Args:
        last_runs: The last run of each job that has ended.
    """
    return tuple(
        Alert(
            Concern.JOB,
            False,
            f"the worker's job “{run.job}” failed at {run.started_at:%Y-%m-%d %H:%M} UTC{_again(run)}: {run.said}",
            "It is tried again when it is due; what it does is missing meanwhile. The worker's log says more",
            run.job,
        )
        for run in last_runs
        if run.outcome is Outcome.FAILED
    )


def _again(run: Ran) -> str:
    since = run.failing_since
    return "" if since is None or since == run.started_at else f", and so each time since {since:%Y-%m-%d %H:%M} UTC"


def named(account: ProcessAccount) -> str:
    """Name a process as a person would."""
    kind = "an SDK program" if account.role == "sdk" else f"the {account.role}"
    return f"{kind} (process {account.pid} on {account.host})"


def calls(number: int) -> str:
    """Show how many calls."""
    return "1 call" if number == 1 else f"{number:,} calls"


def span(seconds: float) -> str:
    """Show a length of time in the unit that fits."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _identity(account: ProcessAccount) -> str:
    return account.process_id or f"{account.role} {account.pid} {account.host}"


def _together(stored: ProcessAccount, local: ProcessAccount) -> ProcessAccount:
    newest = max(stored, local, key=lambda account: account.beat_at)
    if stored.stopped_at is None:
        return newest
    return replace(
        newest,
        stopped_at=newest.stopped_at or stored.stopped_at,
        waiting=stored.waiting,
        spool_bytes=stored.spool_bytes,
        oldest_waiting_at=stored.oldest_waiting_at,
    )


def _lost(accounts: Sequence[ProcessAccount]) -> Alert | None:
    lost = sum(account.lost for account in accounts)
    if not lost:
        return None
    what = f"{calls(lost)} found room neither on disk nor in memory, and so {_miss(lost)} from every figure"
    return Alert(Concern.LOST, True, what, "Free the disk that holds the data folder, and keep the database up")


def _error(accounts: Sequence[ProcessAccount]) -> Alert | None:
    failing = [account for account in accounts if _fails(account)]
    if not failing:
        return None
    worst = max(failing, key=lambda account: account.waiting)
    seen, stored = sum(account.seen for account in failing), sum(account.stored for account in failing)
    others = f" and {len(failing) - 1} more" if len(failing) > 1 else ""
    what = f"calls arrive but are not written: {seen:,} seen, {stored:,} stored by {named(worst)}{others}"
    remedy = f"Make the database usable for it; what waits ({calls(sum(account.waiting for account in failing))}) "
    return Alert(
        Concern.ERROR, True, f"{what}. Last error: {worst.last_error}", f"{remedy}is stored then, in order and once"
    )


def _fails(account: ProcessAccount) -> bool:
    """Whether the last thing that happened to the writer was an error, with calls still not stored."""
    if account.stopped_at is not None or account.last_error is None or not (account.waiting or account.lost):
        return False
    stored_at, failed_at = account.last_stored_at, account.last_error_at
    return stored_at is None or failed_at is None or failed_at > stored_at


def _lag(accounts: Sequence[ProcessAccount], now: datetime, limit_s: float) -> Alert | None:
    late = [account for account in accounts if lag_s(account, now) > limit_s]
    if not late:
        return None
    worst = max(late, key=lambda account: lag_s(account, now))
    waiting = sum(account.waiting for account in late)
    what = (
        f"{calls(waiting)} {'waits' if waiting == 1 else 'wait'} to be stored, "
        f"the oldest for {span(lag_s(worst, now))} in {named(worst)}; the limit is {limit_s:g} s"
    )
    if state_of(worst, now) is State.RUNNING:
        remedy = "Look for a database that is away or holds a lock, and into the log of the process"
    else:
        remedy = f"Start a proxy with the same data folder on {worst.host}: it stores what that process left on disk"
    return Alert(Concern.LAG, True, what, remedy)


def _set_aside(accounts: Sequence[ProcessAccount]) -> Alert | None:
    holding = [account for account in accounts if account.set_aside]
    if not holding:
        return None
    number = sum(account.set_aside for account in holding)
    hosts = ", ".join(dict.fromkeys(account.host for account in holding))
    what = (
        f"{calls(number)} could not be stored as they are, and were kept aside"
        if number > 1
        else ("1 call could not be stored as it is, and was kept aside")
    )
    remedy = f"Read the reasons in refused-calls.jsonl in the data folder on {hosts}"
    return Alert(Concern.SET_ASIDE, True, what, remedy)


def _folded(accounts: Sequence[ProcessAccount]) -> Alert | None:
    folded = sum(account.folded for account in accounts)
    if not folded:
        return None
    what = f"counted together with others, without rows of their own: {calls(folded)}"
    remedy = (
        "Totals and costs are whole. It happens in a flood of rejected requests, and where the space for waiting calls "
        "is used up: keep the database up, or raise USAGE_SPOOL_MAX_MB"
    )
    return Alert(Concern.FOLDED, False, what, remedy)


def _silent(account: ProcessAccount, now: datetime) -> Alert:
    age = span((now - account.beat_at).total_seconds())
    left = f"; {calls(account.waiting)} waited in it" if account.waiting else ""
    what = f"{named(account)} has been silent for {age} without saying that it stopped{left}"
    remedy = "If it hangs, restart it; if it was killed, the next proxy with its data folder stores what it left"
    return Alert(Concern.SILENT, account.waiting > 0, what, remedy, _identity(account))


def _miss(number: int) -> str:
    return "is missing" if number == 1 else "are missing"
