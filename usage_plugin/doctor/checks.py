"""Every check, in the order of a call's way: a new one is a function in this tuple."""

from __future__ import annotations

from collections.abc import Callable

from usage_plugin.doctor.facts import Facts
from usage_plugin.doctor.finding import Finding
from usage_plugin.doctor.flow import (
    check_added_up,
    check_budgets,
    check_calls,
    check_clock,
    check_one_database,
    check_proxy,
)
from usage_plugin.doctor.recording import (
    check_folded,
    check_jobs,
    check_lag,
    check_lost,
    check_processes,
    check_set_aside,
    check_silent,
    check_writing,
)
from usage_plugin.doctor.set_up import (
    check_config,
    check_data_folder,
    check_database,
    check_enabled,
    check_litellm,
    check_schema,
)

Check = Callable[[Facts], Finding]

CHECKS: tuple[Check, ...] = (
    check_litellm,
    check_config,
    check_enabled,
    check_data_folder,
    check_database,
    check_schema,
    check_proxy,
    check_processes,
    check_writing,
    check_lag,
    check_lost,
    check_set_aside,
    check_folded,
    check_silent,
    check_one_database,
    check_calls,
    check_added_up,
    check_budgets,
    check_jobs,
    check_clock,
)
