#!/usr/bin/env bash
# Writes the lock files anew from pyproject.toml: hashes, no index URLs. Needs `uv` (pip install uv).
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -q "$@"; }
compile pyproject.toml --extra proxy --extra dashboard --extra alerts --group build -o requirements/run.txt
compile pyproject.toml --extra proxy --extra dashboard --extra alerts --group build --group test --group lint -c requirements/run.txt -o requirements/dev.txt
compile --group bench -c requirements/dev.txt -o requirements/bench.txt
compile --group series --no-deps -o requirements/series.txt
