"""The name of a time zone in, the zone out, or a refusal that names a close one."""

from __future__ import annotations

import difflib
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

UTC_ZONE: Final = ZoneInfo("UTC")


def zone_of(name: str) -> ZoneInfo:
    """Give a time zone by its IANA name.

    Raises:
        ValueError: There is none of that name; says which one may be meant.
    """
    # All names are a folder full of files to look at.
    if name != "UTC" and name not in available_timezones():
        close = _close_to(name)
        advice = f"did you mean {' or '.join(close)}?" if close else "it has to be a name like Europe/Berlin"
        msg = f"no time zone is called so; {advice}"
        raise ValueError(msg)
    return ZoneInfo(name)


def _close_to(name: str) -> list[str]:
    """Look for the name in any case, and for a city without its continent."""
    known = {zone.casefold(): zone for zone in sorted(available_timezones())}
    known |= {zone.rpartition("/")[2].casefold(): zone for zone in known.values() if "/" in zone} | known
    wanted = name.strip().replace(" ", "_").casefold()
    found = [wanted] if wanted in known else difflib.get_close_matches(wanted, known, n=2, cutoff=0.75)
    return list(dict.fromkeys(known[each] for each in found))
