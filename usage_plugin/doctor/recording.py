"""Facts in, findings about the recording's own account of itself out: what waits, and what became of every call."""

from __future__ import annotations

from usage_plugin.account import ProcessAccount
from usage_plugin.doctor.facts import Facts
from usage_plugin.doctor.finding import Finding, Verdict, ok, warn
from usage_plugin.watch import Concern, alerts, failing, flow_of, named, state_of


def check_writing(facts: Facts) -> Finding:
    """What arrives is written."""
    running = facts.running_writers
    stored, waiting = sum(beat.stored for beat in running), sum(beat.waiting for beat in running)
    well = (
        f"{stored} calls stored since the start, {waiting} on their way"
        if running
        else ("nothing is waiting to be written, since nothing runs")
    )
    return _finding(facts, Concern.ERROR, "writing", well)


def check_lag(facts: Facts) -> Finding:
    """No call waits for long."""
    lag_s = flow_of(facts.accounts, facts.now).lag_s
    limit_s = facts.settings.pipeline_lag_limit_s
    return _finding(
        facts, Concern.LAG, "lag", f"the oldest waiting call is {lag_s:.0f} s old; the limit is {limit_s:g} s"
    )


def check_lost(facts: Facts) -> Finding:
    """Every call was kept."""
    return _finding(facts, Concern.LOST, "lost", "no call was lost")


def check_set_aside(facts: Facts) -> Finding:
    """The database takes every call as it is."""
    return _finding(facts, Concern.SET_ASIDE, "set aside", "the database took every call as it was")


def check_folded(facts: Facts) -> Finding:
    """There was room for every single call."""
    return _finding(facts, Concern.FOLDED, "folded", "every call has a row of its own")


def check_silent(facts: Facts) -> Finding:
    """Every process that ended said so."""
    return _finding(facts, Concern.SILENT, "silent", "every process runs, or said that it stopped")


def check_jobs(facts: Facts) -> Finding:
    """What the worker does from time to time works."""
    failed = failing(facts.database.job_runs)
    if failed:
        return warn("jobs", "; ".join(alert.what for alert in failed), failed[0].remedy)
    if not facts.database.job_runs:
        return ok("jobs", "no worker has run on this database yet")
    newest = max(run.started_at for run in facts.database.job_runs)
    return ok("jobs", f"every job of the worker works; the last ran at {newest:%Y-%m-%d %H:%M} UTC")


def check_processes(facts: Facts) -> Finding:
    """Which processes have recorded in the last day, each with what became of its calls."""
    lines = tuple(f"{named(account)}, {state_of(account, facts.now)}: {_counts(account)}" for account in facts.accounts)
    count = {0: "no process has", 1: "1 process has"}.get(len(lines), f"{len(lines)} processes have")
    return Finding("processes", Verdict.OK, f"{count} recorded in the last day", details=lines)


def _finding(facts: Facts, concern: Concern, name: str, well: str) -> Finding:
    found = [
        alert
        for alert in alerts(facts.accounts, facts.now, lag_limit_s=facts.settings.pipeline_lag_limit_s)
        if alert.concern is concern
    ]
    if not found:
        return ok(name, well)
    verdict = Verdict.FAIL if any(alert.is_serious for alert in found) else Verdict.WARN
    return Finding(name, verdict, "; ".join(alert.what for alert in found), found[0].remedy)


def _counts(account: ProcessAccount) -> str:
    named_counts = {
        "seen": account.seen,
        "spooled": account.spooled,
        "stored": account.stored,
        "waiting": account.waiting,
        "adopted": account.adopted,
        "folded": account.folded,
        "set aside": account.set_aside,
        "lost": account.lost,
    }
    return ", ".join(f"{number:,} {name}" for name, number in named_counts.items())
