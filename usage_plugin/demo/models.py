"""The models that the generated company calls, with the prices of a day and the speed of an ordinary afternoon."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from usage_plugin.arithmetic import UNIT_PRICES
from usage_plugin.event import PriceSnapshot
from usage_plugin.money import NANO_PER_USD

# As in the price map of LiteLLM 1.106.2, read on 2026-11-20.
PRICES_FROM = "1.106.2"
_PER_MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class DemoModel:
    """A model: what it costs and how fast it answers.

    Attributes:
        provider: As LiteLLM names it.
        name: Without the provider.
        usd_per_million: Dollars per million units, by the names of LiteLLM's price map; empty: nobody knows a price.
        ttft_ms: Median time to the first token.
        ms_per_token: Median time for each token of the answer.
        from_deployment: The price stands in the proxy's config instead of in the price map.
        call_type: LiteLLM's name of the kind of call.
    """

    provider: str
    name: str
    usd_per_million: Mapping[str, str] = field(default_factory=dict)
    ttft_ms: float = 400.0
    ms_per_token: float = 10.0
    from_deployment: bool = False
    call_type: str = "acompletion"

    @cached_property
    def snapshot(self) -> PriceSnapshot | None:
        """The price set that its calls refer to."""
        if not self.usd_per_million:
            return None
        pairs = tuple(sorted((name, self._per_unit(name)) for name in self.usd_per_million))
        key = hashlib.blake2b(repr((self.provider, self.name, pairs)).encode(), digest_size=16).hexdigest()
        source = "deployment_config" if self.from_deployment else "litellm_price_map"
        return PriceSnapshot(key, self.provider, self.name, source, PRICES_FROM, pairs)

    def nano_usd_per(self, unit: str) -> int | None:
        """Give the price of one unit in whole billionths of a dollar; ``None`` where it has none."""
        candidates = next(candidates for name, _, _, candidates in UNIT_PRICES if name == unit)
        known = next((name for name in candidates if name in self.usd_per_million), None)
        return None if known is None else int(Decimal(self._per_unit(known)) * NANO_PER_USD)

    def _per_unit(self, name: str) -> str:
        return format((Decimal(self.usd_per_million[name]) / _PER_MILLION).normalize(), "f")


def _chat_prices(given: str, read: str, written: str, cache_write: str | None = None) -> dict[str, str]:
    prices = {"input_cost_per_token": given, "cache_read_input_token_cost": read, "output_cost_per_token": written}
    return prices if cache_write is None else prices | {"cache_creation_input_token_cost": cache_write}


GPT_MINI = DemoModel("openai", "gpt-4o-mini", _chat_prices("0.15", "0.075", "0.6"), 380, 9)
GPT_41 = DemoModel("openai", "gpt-4.1", _chat_prices("2", "0.5", "8"), 520, 12)
GPT_5_MINI = DemoModel("openai", "gpt-5-mini", _chat_prices("0.25", "0.025", "2"), 900, 8)
EMBEDDING = DemoModel("openai", "text-embedding-3-small", {"input_cost_per_token": "0.02"}, 90, 0, False, "aembedding")
SONNET = DemoModel("anthropic", "claude-sonnet-4-5", _chat_prices("3", "0.3", "15", "3.75"), 900, 14)
HAIKU = DemoModel("anthropic", "claude-haiku-4-5", _chat_prices("1", "0.1", "5", "1.25"), 450, 7)
FLASH = DemoModel("gemini", "gemini-2.5-flash", _chat_prices("0.3", "0.03", "2.5"), 350, 5)
GEMINI_PRO = DemoModel("gemini", "gemini-2.5-pro", _chat_prices("1.25", "0.125", "10"), 1400, 9)
MISTRAL = DemoModel("mistral", "mistral-medium-latest", _chat_prices("1.5", "0.15", "7.5"), 420, 11)
DEEPSEEK = DemoModel("deepseek", "deepseek-chat", _chat_prices("0.28", "0.028", "0.42"), 1100, 22)
GPT_OSS = DemoModel("groq", "openai/gpt-oss-120b", _chat_prices("0.15", "0.075", "0.6"), 180, 2)
RERANK = DemoModel("cohere", "rerank-v3.5", {"input_cost_per_query": "2000"}, 160, 0, False, "arerank")
# Its config names no price for the answers: the cost is a lower bound.
AZURE_OWN = DemoModel("azure", "acme-gpt-4o-eu", {"input_cost_per_token": "2.5"}, 610, 13, True)
# In no price map: the cost is unknown.
OWN_LLAMA = DemoModel("hosted_vllm", "acme-llama-70b-ft", {}, 240, 18)

MODELS = (
    GPT_MINI,
    GPT_41,
    GPT_5_MINI,
    EMBEDDING,
    SONNET,
    HAIKU,
    FLASH,
    GEMINI_PRO,
    MISTRAL,
    DEEPSEEK,
    GPT_OSS,
    RERANK,
    AZURE_OWN,
    OWN_LLAMA,
)
