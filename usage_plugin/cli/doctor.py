"""``usage-plugin doctor``: the set-up in, one line for each check out; exit code 1 when something is wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usage_plugin.cli.context import load, load_without_config
from usage_plugin.errors import InputError, SettingsError
from usage_plugin.settings import Settings

if TYPE_CHECKING:
    from usage_plugin.doctor import Finding

NAME = "doctor"
EXAMPLE = "usage-plugin doctor --config litellm_config.yaml"
_INDENT = " " * 20


def command(
    config: Annotated[
        Path | None,
        typer.Option(help="LiteLLM config that the proxy runs with.", show_default="litellm_config.yaml"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check the whole way of a call, and say in plain words why a page is empty."""
    from usage_plugin.doctor import examine, gather, has_failed

    try:
        findings = examine(gather(_settings(config), os.environ))
    except SettingsError as error:
        findings = (_bad_setting(error),)
    typer.echo(_as_json(findings) if as_json else _as_text(findings))
    if has_failed(findings):
        raise typer.Exit(1)


def _settings(config: Path | None) -> Settings:
    """Read the settings even where the LiteLLM config cannot be read: that is one finding among others."""
    try:
        return load(config)[0]
    except InputError:
        return load_without_config(config)


def _bad_setting(error: SettingsError) -> Finding:
    from usage_plugin.doctor import Finding, Verdict

    return Finding("settings", Verdict.FAIL, error.problem, error.remedy)


def _as_json(findings: Sequence[Finding]) -> str:
    return json.dumps([asdict(finding) for finding in findings], indent=2)


def _as_text(findings: Sequence[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{finding.verdict.value:<6}{finding.name:<14}{finding.what}")
        lines.extend(f"{_INDENT}{detail}" for detail in finding.details)
        if finding.remedy:
            lines.append(f"{_INDENT}-> {finding.remedy}")
    wrong = sum(finding.verdict.value == "fail" for finding in findings)
    summary = {0: "Nothing is wrong.", 1: "One thing is wrong."}.get(wrong, f"{wrong} things are wrong.")
    return "\n".join([*lines, "", summary])
