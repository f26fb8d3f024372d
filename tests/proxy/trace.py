"""The Azure trace in; its requests, each with its moment, its tokens and the model that answers it, out.

Source: Azure LLM inference trace 2023, see tests/data/README.md.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

FILE = Path(__file__).parents[1] / "data" / "azure_llm_trace_2023_conv_2000.csv"
# Dollars per million tokens, input and output: six models of three providers.
MODELS = {
    "openai/gpt-4o": ("2.50", "10"),
    "openai/gpt-4o-mini": ("0.15", "0.60"),
    "anthropic/claude-sonnet-4-5-20250929": ("3", "15"),
    "anthropic/claude-haiku-4-5-20251001": ("1", "5"),
    "gemini/gemini-2.5-pro": ("1.25", "10"),
    "gemini/gemini-2.5-flash": ("0.30", "2.50"),
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request of the trace."""

    at_s: float
    prompt: int
    completion: int
    model: str
    stream: bool


def arrivals() -> list[Arrival]:
    """Read the trace; models take turns, and of each model's requests every second one is streamed."""
    with FILE.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    moments = [datetime.fromisoformat(row["TIMESTAMP"][:26]) for row in rows]
    names = list(MODELS)
    return [
        Arrival(
            at_s=(moment - moments[0]).total_seconds(),
            prompt=int(row["ContextTokens"]),
            completion=int(row["GeneratedTokens"]),
            model=names[number % len(names)],
            stream=number // len(names) % 2 == 0,
        )
        for number, (moment, row) in enumerate(zip(moments, rows, strict=True))
    ]
