"""What one check found: a name, a verdict, one sentence and a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """Worth knowing; usage is recorded, or nothing has been tried yet."""
    FAIL = "fail"
    """Usage is not recorded, or not seen where it is looked for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    name: str
    verdict: Verdict
    what: str
    remedy: str = ""
    details: tuple[str, ...] = ()
    """What it consists of, a line each."""


def ok(name: str, what: str) -> Finding:
    """All is well."""
    return Finding(name, Verdict.OK, what)


def warn(name: str, what: str, remedy: str) -> Finding:
    """Not wrong, but worth knowing."""
    return Finding(name, Verdict.WARN, what, remedy)


def fail(name: str, what: str, remedy: str) -> Finding:
    """Something is wrong."""
    return Finding(name, Verdict.FAIL, what, remedy)
