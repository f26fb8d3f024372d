"""Time that a call costs the proxy's event loop, all hooks together, beside one bare append; run by ``make bench``.

Measured inside a running proxy under load, where the writing thread and LiteLLM itself take turns with the event loop:
a hook that the operating system or Python puts aside for a moment is counted with that moment by the wall's clock, and
without it by the processor's.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from tests.bench.load import drive
from tests.bench.timed_names import FLOOR, MOMENT
from tests.proxy.process import litellm_process
from tests.proxy.stopping import write_plain_config
from tests.upstream.process import running as running_upstream

CALLS = 1500
WARM_UP = 150
GOAL_US = 100
Spent = Sequence[int]
"""Nanoseconds by the wall, and of the processor."""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _serve(folder)
        dumped = json.loads((folder / "dump.json").read_text())
    calls = list(dumped["spent"].values())[WARM_UP:]
    lines = statistics.median(dumped["line_bytes"])
    print(f"event-loop time of a call, {len(calls)} calls, every second one a stream, lines of {lines:.0f} bytes")
    print(f"{'us':<48}{'p50':>8}{'p99':>8}{'cpu p50':>10}{'cpu p99':>10}")
    hooks = sorted({hook for call in calls for hook in call} - {FLOOR, MOMENT})
    print(_line(f"all hooks together (goal: {GOAL_US} at p99)", [_together(call) for call in calls]))
    for hook in hooks:
        print(_line(f"  {hook}", [call[hook] for call in calls if hook in call]))
    print(_line(f"{FLOOR} (floor)", [call[FLOOR] for call in calls if FLOOR in call]))
    print(_line(MOMENT, [call[MOMENT] for call in calls if MOMENT in call]))


def _serve(folder: Path) -> None:
    with running_upstream() as upstream:
        path = write_plain_config(folder, upstream.base_url)
        config = yaml.safe_load(path.read_text())
        config["litellm_settings"]["callbacks"] = ["tests.bench.timed_handler.handler"]
        path.write_text(yaml.safe_dump(config))
        settings = {"USAGE_DATABASE_URL": f"sqlite:///{folder}/usage.db", "BENCH_DUMP": str(folder / "dump.json")}
        with litellm_process(path, **settings) as url:
            drive(url, calls=WARM_UP + CALLS, streams=True)


def _together(call: Mapping[str, Spent]) -> Spent:
    ours = [spent for hook, spent in call.items() if hook not in {FLOOR, MOMENT}]
    return [sum(wall for wall, _ in ours), sum(used for _, used in ours)]


def _line(name: str, spent: Sequence[Spent]) -> str:
    cells = f"{name:<48}"
    for place, width in enumerate((8, 10)):
        cuts = statistics.quantiles((each[place] for each in spent), n=100)
        cells += f"{cuts[49] / 1000:>{width}.1f}{cuts[98] / 1000:>{width}.1f}"
    return cells


if __name__ == "__main__":
    main()
