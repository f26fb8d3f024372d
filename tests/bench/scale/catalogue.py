"""A random generator in, 200 models of 30 providers out: what they are for, what they cost and how fast they answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from usage_plugin.event import PriceSnapshot

MODELS = 200
PRICES_FROM = "1.106.2"
# As LiteLLM names them, with what their models are called. The first ones have the most models, as in its price map.
FAMILIES: Mapping[str, str] = {
    "openai": "gpt-4o gpt-4.1 gpt-5 o4",
    "azure": "gpt-4o-eu gpt-4.1-eu gpt-5-us",
    "bedrock": "eu.anthropic.claude-sonnet-4-5-v1:0 us.amazon.nova-v1:0 meta.llama3-3-70b-instruct-v1:0",
    "vertex_ai": "gemini-2.5 claude-sonnet-4-5 llama-4-maverick",
    "anthropic": "claude-haiku-4-5 claude-sonnet-4-5 claude-opus-4-1",
    "gemini": "gemini-2.5 gemini-3 gemma-3-27b-it",
    "mistral": "mistral-medium codestral magistral",
    "groq": "openai/gpt-oss-120b llama-3.3-70b",
    "together_ai": "Qwen/Qwen3-235B-A22B meta-llama/Llama-4-Scout",
    "fireworks_ai": "accounts/fireworks/models/glm-4p6 accounts/fireworks/models/kimi-k2",
    "openrouter": "qwen/qwen3-coder x-ai/grok-4",
    "deepseek": "deepseek-chat deepseek-reasoner",
    "cohere": "command-a command-r",
    "xai": "grok-4 grok-code-fast",
    "perplexity": "sonar sonar-pro",
    "databricks": "databricks-dbrx-instruct",
    "sagemaker": "jumpstart-llama-3-3",
    "watsonx": "ibm/granite-3-8b-instruct",
    "ai21": "jamba-large",
    "nvidia_nim": "nvidia/nemotron-super-49b",
    "cerebras": "qwen-3-32b",
    "sambanova": "Meta-Llama-3.3-70B",
    "replicate": "ibm-granite/granite-4",
    "huggingface": "HuggingFaceTB/SmolLM3-3B",
    "hosted_vllm": "acme-llama-70b-ft",
    "ollama": "qwen3:32b",
    "deepinfra": "zai-org/GLM-4.5",
    "voyage": "voyage-3",
    "jina_ai": "jina-reranker-v2",
    "novita": "minimax/minimax-m2",
}
_VARIANTS = (
    "",
    "-mini",
    "-latest",
    "-large",
    "-2025-08-07",
    "-nano",
    "-2026-02-11",
    "-preview",
    "-turbo",
    "-2025-04-14",
)
_CHAT = ("acompletion", "/v1/chat/completions")
# One model in so many is of such a kind.
_KINDS = {
    9: ("aembedding", "/v1/embeddings"),
    31: ("arerank", "/v1/rerank"),
    43: ("aimage_generation", "/v1/images/generations"),
    57: ("atranscription", "/v1/audio/transcriptions"),
    7: ("aresponses", "/v1/responses"),
}
_PER_UNIT = {
    "arerank": ("input_cost_per_query", "0.002", 2_000_000),
    "aimage_generation": ("output_cost_per_image", "0.04", 40_000_000),
    "atranscription": ("input_cost_per_second", "0.0001", 100_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model: prices are whole billionths of a dollar for a token or another unit, ``None`` where nobody knows one."""

    provider: str
    name: str
    group: str
    call_type: str
    route: str
    deployments: tuple[str, ...]
    input_nano_usd: int
    cache_read_nano_usd: int
    cache_write_nano_usd: int
    output_nano_usd: int | None
    unit_nano_usd: int
    snapshot: PriceSnapshot | None
    ttft_ms: float
    ms_per_token: float
    reasons: bool

    @property
    def has_tokens(self) -> bool:
        """Say whether it is billed by tokens."""
        return self.call_type not in _PER_UNIT


def models(rng: np.random.Generator) -> tuple[Model, ...]:
    """Draw the models, the busiest first."""
    named = list(islice(_names(), MODELS))
    order = [0, *(1 + rng.permutation(MODELS - 1)).tolist()]
    return tuple(_model(place, named[number], rng) for place, number in enumerate(order))


def _names() -> Iterator[tuple[str, str]]:
    """Give a model of each provider in turn; those with few names run out first."""
    of_each = [
        (provider, [name + variant for variant in _VARIANTS for name in names.split()])
        for provider, names in FAMILIES.items()
    ]
    for round_ in range(max(len(names) for _, names in of_each)):
        for provider, names in of_each:
            if round_ < len(names):
                yield provider, names[round_]


def _model(place: int, named: tuple[str, str], rng: np.random.Generator) -> Model:
    provider, name = named
    kind = next((kind for every, kind in _KINDS.items() if place % every == every - 1), _CHAT)
    if provider == "anthropic" and place % 2:
        kind = ("anthropic_messages", "/v1/messages")
    price = int(np.clip(rng.lognormal(6.3, 1.1), 20, 15_000)) // 10 * 10
    output = None if place % 41 == 40 else 0 if kind[0] == "aembedding" else price * int(rng.integers(3, 6))
    unit = _PER_UNIT.get(kind[0], ("", "", 0))
    prices = {unit[0]: unit[1]} if unit[0] else _token_prices(price, output)
    return Model(
        provider=provider,
        name=name,
        group=name.rsplit("/", 1)[-1],
        call_type=kind[0],
        route=kind[1],
        deployments=tuple(_hash(f"{provider}/{name}/{number}") for number in range(1 + place % 3)),
        input_nano_usd=price,
        cache_read_nano_usd=price // 10,
        cache_write_nano_usd=price * 5 // 4,
        output_nano_usd=output,
        unit_nano_usd=unit[2],
        snapshot=None if place % 23 == 22 else _snapshot(provider, name, prices),
        ttft_ms=float(rng.lognormal(6.0, 0.5)),
        ms_per_token=float(rng.lognormal(2.2, 0.6)),
        reasons=place % 4 == 1,
    )


def _token_prices(price: int, output: int | None) -> dict[str, str]:
    known = {
        "input_cost_per_token": price,
        "cache_read_input_token_cost": price // 10,
        "cache_creation_input_token_cost": price * 5 // 4,
        **({} if output is None else {"output_cost_per_token": output}),
    }
    return {name: f"{nano / 1e9:.9f}" for name, nano in known.items()}


def _snapshot(provider: str, name: str, prices: Mapping[str, str]) -> PriceSnapshot:
    pairs = tuple(sorted(prices.items()))
    key = hashlib.blake2b(repr((provider, name, pairs)).encode(), digest_size=16).hexdigest()
    return PriceSnapshot(key, provider, name, "litellm_price_map", PRICES_FROM, pairs)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
