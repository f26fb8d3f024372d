from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from usage_plugin.proxy_config import read_proxy_config

REPOSITORY = Path(__file__).parents[1]
FILE = REPOSITORY / "litellm_config.yaml"
BIG_PROVIDERS = [
    "openai",
    "anthropic",
    "gemini",
    "vertex_ai",
    "azure",
    "bedrock",
    "mistral",
    "cohere",
    "groq",
    "deepseek",
    "xai",
    "together_ai",
    "fireworks_ai",
    "openrouter",
    "perplexity",
    "ollama",
]
SECRET = ("key", "secret", "token", "password", "credentials")


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """The shipped config, parsed."""
    content: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return content


def test_it_loads_our_callback_and_counts_every_call() -> None:
    """In the list that LiteLLM calls in full; no client can opt out."""
    read = read_proxy_config(FILE, {})
    assert read.records_usage
    assert read.counts_no_log_calls
    assert read.model_to_try == "demo-gpt"


@pytest.mark.parametrize("provider", BIG_PROVIDERS)
def test_each_big_provider_has_a_wildcard_route(config: dict[str, Any], provider: str) -> None:
    """Any model of it can be called as ``provider/model``."""
    routes = {entry["model_name"]: entry["litellm_params"]["model"] for entry in config["model_list"]}
    assert routes[f"{provider}/*"] == f"{provider}/*"


def test_no_secret_stands_in_the_file(config: dict[str, Any]) -> None:
    """Each key comes from the environment, the master key too."""
    secrets = [
        value
        for entry in config["model_list"]
        for name, value in entry["litellm_params"].items()
        if name.endswith(SECRET)
    ]
    assert len(secrets) > len(BIG_PROVIDERS) - 3
    assert all(value.startswith("os.environ/") for value in [*secrets, config["general_settings"]["master_key"]])


def test_one_name_is_balanced_over_two_providers_deployments(config: dict[str, Any]) -> None:
    """And falls back to a third one."""
    groups = Counter(entry["model_name"] for entry in config["model_list"])
    (balanced,) = [name for name, count in groups.items() if count > 1]
    providers = {
        entry["litellm_params"]["model"].split("/")[0]
        for entry in config["model_list"]
        if entry["model_name"] == balanced
    }
    assert len(providers) == 2
    fallbacks = {name: targets for entry in config["router_settings"]["fallbacks"] for name, targets in entry.items()}
    assert set(fallbacks[balanced]) <= set(groups)


def test_demo_models_answer_for_at_least_three_providers(config: dict[str, Any]) -> None:
    """One is slow, one fails over, and each has its answer in the file."""
    demos = {e["model_name"]: e["litellm_params"] for e in config["model_list"] if e["model_name"].startswith("demo-")}
    assert all("mock_response" in params for params in demos.values())
    assert len({params["model"].split("/")[0] for params in demos.values()}) >= 3
    assert any("mock_delay" in params for params in demos.values())


def test_each_setting_says_what_it_does() -> None:
    """A comment beside it; ``type: local`` and the like have theirs too."""
    settings = FILE.read_text().split("litellm_settings:")[1]
    lines = [line for line in settings.splitlines() if ":" in line.split("#")[0]]
    bare = [line for line in lines if "#" not in line]
    assert [line.strip() for line in bare if not line.rstrip().endswith((":", "]"))] == []


def test_make_says_what_there_is() -> None:
    """The targets of the contract, each with a line of help."""
    shown = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "demo", "lint", "bench"):
        assert any(line.split()[:2] == ["make", target] and len(line.split()) > 2 for line in shown.splitlines())


def test_make_without_python_says_what_is_missing(tmp_path: Path) -> None:
    """One line, and how to name one."""
    (tmp_path / "requirements").mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements/run.txt"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    ran = subprocess.run(
        ["make", "run", "PYTHON="],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert "No Python 3.11 or newer" in ran.stderr.splitlines()[0]
    assert "make PYTHON=" in ran.stderr
