"""Requests a second of the same proxy with this plugin, without a callback, and with LiteLLM's own; by ``make bench``.

All proxies run side by side and are measured in turn, in short runs, so that what else the machine does falls on each;
a ratio is taken within a round, and the median of the rounds is printed.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.bench.load import AT_ONCE, Answered, drive
from tests.bench.variants import CALLBACKS, NONE, running
from tests.upstream.process import running as running_upstream

ROUNDS = 7
CALLS = 250
WARM_UP = 100


def main() -> None:
    """Measure and print."""
    names = list(CALLBACKS)
    with tempfile.TemporaryDirectory() as folder, running_upstream() as upstream:
        store = f"sqlite:///{folder}/usage.db"
        with running(Path(folder), upstream, names, USAGE_DATABASE_URL=store) as urls:
            for url in urls.values():
                drive(url, calls=WARM_UP)
            rounds = [_round(urls, number) for number in range(ROUNDS)]
    print(f"requests a second, {AT_ONCE} callers, {CALLS} calls a run, median of {ROUNDS} rounds")
    print(f"{'':<14}{'calls/s':>10}{'ratio':>8}{'p50 ms':>10}{'p99 ms':>10}")
    for name in names:
        print(_line(name, rounds))


def _round(urls: Mapping[str, str], number: int) -> dict[str, Answered]:
    """Measure each proxy once; who comes first changes."""
    names = [*urls][number % len(urls) :] + [*urls][: number % len(urls)]
    return {name: drive(urls[name], calls=CALLS) for name in names}


def _line(name: str, rounds: list[dict[str, Answered]]) -> str:
    runs = [each[name] for each in rounds]
    per_second = statistics.median(run.per_second for run in runs)
    ratio = statistics.median(each[name].per_second / each[NONE].per_second for each in rounds)
    p50, p99 = (statistics.median(run.percentile_ms(percent) for run in runs) for percent in (50, 99))
    refused = sum(run.refused for run in runs)
    return (
        f"{name:<14}{per_second:>10.1f}{ratio:>8.2f}{p50:>10.1f}{p99:>10.1f}{f'  {refused} refused' if refused else ''}"
    )


if __name__ == "__main__":
    main()
