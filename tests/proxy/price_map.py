"""LiteLLM's price map as a file in; its entries with exact prices out, without any code of LiteLLM's."""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

FILE = "model_prices_and_context_window_backup.json"
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of the map."""

    key: str
    provider: str
    mode: str
    values: Mapping[str, Any]

    def price(self, *names: str) -> Decimal:
        """Give the first of these prices that is set and not zero; 0 without any."""
        found = (Decimal(self.values.get(name) or 0) for name in names)
        return next((price for price in found if price), ZERO)


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Read all models, sorted by name."""
    package = importlib.util.find_spec("litellm")
    assert package is not None
    assert package.origin is not None
    text = Path(package.origin).with_name(FILE).read_text(encoding="utf-8")
    listed: dict[str, dict[str, Any]] = json.loads(text, parse_float=Decimal)
    return tuple(
        Entry(key, str(values.get("litellm_provider")), str(values.get("mode")), values)
        for key, values in sorted(listed.items())
    )
