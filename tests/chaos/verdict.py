"""The book of the clients, the provider's log and the rows in; what is missing, doubled or wrongly marked, out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine, text
from sqlmodel import Session, col, select

from tests.chaos.traffic import Call
from usage_plugin.store.tables import UsageRecord

# LiteLLM reports a call from a queue, a moment after its client has the answer.
REPORTED_WITHIN_S = 2.0
_SUMS = """
    SELECT model, provider, SUM({calls}) AS calls, SUM(COALESCE(prompt_tokens, 0)) AS prompt,
           SUM(COALESCE(completion_tokens, 0)) AS completion, SUM(COALESCE(cost_nano_usd, 0)) AS cost
    FROM {table} GROUP BY model, provider ORDER BY model, provider
"""


@dataclass(slots=True)
class Verdict:
    """What became of the calls that the provider served.

    Args:
        served: Calls that it saw.
        statuses: Their terminal rows by status.
        lost: Calls without a row.
        killed: Calls that were in flight when their proxy was killed; they have rows all the same.
        doubled: Calls with more than one terminal row.
        unmarked: Rows of cut calls that pass for exact ones, and of whole calls that do not.
        estimates: Rows that are marked as estimates.
        totals_differ: Whether the daily totals are not the sums of the rows.
    """

    served: int
    statuses: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unmarked: list[str] = field(default_factory=list)
    killed: int = 0
    estimates: int = 0
    totals_differ: bool = False

    @property
    def is_good(self) -> bool:
        """Whether every call is recorded as it should be."""
        return not (self.lost or self.doubled or self.unmarked or self.totals_differ)


def judge(engine: Engine, calls: Sequence[Call], served: Collection[str]) -> Verdict:
    """Compare each call that was served with its rows."""
    rows = _terminal_rows(engine)
    verdict = Verdict(served=len(served), totals_differ=_totals_differ(engine))
    for call in calls:
        found = rows.get(call.call_id, [])
        if len(found) > 1:
            verdict.doubled.append(f"{_named(call)}: {'; '.join(map(_described, found))}")
        if not found and call.call_id in served:
            verdict.lost.append(_named(call) + (", at a kill" if _was_killed(call) else ""))
        verdict.killed += _was_killed(call)
        for row in found[:1]:
            verdict.statuses[row.status] += 1
            verdict.estimates += row.cost_confidence == "estimated"
            if not _is_marked_right(call, row):
                verdict.unmarked.append(f"{_named(call)} {row.status} {row.tokens_source} {row.cost_confidence}")
    return verdict


def _terminal_rows(engine: Engine) -> dict[str, list[UsageRecord]]:
    found: defaultdict[str, list[UsageRecord]] = defaultdict(list)
    with Session(engine) as session:
        for row in session.exec(select(UsageRecord).where(col(UsageRecord.is_terminal))):
            found[row.litellm_call_id or ""].append(row)
    return found


def _named(call: Call) -> str:
    return f"{call.call_id} ({call.kind}, {call.site.name}, {call.status}{'' if call.complete else ' cut'})"


def _described(row: UsageRecord) -> str:
    times = f"completed {row.completed_at:%T.%f} stored {row.created_at:%T.%f}"
    return f"{row.status} {row.error_class or ''} {row.model} {row.cost_confidence} {times}"


def _was_killed(call: Call) -> bool:
    return any(call.began_at <= kill <= call.ended_at + REPORTED_WITHIN_S for kill in call.site.kills)


def _is_marked_right(call: Call, row: UsageRecord) -> bool:
    """A whole answer is exact; whatever was cut short says so, unless the provider had said all before."""
    if row.status == "interrupted":
        return row.tokens_source != "provider" and row.cost_confidence in {"estimated", "unpriced"}
    if call.status == 200 and call.complete and "broken" not in call.kind:
        return (row.status, row.tokens_source, row.cost_confidence) == ("success", "provider", "exact")
    return row.cost_confidence != "exact" or row.tokens_source == "provider"


def _totals_differ(engine: Engine) -> bool:
    per_row = "CASE WHEN is_terminal THEN calls ELSE 0 END"
    with engine.connect() as connection:
        rows = connection.execute(text(_SUMS.format(table="usage_record", calls=per_row))).all()
        totals = connection.execute(text(_SUMS.format(table="usage_daily", calls="requests"))).all()
    return [tuple(row) for row in rows] != [tuple(row) for row in totals]
