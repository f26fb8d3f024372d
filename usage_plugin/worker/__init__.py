"""The background worker: what is closed is added up, so that pages need not read single calls."""

from usage_plugin.worker.run import Stopped, Work, run, run_once

__all__ = ["Stopped", "Work", "run", "run_once"]
