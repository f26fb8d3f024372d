"""The stand-in's URL in, a proxy config out: named models for the tests, and the wildcards of every route."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import yaml

from tests.proxy.routes import AWS, AZURE, wildcards

CALLBACK = "usage_plugin.proxy_handler_instance"
AGREED = {"input_cost_per_token": 2e-6, "output_cost_per_token": 7e-6}
NAMED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "chat": ("openai/gpt-4o-mini", "/openai/v1", {}),
    "claude": ("anthropic/claude-sonnet-4-5-20250929", "/anthropic", {}),
    "gemini-flash": ("gemini/gemini-2.5-flash", "/gemini/v1beta", {}),
    "deepseek": ("deepseek/deepseek-chat", "/deepseek/v1", {}),
    "mistral": ("mistral/mistral-large-latest", "/mistral/v1", {}),
    "azure-chat": ("azure/gpt-4o-mini", "/azure", AZURE),
    "bedrock-claude": ("bedrock/converse/anthropic.claude-haiku-4-5-20251001-v1:0", "/bedrock", AWS),
    "command": ("cohere_chat/command-a-03-2025", "/cohere/v2/chat", {}),
    "embed": ("openai/text-embedding-3-small", "/openai/v1", {}),
    "gemini-embed": ("gemini/gemini-embedding-001", "/gemini/v1beta", {}),
    "image": ("openai/gpt-image-1", "/openai/v1", {}),
    "speech": ("openai/tts-1", "/openai/v1", {}),
    "whisper": ("openai/whisper-1", "/openai/v1", {}),
    "transcribe": ("openai/gpt-4o-transcribe", "/openai/v1", {}),
    "moderation": ("openai/omni-moderation-latest", "/openai/v1", {}),
    "rerank": ("cohere/rerank-v3.5", "/cohere", {}),
    "complete": ("text-completion-openai/gpt-3.5-turbo-instruct", "/openai/v1", {}),
    "primary": ("openai/gpt-4o-mini", "/openai/v1", {}),
    "hasty": ("openai/gpt-4o-mini", "/openai/v1", {"timeout": 0.5}),
    "unlisted": ("openai/made-in-house", "/openai/v1", {}),
    "free": ("openai/our-own-gpu", "/openai/v1", {"input_cost_per_token": 0, "output_cost_per_token": 0}),
    "agreed": ("openai/gpt-4o", "/openai/v1", AGREED | {"cache_read_input_token_cost": 0.5e-6}),
    "one-a-minute": ("openai/gpt-4o-mini", "/openai/v1", {"rpm": 1}),
    "negotiated": ("openai/gpt-4o", "/openai/v1", AGREED),
}
# Two deployments of one name.
POOL: list[tuple[str, tuple[str, str, dict[str, Any]]]] = [
    ("pool", ("openai/gpt-4o-mini", "/openai/v1", {})),
    ("pool", ("azure/gpt-4o-mini", "/azure", AZURE)),
]


def write_config(folder: Path, upstream_url: str) -> Path:
    """Write the config and what it names beside it."""
    auth = Path(__file__).with_name("custom_auth.py")
    (folder / auth.name).write_text(auth.read_text())
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(_config(upstream_url), sort_keys=False))
    return path


def _config(upstream_url: str) -> dict[str, Any]:
    named = [_deployment(name, *deployment, upstream_url) for name, deployment in [*NAMED.items(), *POOL]]
    in_model_info = _deployment("agreed-info", "openai/house-model", "/openai/v1", {}, upstream_url)
    return {
        "model_list": [*named, in_model_info | {"model_info": AGREED}, *wildcards(upstream_url)],
        "general_settings": {
            "custom_auth": "custom_auth.user_api_key_auth",
            "pass_through_endpoints": pass_through(upstream_url),
            "master_key": f"sk-{secrets.token_hex(24)}",  # LiteLLM does not start without one
        },
        "router_settings": {
            "num_retries": 1,
            "fallbacks": [{"primary": ["claude"]}],
            "disable_cooldowns": True,
            "optional_pre_call_checks": ["enforce_model_rate_limits"],
        },
        "litellm_settings": {
            "callbacks": [CALLBACK],
            "global_disable_no_log_param": True,
            # Else a stream of a Llama model fetches a tokenizer from the network, while every other call waits.
            "disable_hf_tokenizer_download": True,
            "cache": True,
            "cache_params": {"type": "local", "mode": "default_off"},
        },
    }


def pass_through(upstream_url: str) -> list[dict[str, Any]]:
    """Word paths that LiteLLM hands on as they are: ``/pass/<provider>/...``, one at a price, one without a key."""
    headers = {"authorization": "Bearer sk-provider", "x-goog-api-key": "k", "anthropic-version": "2023-06-01"}
    common = {"headers": headers | {"content-type": "application/json"}, "auth": True}
    return [
        {"path": f"/pass/{provider}", "target": f"{upstream_url}/{provider}", "include_subpath": True} | common
        for provider in ("openai", "anthropic", "gemini", "cohere")
    ] + [
        common
        | {"path": "/pass/flat", "target": f"{upstream_url}/openai/v1/chat/completions", "cost_per_request": 0.25},
        common | {"path": "/pass/open", "target": f"{upstream_url}/openai", "include_subpath": True, "auth": False},
    ]


def _deployment(name: str, model: str, path: str, params: dict[str, Any], upstream_url: str) -> dict[str, Any]:
    base = {"model": model, "api_base": upstream_url + path, "api_key": "sk-provider"}
    return {"model_name": name, "litellm_params": base | params}
