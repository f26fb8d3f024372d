"""The background worker: what is to be done from time to time, by one process at a time, beside the proxy."""

from usage_plugin.worker.jobs import Job, JobContext, Stopped
from usage_plugin.worker.once import Result
from usage_plugin.worker.run import Once, Work, run, run_once

__all__ = ["Job", "JobContext", "Once", "Result", "Stopped", "Work", "run", "run_once"]
