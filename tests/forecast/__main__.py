"""Measures forecasts of spend beside seasonal naive and run-rate; run by ``make bench-forecast``.

Nothing here chooses anything. What there was to choose was chosen on other seeds of the generator (1, 11 and 12).
"""

from __future__ import annotations

import sys
import time

from tests.forecast.measure import generated, measure

HELD_OUT = (103, 105)
TENANTS = 60
CASES = ((35, 15), (60, 7), (60, 30), (120, 7), (120, 15), (120, 30), (120, 90), (240, 30))
"""Days that are known, and days that are asked for."""


def main(seeds: tuple[int, ...]) -> None:
    """Measure and print."""
    print(f"generated spend: seeds {seeds}, {TENANTS} tenants each")
    print("sMAPE in percent, median miss in percent of the sum that came, and how many sums were within their interval")
    print(f"{'known':>6}{'ahead':>6}{'in 80 %':>9}{'in 95 %':>9}{'ms each':>9}   errors")
    for known_days, ahead in CASES:
        asked = list(generated(seeds, TENANTS, known_days, ahead))
        began = time.process_time()
        outcome = measure(asked)
        cost_ms = (time.process_time() - began) / len(asked) * 1e3
        errors = "  ".join(
            f"{name} {outcome.smape(name):.1f}, {outcome.relative_error(name):.1f}" for name in outcome.forecasts
        )
        within = f"{outcome.within_80:>9.1%}{outcome.within_95:>9.1%}{cost_ms:>9.1f}"
        print(f"{known_days:>6}{ahead:>6}{within}   {errors}", flush=True)
        print(f"{'':12}chosen: {', '.join(f'{name} {count}' for name, count in outcome.models.items())}")


if __name__ == "__main__":
    main(tuple(int(each) for each in sys.argv[1:]) or HELD_OUT)
