"""Facts in, all findings out."""

from __future__ import annotations

from collections.abc import Iterable

from usage_plugin.doctor.checks import CHECKS
from usage_plugin.doctor.facts import Facts
from usage_plugin.doctor.finding import Finding, Verdict


def examine(facts: Facts) -> tuple[Finding, ...]:
    """Run every check; each looks at the same facts, so their order is only the reader's."""
    return tuple(check(facts) for check in CHECKS)


def has_failed(findings: Iterable[Finding]) -> bool:
    """Say whether something is wrong."""
    return any(finding.verdict is Verdict.FAIL for finding in findings)
