"""Facts in, findings about what runs and what arrives out."""

from __future__ import annotations

from datetime import datetime

from usage_plugin.account import RECORDS
from usage_plugin.demo.place import demo_url
from usage_plugin.doctor.facts import Facts
from usage_plugin.doctor.finding import Finding, fail, ok, warn
from usage_plugin.hold.heartbeat import Heartbeat, fingerprint
from usage_plugin.periods import LONGEST_DAYS
from usage_plugin.store.budgets import Budget
from usage_plugin.store.retention import FOR_EVER
from usage_plugin.watch import behind, named

TOLERATED_SKEW_S = 60.0


def check_proxy(facts: Facts) -> Finding:
    """A process that records has been started, and runs."""
    writers = facts.writers
    if refusal := _newest_refusal(facts):
        what = f"{named(refusal)} was the last to start, and records nothing: {refusal.last_error}"
        return fail("proxy", what, "Correct that where the proxy is started, and restart it")
    if facts.running_writers:
        return ok("proxy", "recording now: " + ", ".join(map(named, facts.running_writers)))
    if not writers and facts.database.newest_call_at is None:
        what = "no proxy with the callback has ever been started by this user on this machine"
        return fail(
            "proxy", what, "Start it: usage-plugin up, or litellm --config " + str(facts.settings.litellm_config)
        )
    if not writers:
        what = "no proxy has been started on this machine; the calls in the database come from another one"
        return warn("proxy", what, "Run doctor on the machine that runs the proxy, too")
    last = writers[0]
    how = "was stopped" if last.stopped_at else "ended without saying so, or hangs,"
    what = f"no proxy runs now; the last one, {named(last)}, {how} {_ago(last.stopped_at or last.beat_at, facts.now)}"
    return warn("proxy", what, "Start it: usage-plugin up")


def check_calls(facts: Facts) -> Finding:
    """At least one call has been recorded, and when the last one was."""
    newest = facts.database.newest_call_at
    if newest is not None:
        return ok("calls", f"the last call was recorded {_ago(newest, facts.now)}")
    if any(beat.seen for beat in facts.writers):
        return warn("calls", "calls arrived, but none is in this database", "See the other findings for the reason")
    return warn(
        "calls", "no call has been made yet, so every page is empty", "Make one: usage-plugin up prints a curl line"
    )


def check_added_up(facts: Facts) -> Finding:
    """What is closed is added up, so that pages open at once."""
    workers = facts.running_workers
    alert = behind(facts.database.not_added_up, workers)
    if alert is not None:
        return warn("added up", alert.what, alert.remedy)
    who = ", ".join(map(named, workers)) + " adds up" if workers else "no worker runs on this machine"
    return ok("added up", f"pages read totals, and single calls only of the present; {who}")


def check_budgets(facts: Facts) -> Finding:
    """Totals by the hour are kept for as long as each budget's period is: else nobody can say what is spent."""
    kept = max(facts.settings.retain_sheets_days, facts.settings.retain_records_days)
    is_for_ever = FOR_EVER in (facts.settings.retain_sheets_days, facts.settings.retain_records_days)
    enabled = [each for each in facts.database.budgets if each.is_enabled]
    longer = [each for each in enabled if not is_for_ever and _longest_days(each) > kept]
    if not longer:
        well = "totals are kept as long as the periods of all budgets" if enabled else "no budget is enabled"
        return ok("budgets", well)
    names = ", ".join(f"{each.name} ({_longest_days(each)} days)" for each in longer)
    what = f"totals by the hour are kept for {kept} days, and periods of budgets are longer: {names}"
    longest = max(map(_longest_days, longer))
    return warn("budgets", what, f"Set USAGE_RETAIN_SHEETS_DAYS to {longest} or more, or switch these budgets off")


def _longest_days(budget: Budget) -> int:
    return budget.rolling_days or LONGEST_DAYS[budget.period]


def check_one_database(facts: Facts) -> Finding:
    """Every process looks at the same database as this one; a dashboard that shows the demo does not count."""
    mine = fingerprint(facts.settings.url)
    demo = fingerprint(demo_url(facts.settings))
    others = [
        beat
        for beat in _current(facts)
        if beat.database_fingerprint != mine and not (beat.role == "dashboard" and beat.database_fingerprint == demo)
    ]
    if not others:
        return ok("one database", f"every process uses {facts.settings.safe_url}")
    places = "; ".join(f"{named(beat)} uses {beat.safe_url}" for beat in others)
    what = f"this command looks at {facts.settings.safe_url}, but {places}"
    remedy = "Give every process the same USAGE_DATABASE_URL (and USAGE_DATA_DIR), then restart it"
    return fail("one database", what, remedy)


def check_clock(facts: Facts) -> Finding:
    """This machine, the database and the processes agree on the time."""
    ahead_s = facts.database.clock_ahead_s or 0.0
    remedy = "Switch on time synchronisation (NTP) on each machine"
    if abs(ahead_s) > TOLERATED_SKEW_S:
        direction = "ahead of" if ahead_s > 0 else "behind"
        what = f"the database server's clock is {abs(ahead_s):.0f} s {direction} this machine's"
        return fail("clock", what, remedy)
    for beat in facts.beats:
        if _in_future(beat.beat_at, facts.now):
            ahead = (beat.beat_at - facts.now).total_seconds()
            return fail("clock", f"{named(beat)} reported {ahead:.0f} s in the future: the clock was set back", remedy)
    newest = facts.database.newest_call_at
    if newest is not None and _in_future(newest, facts.now):
        ahead = (newest - facts.now).total_seconds()
        return fail("clock", f"the newest call is dated {ahead:.0f} s in the future, so pages may leave it out", remedy)
    return ok("clock", "this machine, the database and the recorded calls agree on the time")


def _current(facts: Facts) -> list[Heartbeat]:
    """Give what runs, and the last proxy even when it has stopped: its calls are the ones that a page would show."""
    return list(dict.fromkeys((*facts.running, *facts.writers[:1])))


def _newest_refusal(facts: Facts) -> Heartbeat | None:
    """Give the process that could not use its settings, unless one that can was started after it."""
    refusal = next((beat for beat in facts.refusals if beat.role in RECORDS), None)
    later = any(refusal and beat.started_at > refusal.started_at for beat in facts.writers)
    return None if later else refusal


def _in_future(moment: datetime, now: datetime) -> bool:
    return (moment - now).total_seconds() > TOLERATED_SKEW_S


def _ago(moment: datetime, now: datetime) -> str:
    seconds = max(0, round((now - moment).total_seconds()))
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "less than a minute ago"
