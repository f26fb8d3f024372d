"""A place for temporary files out: memory, where there is room; most of a run would be waiting for a disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
# Some four times what a whole run has there at once.
NEEDED_BYTES = 2 * 1024**3


def use_memory() -> None:
    """Let this process, and those that it starts, put temporary files into memory; not where ``TMPDIR`` is set."""
    if "TMPDIR" not in os.environ and _has_room(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def _has_room(folder: Path) -> bool:
    # Programs are installed and started there, too, which some machines do not allow.
    try:
        can_run = not os.statvfs(folder).f_flag & os.ST_NOEXEC
        return can_run and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= NEEDED_BYTES
    except OSError:
        return False
