"""A set-up in, plain words out: which part of the way from a call to a page is broken, and what to do about it."""

from usage_plugin.doctor.checks import CHECKS
from usage_plugin.doctor.examine import examine, has_failed
from usage_plugin.doctor.facts import DatabaseFacts, Facts, gather
from usage_plugin.doctor.finding import Finding, Verdict

__all__ = ["CHECKS", "DatabaseFacts", "Facts", "Finding", "Verdict", "examine", "gather", "has_failed"]
