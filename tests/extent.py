"""Two sizes of a test in; that of this run out: the small one for ``make test``, the whole one for ``make chaos``."""

from __future__ import annotations

import os

IS_WHOLE = bool(os.environ.get("WHOLE"))


def extent(small: int, whole: int) -> int:
    """Choose how much a test does.

    Args:
        small: Enough to fail when something breaks, in seconds.
        whole: As much as was promised, in minutes.
    """
    return whole if IS_WHOLE else small
