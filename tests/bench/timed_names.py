"""Nothing in; names that the measured proxy and the one who reads its figures share, out."""

from __future__ import annotations

FLOOR = "one bare append"
MOMENT = "looking at the clock"
