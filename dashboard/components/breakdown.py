"""Usage in, its parts out: how costs are known, what tokens were, and who used how much."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from dashboard.components.kpi import cost_text, unpriced_text
from dashboard.components.parts import legend, link, segments
from dashboard.filters import Filters
from dashboard.members import name_of
from dashboard.theme import UNKNOWN, Palette, calls, count, money, percent
from usage_plugin.event import CostConfidence
from usage_plugin.store.read import ConfidenceSplit, Dimension, Share, Usage

TOKEN_LABELS = {
    "Input": ("input_uncached_tokens",),
    "Cache read": ("input_cache_read_tokens",),
    "Cache write": ("input_cache_write_5m_tokens", "input_cache_write_1h_tokens"),
    "Output": ("output_text_tokens",),
    "Reasoning": ("output_reasoning_tokens",),
    "Audio and image": ("input_audio_tokens", "input_image_tokens", "output_audio_tokens", "output_image_tokens"),
}
COUNTED_ONLY = {
    CostConfidence.UNPRICED: "cost unknown",
    CostConfidence.FREE: "nothing billed",
    CostConfidence.CACHED: "from the cache",
}


def confidence_panel(usage: Usage, split: ConfidenceSplit, colours: Palette) -> Component:
    """Say what share of the cost is exact, and how many calls stand behind each way of knowing it."""
    exact, whole = usage.exact_cost_nano_usd, usage.cost_nano_usd
    share = exact / whole if exact is not None and whole else None
    words = f"{percent(share)} of the cost is exact" if share is not None else _without_share(usage)
    parts = _known_parts(usage, colours)
    return html.Div(
        [
            html.P(words, className="statement"),
            segments([(name, nano, colour) for name, _, nano, colour in parts], words),
            legend((name, colour, _worth(split, kind, nano)) for name, kind, nano, colour in parts),
            html.Ul([_counted(split, usage, kind) for kind in COUNTED_ONLY], className="counts"),
        ]
    )


def token_panel(usage: Usage, colours: Palette) -> Component:
    """Show what the tokens were: categories that do not overlap and add up."""
    parts = [
        (label, sum(getattr(usage, name) for name in names), colour)
        for (label, names), colour in zip(TOKEN_LABELS.items(), colours.series, strict=True)
    ]
    whole = sum(tokens for _, tokens, _ in parts)
    words = f"{count(whole)} tokens" if whole else "No tokens were counted"
    shown = [(label, tokens, colour) for label, tokens, colour in parts if tokens] or parts[:1]
    entries = (
        (label, colour, f"{count(tokens)} · {percent(tokens / (whole or 1))}") for label, tokens, colour in shown
    )
    return html.Div([html.P(words, className="statement"), segments(parts, words), legend(entries)])


def share_list(shares: Sequence[Share], dimension: Dimension, filters: Filters) -> Component:
    """List members by cost, each with a bar and a link to its calls."""
    whole = sum(share.spent.cost_nano_usd or 0 for share in shares)
    largest = max((share.spent.cost_nano_usd or 0 for share in shares), default=0)
    rows = [_share_row(share, whole, largest, dimension, filters) for share in shares]
    return html.Ul(rows, className="shares")


def _share_row(share: Share, whole: int, largest: int, dimension: Dimension, filters: Filters) -> Component:
    cost = share.spent.cost_nano_usd
    width = 100 * (cost or 0) / largest if largest else 0
    part = percent(cost / whole) if cost is not None and whole else ""
    texts = [
        html.Span(_share_name(share, dimension, filters), className="share-name", title=_full_name(share)),
        html.Span(calls(share.spent.requests), className="share-calls num"),
        html.Span(cost_text(share.spent), className="num share-cost", title=unpriced_text(share.spent) or None),
        html.Span(part, className="num share-part"),
    ]
    kind = "share-bar rest" if share.member is None else "share-bar"
    bar = html.Span(className=kind, style={"width": f"{width:.2f}%"}, **{"aria-hidden": "true"})
    return html.Li([html.Div(texts, className="share-texts"), html.Div(bar, className="share-track")])


def _share_name(share: Share, dimension: Dimension, filters: Filters) -> Component | str:
    if share.member is None:
        return _full_name(share)
    narrowed = filters.only(dimension, share.member.value)
    return link(_full_name(share), f"/requests{narrowed.to_query()}")


def _full_name(share: Share) -> str:
    return "All others" if share.member is None else name_of(share.member)


def _known_parts(usage: Usage, colours: Palette) -> list[tuple[str, CostConfidence, int, str]]:
    return [
        ("Exact", CostConfidence.EXACT, usage.exact_cost_nano_usd or 0, colours.series[0]),
        ("Estimated", CostConfidence.ESTIMATED, usage.estimated_cost_nano_usd, colours.series[1]),
        ("Partial: at least", CostConfidence.PARTIAL, usage.partial_cost_nano_usd, colours.series[3]),
    ]


def _without_share(usage: Usage) -> str:
    if usage.cost_nano_usd is None:
        return "No call has a known cost" if usage.unpriced_requests else "No cost to judge"
    return "Nothing was billed"


def _worth(split: ConfidenceSplit, kind: CostConfidence, cost_nano_usd: int) -> str:
    number = split.requests.get(kind, 0)
    return f"{money(cost_nano_usd) if number else UNKNOWN} · {calls(number)}"


def _counted(split: ConfidenceSplit, usage: Usage, kind: CostConfidence) -> Component:
    number = split.requests.get(kind, 0)
    saved = f", {money(usage.saved_cost_nano_usd)} saved" if kind is CostConfidence.CACHED and number else ""
    words = f"{kind.value}: {COUNTED_ONLY[kind]}{saved}"
    return html.Li([html.Span(count(number), className="num"), html.Span(words)])
