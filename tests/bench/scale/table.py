"""A title, names of columns and rows of values in, a plain table printed out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Value = str | float | bool | None


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
    """Print; the first column is a name, all others stand to the right."""
    texts = [[_text(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    print(f"\n{title}")
    for row in (columns, *texts):
        name, *values = row
        rest = (value.rjust(width) for value, width in zip(values, widths[1:], strict=True))
        print("  " + "  ".join((name.ljust(widths[0]), *rest)), flush=True)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else value
