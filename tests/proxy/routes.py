"""A mode and a provider of LiteLLM's price map in; where the proxy sends such calls among the stand-ins, out.

The one explicit table: a provider is tested if and only if it stands here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Without a key of Bedrock's own, LiteLLM signs each request.
AWS = {
    "api_key": None,
    "aws_access_key_id": "AKIDEXAMPLE",
    "aws_secret_access_key": "secret",
    "aws_region_name": "us-east-1",
}
AZURE = {"api_version": "2024-10-21"}


@dataclass(frozen=True, slots=True)
class Route:
    """How a provider is reached.

    Args:
        prefix: What LiteLLM wants before the model's name.
        path: The provider's place at the stand-in, as LiteLLM's ``api_base``.
        name: What the proxy's users write before the model's name.
        provider: What a row shall say; the prefix, where LiteLLM does not rename it.
        params: More settings of the deployment.
        slashes: Whether a model's own name may hold a slash.
    """

    prefix: str
    path: str
    name: str = ""
    provider: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    slashes: bool = True

    @property
    def public(self) -> str:
        """The name of its wildcard."""
        return self.name or self.prefix

    @property
    def row_provider(self) -> str:
        """The provider that a row shall name."""
        return self.provider or self.prefix


def _compatible(provider: str) -> Route:
    return Route(provider, f"/{provider}/v1")


_AZURE = Route("azure", "/azure", params=AZURE, slashes=False)
_COMPATIBLE_CHAT = """
    openai aihubmix amazon_nova baseten cerebras cloudflare codestral cognition crusoe darkbloom dashscope
    databricks deepinfra deepseek fireworks_ai friendliai gmi groq hyperbolic inception lambda_ai libertai
    llamagate meta meta_llama minimax mistral moonshot morph nebius novita nscale ovhcloud perplexity pinstripes
    prism publicai qwen_ai_platform qwencloud sail sambanova sarvam scaleway scx-ai tencent tensormesh together_ai
    v0 vercel_ai_gateway volcengine wandb xai xiaomi_mimo zai
""".split()  # noqa: SIM905 - a list would take a line for each
_COMPATIBLE_EMBEDDING = """
    openai mistral nebius together_ai voyage vercel_ai_gateway
""".split()  # noqa: SIM905 - a list would take a line for each

ROUTES: dict[str, dict[str, Route]] = {
    "chat": {
        **{provider: _compatible(provider) for provider in _COMPATIBLE_CHAT},
        "anthropic": Route("anthropic", "/anthropic"),
        "azure": _AZURE,
        "bedrock_converse": Route("bedrock/converse", "/bedrock", name="bedrock", provider="bedrock", params=AWS),
        "cohere_chat": Route("cohere_chat", "/cohere/v2/chat"),
        "gemini": Route("gemini", "/gemini/v1beta"),
    },
    "completion": {
        "text-completion-openai": Route("text-completion-openai", "/openai/v1"),
    },
    "responses": {
        "openai": _compatible("openai"),
        "azure": _AZURE,
        "xai": _compatible("xai"),
    },
    # Not Gemini's: LiteLLM counts their tokens with its own tokenizer.
    "embedding": {
        **{provider: _compatible(provider) for provider in _COMPATIBLE_EMBEDDING},
        "azure": _AZURE,
        "bedrock": Route("bedrock", "/bedrock", name="bedrock-invoke", params=AWS, slashes=False),
        "cohere": Route("cohere", "/cohere/v2/embed", name="cohere-embed"),
    },
    "rerank": {
        "cohere": Route("cohere", "/cohere", name="cohere-rerank"),
        "jina_ai": Route("jina_ai", "/jina_ai"),
        "together_ai": _compatible("together_ai"),
        "voyage": _compatible("voyage"),
    },
    "image_generation": {
        "openai": _compatible("openai"),
        "azure": _AZURE,
        "xai": _compatible("xai"),
    },
    "audio_speech": {"openai": _compatible("openai")},
    "audio_transcription": {
        "openai": _compatible("openai"),
        "groq": _compatible("groq"),
    },
    "moderation": {"openai": _compatible("openai")},
}


def wildcards(upstream_url: str) -> list[dict[str, Any]]:
    """Word one deployment of each route for the proxy's config."""
    by_name = {route.public: route for routes in ROUTES.values() for route in routes.values()}
    return [
        {
            "model_name": f"{name}/*",
            "litellm_params": {
                "model": f"{route.prefix}/*",
                "api_base": upstream_url + route.path,
                "api_key": "sk-provider",
                **route.params,
            },
        }
        for name, route in by_name.items()
    ]
