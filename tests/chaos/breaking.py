"""A store, proxies and a seed in; kills and outages at random moments under load, and a clean end, out."""

from __future__ import annotations

import contextlib
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.sites import LAYOUTS, Site
from tests.chaos.stores import STORES, Outage, Store, full_disk
from tests.chaos.traffic import Traffic
from tests.chaos.verdict import Verdict, judge
from tests.proxy.load import served
from tests.upstream.process import running as running_upstream
from usage_plugin.database_url import resolve_database_url
from usage_plugin.store.database import connect
from usage_plugin.store.migrate import migrate

FULL_DISK = "disk full"
# Calls that no disk takes are in memory alone, and need a moment to be written before the next kill.
CALMS_DOWN_IN_S = 6.0
EMPTY_WITHIN_S = 90.0


@dataclass(slots=True)
class Done:
    """What was done to one store and its proxies, and what was served meanwhile."""

    store: str
    kills: Counter[str] = field(default_factory=Counter)
    outages: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    seconds: float = 0.0


def break_and_mend(name: str, kills: int, outages: int, seed: int) -> tuple[Done, Verdict]:
    """Run proxies under load on a store, break them and it, put everything together again and compare.

    Args:
        name: One of STORES.
        kills: ``kill -9`` of workers and of whole proxies.
        outages: Of the database and of the disk.
        seed: Of all choices.

    Raises:
        AssertionError: Proxies do not start any more, or leave calls unwritten.
    """
    done = Done(name)
    with tempfile.TemporaryDirectory() as name_of_folder, running_upstream() as upstream:
        folder = Path(name_of_folder)
        store = STORES[name](folder)
        engine = connect(resolve_database_url(store.url))
        migrate(engine)
        settings = {"USAGE_DATABASE_URL": store.url, "USAGE_DATA_DIR": str(folder / "data")}
        sites = [Site(layout, folder / layout, upstream, settings) for layout in LAYOUTS]
        traffic = Traffic(sites, seed)
        with _under_load(sites, traffic):
            _break(done, store, sites, random.Random(seed), _shuffled(kills, outages, random.Random(seed)))
        _mend(sites, folder / "data" / "spool")
        verdict = judge(engine, traffic.calls, served(upstream))
        done.calls = len(traffic.calls)
        engine.dispose()
        store.close()
    return done, verdict


def _shuffled(kills: int, outages: int, rng: random.Random) -> list[bool]:
    """Give the order of kills (true) and outages."""
    order = [True] * kills + [False] * outages
    rng.shuffle(order)
    return order


@contextlib.contextmanager
def _under_load(sites: Sequence[Site], traffic: Traffic) -> Iterator[None]:
    for site in sites:
        site.start()
    for site in sites:
        site.wait_until_up()
    traffic.start()
    try:
        yield
    finally:
        traffic.stop()


def _break(done: Done, store: Store, sites: Sequence[Site], rng: random.Random, order: Sequence[bool]) -> None:
    began = time.monotonic()
    outages: dict[str, Outage] = store.outages() | {FULL_DISK: lambda: full_disk(sites)}
    names = list(outages)
    for is_kill in order:
        time.sleep(rng.uniform(0.5, 2.5))
        if is_kill:
            done.kills[_one_that_is_up(sites, rng).kill_something(rng)] += 1
        else:
            name = names[sum(done.outages.values()) % len(names)]
            done.outages[name] += 1
            _take_away(outages[name], sites, rng, kills=0 if name == FULL_DISK else rng.randint(0, 1), done=done)
    done.seconds = time.monotonic() - began


def _take_away(outage: Outage, sites: Sequence[Site], rng: random.Random, *, kills: int, done: Done) -> None:
    """Keep the store away for seconds; a proxy may be killed meanwhile, but not while no disk takes its calls."""
    with outage():
        time.sleep(rng.uniform(1, 4))
        for _ in range(kills):
            done.kills[_one_that_is_up(sites, rng).kill_something(rng)] += 1
        time.sleep(rng.uniform(1, 4))
    if not kills:
        time.sleep(CALMS_DOWN_IN_S)


def _one_that_is_up(sites: Sequence[Site], rng: random.Random) -> Site:
    deadline = time.monotonic() + EMPTY_WITHIN_S
    while not (up := [site for site in sites if site.is_up]):
        assert time.monotonic() < deadline, f"none of the proxies started again in {EMPTY_WITHIN_S} s"
        time.sleep(0.1)
    return rng.choice(up)


def _mend(sites: Sequence[Site], spool: Path) -> None:
    """Stop all, let one fresh proxy store what they have left, and stop that, too."""
    for site in sites:
        site.wait_until_up()
        site.stop()
    last = sites[-1]
    last.start()
    last.wait_until_up()
    deadline = time.monotonic() + EMPTY_WITHIN_S
    while len(list(spool.rglob("*.log"))) > 1 and time.monotonic() < deadline:
        time.sleep(0.2)
    last.stop()
    left = list(spool.rglob("*.log"))
    assert not left, f"calls wait on disk still: {left}"
