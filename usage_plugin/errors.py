"""Every error that this package raises, as one small tree.

UsagePluginError
├── SettingsError         a setting holds what cannot work: change the setting
├── StoreError            the database cannot be used now
│   ├── StoreUnavailable  it does not answer: start it or fix the URL, then try again
│   ├── NoLongerKept      it was asked what only pruned calls could tell: ask about a later time
│   ├── StoreRefused      it answers, but refuses these values: keep them aside and report them
│   └── SchemaMismatch    its schema is not this version's: run `usage-plugin migrate`, or upgrade the package
└── InputError            a file or an argument cannot be read: fix the input
"""

from __future__ import annotations

from datetime import datetime


class UsagePluginError(Exception):
    """An error with a message that names the value, and a remedy that says what to do.

    Args:
        problem: What is wrong, with the name and the value.
        remedy: What the reader can do about it.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}. {remedy}" if remedy else problem)


class SettingsError(UsagePluginError):
    """A setting holds what cannot work."""


class StoreError(UsagePluginError):
    """The database cannot be used now."""


class StoreUnavailable(StoreError):  # noqa: N818 - says a state, as in httpx
    """The database does not answer."""


class StoreRefused(StoreError):  # noqa: N818 - says a state, as in httpx
    """The database refuses the values themselves; the same values will be refused again."""


class NoLongerKept(StoreError):  # noqa: N818 - says a state
    """What was asked could only be told by calls that are pruned.

    Args:
        problem: What is gone.
        remedy: What the reader can do about it.
        since: From when on everything can be told by the hour; ``None`` where that would not help.
    """

    def __init__(self, problem: str, remedy: str = "", since: datetime | None = None) -> None:
        self.since = since
        super().__init__(problem, remedy)


class SchemaMismatch(StoreError):  # noqa: N818 - says a state, as in httpx
    """The database's schema is not the one that this version of the package writes."""


class InputError(UsagePluginError):
    """A file or an argument cannot be read."""
