"""Nothing in; the table of all scenarios, played against a proxy of its own, on the terminal."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.proxy.config import write_config
from tests.proxy.process import running
from tests.proxy.scenarios import everything
from tests.proxy.scenarios.compare import differences, table
from tests.proxy.scenarios.play import play
from tests.upstream.process import running as running_upstream


def main() -> int:
    """Play and print; says how many scenarios differ."""
    with tempfile.TemporaryDirectory() as folder, running_upstream() as upstream:
        config = write_config(Path(folder), upstream.base_url)
        with running(config, f"sqlite:///{folder}/usage.db", upstream) as proxy:
            played = play(proxy, everything.SCENARIOS, everything.WAIT_AT_MOST_S)
    wrong = [each.scenario.name for each in played if differences(each)]
    print(table(played))
    print(f"{len(played)} scenarios, {len(wrong)} not as expected {' '.join(wrong)}")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
