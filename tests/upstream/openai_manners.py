"""OpenAI's manners, and those of everyone who is compatible with it: the key, the errors, the usage blocks."""

from __future__ import annotations

from collections.abc import Callable

from tests.upstream.ask import Ask
from tests.upstream.wire import Dialect, Json, bearer

_CODES = {400: "invalid_value", 401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


def _error(status: int, message: str) -> Json:
    kind = "invalid_request_error" if status < 429 else "requests" if status == 429 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": _CODES.get(status)}}


OPENAI = Dialect(has_key=bearer, shape_error=_error)


def chat_usage(ask: Ask, provider: str = "openai") -> Json | None:
    """Word the usage block of chat and text completions, with each provider's own departures."""
    if ask.silent:
        return None
    usage: Json = {"prompt_tokens": ask.prompt, "completion_tokens": ask.completion, "total_tokens": ask.total}
    return usage | _DEPARTURES.get(provider, _openai_details)(ask)


def _openai_details(ask: Ask) -> Json:
    return {
        "prompt_tokens_details": {"cached_tokens": ask.cached, "audio_tokens": ask.audio_in},
        "completion_tokens_details": {
            "reasoning_tokens": ask.reasoning,
            "audio_tokens": ask.audio_out,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _deepseek(ask: Ask) -> Json:
    """Name the cache both ways, as https://api-docs.deepseek.com/api/create-chat-completion does."""
    return {
        "prompt_cache_hit_tokens": ask.cached,
        "prompt_cache_miss_tokens": ask.prompt - ask.cached,
        "prompt_tokens_details": {"cached_tokens": ask.cached},
        "completion_tokens_details": {"reasoning_tokens": ask.reasoning},
    }


def _plain(_: Ask) -> Json:
    """Mistral and the smaller hosts report the three totals and nothing else."""
    return {}


def _perplexity(_: Ask) -> Json:
    return {"search_context_size": "low"}


_DEPARTURES: dict[str, Callable[[Ask], Json]] = {
    "deepseek": _deepseek,
    "mistral": _plain,
    "codestral": _plain,
    "perplexity": _perplexity,
}


def responses_usage(ask: Ask) -> Json | None:
    """Word the usage block of ``/v1/responses`` and of image and audio calls."""
    if ask.silent:
        return None
    return {
        "input_tokens": ask.prompt,
        "input_tokens_details": {"cached_tokens": ask.cached},
        "output_tokens": ask.completion,
        "output_tokens_details": {"reasoning_tokens": ask.reasoning},
        "total_tokens": ask.total,
    }
