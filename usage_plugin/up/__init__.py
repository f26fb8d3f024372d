"""Proxy, dashboard and worker as child processes of one command: started, waited for, watched and stopped together."""

from usage_plugin.up.children import Child, ChildFailed, stop_all
from usage_plugin.up.master_key import resolve_master_key
from usage_plugin.up.plan import Plan, make_plan
from usage_plugin.up.run import run

__all__ = [
    "Child",
    "ChildFailed",
    "Plan",
    "make_plan",
    "resolve_master_key",
    "run",
    "stop_all",
]
