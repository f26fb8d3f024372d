"""Which anomaly names a cause: by hand-made shares of changes, without a database."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.detect.calls import HOUR, NOW
from tests.store.test_anomalies import row
from usage_plugin.detect.evidence import scope_of
from usage_plugin.detect.merge import Case, merge
from usage_plugin.detect.series import Scope
from usage_plugin.store.analysis_tables import AnomalyRow

DAY = timedelta(days=1)
TOTAL = ("total", None)
_serial = itertools.count(1)


Known = dict[tuple[str | None, str | None], float]


@dataclass
class Shares:
    """What share of the change of the first happened to the second; a scope is all of itself, and inside the total."""

    known: Known = field(default_factory=dict)

    def share(self, of: AnomalyRow, other: Scope) -> float:
        if scope_of(of) == other or other == Scope():
            return 1.0
        return self.known.get((of.member, other.member), 0.0)


def case(dimension: str, member: str | None, usd: float, **given: Any) -> Case:
    stake = round(usd * 1e9)
    values: dict[str, Any] = {
        "dimension": dimension,
        "member": member,
        "started_at": NOW,
        "ended_at": NOW + HOUR,
        "expected": 1e9,
        "actual": 1e9 + stake,
        "at_stake_nano_usd": stake,
        "severity": 4.0 if usd > 0 else -4.0,
    }
    return Case(row(next(_serial), **{**values, **given}), abs(float(stake)))


def merged(cases: list[Case], known: Known) -> dict[str, str | None]:
    merge(cases, Shares(known))
    return {f"{each.row.dimension} {each.row.member}": each.root.row.member for each in cases}


def test_the_key_names_what_its_team_and_the_total_show() -> None:
    """Whatever the order in which they come, and though the total moved more."""
    cases = [case(*TOTAL, 110), case("team", "t", 101), case("key", "k", 100), case("model", "m", 90)]
    known: Known = {(None, "k"): 0.9, ("t", "k"): 1.0, ("m", "k"): 0.8, ("t", "m"): 0.8}
    for order in itertools.permutations(cases):
        assert set(merged(list(order), known).values()) == {"k"}
    assert [each.into is None for each in cases] == [False, False, True, False]


def test_where_all_changed_alike_the_total_is_told() -> None:
    """No key explains half of it, nor three of them nearly all; their own small changes are parts of it."""
    keys = [case("key", f"k{number}", 10) for number in range(6)]
    known: Known = {(None, each.row.member): 0.17 for each in keys}
    found = merged([case(*TOTAL, 60, expected=6e9, actual=66e9), *keys], known)
    assert set(found.values()) == {None}


def test_two_keys_are_two_entries_and_the_total_belongs_to_the_larger() -> None:
    """Each names its own cause."""
    cases = [case(*TOTAL, 100), case("key", "a", 45), case("key", "b", 40), case("team", "t", 45)]
    known: Known = {(None, "a"): 0.45, (None, "b"): 0.4, ("t", "a"): 1.0}
    assert merged(cases, known) == {"total None": "a", "key a": "a", "key b": "b", "team t": "a"}


def test_a_part_with_a_cause_of_its_own_is_not_hidden() -> None:
    """All grew by a tenth, and one key twentyfold."""
    total = case(*TOTAL, 100, expected=1000e9, actual=1100e9)
    assert merged([total, case("key", "k", 20)], {(None, "k"): 0.2}) == {"total None": None, "key k": "k"}


def test_other_times_kinds_and_sides_have_other_causes() -> None:
    """Errors are not dollars; yesterday is not today; less is not more."""
    known: Known = {("t", "k"): 1.0}
    for other in (
        {"started_at": NOW - DAY, "ended_at": NOW - DAY + HOUR},
        {"metric": "error_rate"},
        {"severity": -3.0, "actual": 0.0},
    ):
        found = merged([case("key", "k", 50), case("team", "t", 60, **other)], known)
        assert found == {"key k": "k", "team t": "t"}


def test_a_key_that_leaves_a_model_for_another_is_one_cause() -> None:
    """The model that it left has less, as a part of the key and as a whole."""
    pair = case("key", "k", -30, second_dimension="model", second_member="old")
    found = merged([case("key", "k", 100), pair, case("model", "old", -30)], {("old", "k"): 0.9})
    assert set(found.values()) == {"k"}


def test_the_same_calls_again_the_next_day_are_one_entry() -> None:
    """Three nights of one key; three keys in three nights are three."""
    nights = [NOW + number * DAY for number in range(3)]
    cases = [case("key", "k", 10 + at, started_at=night, ended_at=night + HOUR) for at, night in enumerate(nights)]
    merge(cases, Shares())
    assert len({id(each.root) for each in cases}) == 1
    others = [case("key", f"k{at}", 10, started_at=night, ended_at=night + HOUR) for at, night in enumerate(nights)]
    merge(others, Shares())
    assert len({id(each.root) for each in others}) == 3


def test_an_entry_keeps_its_name() -> None:
    """A user who was told of an hour ago stays the entry when the key alarms too; a total gives way to who it was."""
    known: Known = {("k", "u"): 0.9, ("u", "k"): 1.0, (None, "k"): 0.9, (None, "u"): 0.9}
    told, key, total = case("user", "u", 60, id=7), case("key", "k", 70), case(*TOTAL, 80)
    assert set(merged([key, total, told], known).values()) == {"u"}
    assert set(merged([key, case(*TOTAL, 80, id=8)], known).values()) == {"k"}
    assert set(merged([key, case("user", "u", 60, id=7, state="resolved")], known).values()) == {"k"}
    # The same key the next day, for ten times the dollars, is news.
    again = case("key", "k", 700, started_at=NOW + DAY, ended_at=NOW + DAY + HOUR)
    first = case("key", "k", 70, id=9)
    merge([first, again], Shares())
    assert first.root is again


def test_what_somebody_looks_after_stays_what_it_is() -> None:
    """A new explanation does not take the entry away."""
    cases = [case(*TOTAL, 110, state="acknowledged", state_by="ana"), case("key", "k", 100)]
    assert merged(cases, {(None, "k"): 0.9})["total None"] is None


@given(
    weights=st.lists(st.integers(1, 50), min_size=1, max_size=7),
    shares=st.lists(st.floats(0, 1), min_size=49, max_size=49),
    levels=st.lists(st.sampled_from(["key", "user", "team", "model", "tag"]), min_size=7, max_size=7),
)
@pytest.mark.filterwarnings("ignore")
def test_everything_ends_at_an_entry(weights: list[int], shares: list[float], levels: list[str]) -> None:
    """Whatever the shares: no circle, and each root explains itself."""
    cases = [case(levels[at], f"m{at}", weight) for at, weight in enumerate(weights)]
    places = [(f"m{one}", f"m{other}") for one in range(7) for other in range(7)]
    merge(cases, Shares(dict(zip(places, shares, strict=True))))
    for each in cases:
        assert each.root.into is None
        assert each.root in cases
