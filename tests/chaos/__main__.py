"""Numbers of kills and outages in; what was done and what became of every call, out; run by ``make chaos``."""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter

from tests.chaos.breaking import Done, break_and_mend
from tests.chaos.stores import STORES
from tests.chaos.verdict import Verdict

SHOWN = 10


def main() -> int:
    """Break everything, put it together again and count; says whether something is wrong."""
    asked = _arguments()
    print(f"seed {asked.seed}: it decides what is broken, and the machine when exactly", flush=True)
    verdicts = []
    for number, name in enumerate(asked.stores):
        share = len(asked.stores)
        done, verdict = break_and_mend(name, asked.kills // share, asked.outages // share, asked.seed + number)
        _print(done, verdict)
        verdicts.append(verdict)
    return 0 if all(verdict.is_good for verdict in verdicts) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--kills", type=int, default=80, help="kill -9 of workers and whole proxies, in all")
    parser.add_argument("--outages", type=int, default=16, help="of the database and the disk, in all")
    parser.add_argument("--stores", nargs="*", choices=STORES, default=list(STORES))
    return parser.parse_args()


def _print(done: Done, verdict: Verdict) -> None:
    lines = {
        "store": f"{done.store}, {done.seconds:.0f} s",
        "kill -9": _counted(done.kills),
        "outages": _counted(done.outages),
        "calls": f"{done.calls} sent, {verdict.served} served by the provider, {verdict.killed} in flight at a kill",
        "rows": _counted(verdict.statuses),
        "estimates": str(verdict.estimates),
        "lost": str(len(verdict.lost)),
        "doubled": str(len(verdict.doubled)),
        "wrongly marked": str(len(verdict.unmarked)),
        "daily totals": "differ from the rows" if verdict.totals_differ else "are the sums of the rows",
    }
    for name, value in lines.items():
        print(f"{name:<16}{value}")
    for name, named in (("lost", verdict.lost), ("doubled", verdict.doubled), ("marked", verdict.unmarked)):
        for each in named[:SHOWN]:
            print(f"  {name}: {each}")
    print(flush=True)


def _counted(counter: Counter[str]) -> str:
    each = ", ".join(f"{count} {name}" for name, count in sorted(counter.items()))
    return f"{counter.total()}: {each}" if counter else "0"


if __name__ == "__main__":
    sys.exit(main())
