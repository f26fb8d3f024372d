"""Databases of 1 and 10 million calls in, what they take on disk and in time out.

Run ``python -m tests.bench.scale [sqlite|postgresql] [CALLS ...]``.
The databases are built once and kept in ``USAGE_BENCH_DIR``, by default in the user's cache folder.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from zoneinfo import ZoneInfo

from tests.bench.scale.build import add_up_days_of, built
from tests.bench.scale.databases import POSTGRESQL, SQLITE, postgresql
from tests.bench.scale.disk import show_disk
from tests.bench.scale.measure import asked_in, show_beside_raw, show_growth, show_taken, taken_ms
from tests.bench.scale.spend_logs import show_spend_logs

CALLS = (1_000_000, 10_000_000)
UTC, ZONES = "UTC", ("Europe/Berlin", "Asia/Kathmandu")
NAMES = {SQLITE: "SQLite", POSTGRESQL: "PostgreSQL"}


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    kinds = [each for each in arguments if each in NAMES] or list(NAMES)
    counts = [int(each) for each in arguments if each.isdigit()] or list(CALLS)
    equal = True
    for kind in kinds:
        taken = {}
        for count in counts:
            with built(kind, count) as engine:
                show_disk(f"{NAMES[kind]}, {count:,} calls: bytes per call", engine, count)
                for zone in _zones(count, counts):
                    add_up_days_of(engine, ZoneInfo(zone))
                    title, asked = f"{NAMES[kind]}, {count:,} calls, 90 days in {zone}", asked_in(zone)
                    taken[count, zone] = taken_ms(engine, asked)
                    show_taken(title, asked, taken[count, zone])
                    equal &= show_beside_raw(f"{title}: beside raw records", engine, asked, zone)
        for small, large in pairwise(counts):
            title = f"{NAMES[kind]}, {UTC}: {large:,} calls beside {small:,}"
            show_growth(title, asked_in(UTC), taken[small, UTC], taken[large, UTC])
    if POSTGRESQL in kinds:
        with postgresql() as server:
            show_spend_logs(server)
    if not equal:
        sys.exit("an answer is not what the records say")


def _zones(count: int, counts: Sequence[int]) -> tuple[str, ...]:
    """Ask for other zones' days of the smallest database alone: each zone's sheets have to be made first."""
    return (UTC, *ZONES) if count == min(counts) else (UTC,)


if __name__ == "__main__":
    main(sys.argv[1:])
