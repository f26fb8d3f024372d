from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.doctor.conftest import GOOD_CONFIG


def test_what_is_wrong_is_said_with_its_remedy_and_code_one(cli: Cli) -> None:
    """On a fresh machine nothing has run yet."""
    Path("litellm_config.yaml").write_text(GOOD_CONFIG)
    ran = cli("doctor")
    assert ran.code == 1
    assert "fail  proxy" in ran.out
    assert "-> Start it: usage-plugin up" in ran.out
    assert ran.out.rstrip().endswith("2 things are wrong.")
    assert ran.err == ""


def test_a_set_up_in_order_gives_code_zero(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The summary says so."""
    from usage_plugin.doctor import Finding, Verdict

    monkeypatch.setattr("usage_plugin.doctor.examine", lambda _facts: (Finding("clock", Verdict.OK, "fine"),))
    Path("litellm_config.yaml").write_text(GOOD_CONFIG)
    ran = cli("doctor")
    assert ran.code == 0
    assert ran.out.rstrip().endswith("Nothing is wrong.")


@pytest.mark.parametrize("config", [None, "[", "- list", "callback_settings: {usage_plugin: 3}"])
def test_a_broken_config_is_one_finding_among_the_others(cli: Cli, config: str | None) -> None:
    """The rest is examined all the same."""
    if config is not None:
        Path("litellm_config.yaml").write_text(config)
    ran = cli("doctor", "--json", "--config", "litellm_config.yaml")
    assert ran.code == 1
    findings = {finding["name"]: finding for finding in json.loads(ran.out)}
    assert findings["config"]["verdict"] == "fail"
    assert findings["database"]["verdict"] == "ok"
    assert set(findings["config"]) == {"name", "verdict", "what", "remedy", "details"}


@pytest.mark.parametrize(
    ("name", "value"), [("USAGE_DATABASE_URL", "nonsense"), ("USAGE_BATCH_SIZE", "0"), ("USAGE_PROXY_PORT", "x")]
)
def test_a_setting_that_cannot_work_is_the_finding(
    cli: Cli, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else can be examined without settings; the answer stays readable by a program."""
    monkeypatch.setenv(name, value)
    ran = cli("doctor", "--json")
    assert ran.code == 1
    (finding,) = json.loads(ran.out)
    assert finding["name"] == "settings"
    assert name in finding["what"]


def test_a_misspelt_key_of_the_config_is_the_finding(cli: Cli) -> None:
    """With the name that was meant."""
    Path("litellm_config.yaml").write_text(
        GOOD_CONFIG + "callback_settings: {usage_plugin: {databse_url: sqlite:////x.db}}"
    )
    ran = cli("doctor")
    assert ran.code == 1
    assert "unknown setting databse_url" in ran.out
    assert "-> Did you mean database_url" in ran.out


def test_recording_that_the_config_switches_off_is_found(cli: Cli) -> None:
    """The command reads the settings as the proxy does, and names the file."""
    Path("litellm_config.yaml").write_text(GOOD_CONFIG + "callback_settings: {usage_plugin: {enabled: false}}")
    assert "switched off by enabled: false under callback_settings.usage_plugin in litellm_config.yaml" in (
        cli("doctor").out
    )
