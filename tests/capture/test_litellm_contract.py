"""Each name of LiteLLM that the capture relies on, against the installed version: an upgrade says which moved."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, get_type_hints

import pytest

from usage_plugin.capture import pick
from usage_plugin.capture.handler import UsageHandler

HANDLER = "usage_plugin.capture.handler"
LOGGER = "litellm.integrations.custom_logger"
HOOKS = (
    ("UsageHandler", "async_log_success_event"),
    ("UsageHandler", "log_success_event"),
    ("Usage_PROXY_Handler", "async_pre_call_hook"),
    ("Usage_PROXY_Handler", "async_post_call_failure_hook"),
    ("Usage_PROXY_Handler", "async_log_failure_event"),
    ("Usage_PROXY_Handler", "async_post_call_streaming_iterator_hook"),
    ("Usage_PROXY_Handler", "async_post_call_success_deployment_hook"),
    ("UsageSdkHandler", "async_log_failure_event"),
    ("UsageSdkHandler", "log_failure_event"),
)
# LiteLLM looks for these in the class of a callback, not in what it inherits.
LEAF_HOOKS = ("async_pre_call_hook", "async_post_call_streaming_iterator_hook")

# Our lists of names, and the TypedDict of LiteLLM's that has them.
FIELDS = {
    "StandardLoggingPayload": (
        *pick.PAYLOAD,
        "metadata",
        "error_information",
        "cost_breakdown",
        "model_parameters",
        "model_map_information",
    ),
    "StandardLoggingMetadata": (*pick.WHO, "usage_object", "spend_logs_metadata", "requester_custom_headers"),
    "StandardLoggingPayloadErrorInformation": pick.ERROR,
    "CostBreakdown": pick.DISCOUNT,
    "StandardLoggingModelInformation": ("model_map_key", "model_map_value"),
}
# What LiteLLM puts into a request's metadata and its hooks' arguments, and a file that does.
WORDS = {
    "litellm.proxy.litellm_pre_call_utils": ("litellm_received_at", "llm_api_timing_windows", "spend_logs_metadata"),
    "litellm.proxy.common_request_processing": ("queue_time_seconds", "prompt_cache_response_complete"),
    "litellm.router": ("attempted_retries", "attempted_fallbacks", "original_model_group"),
    "litellm.litellm_core_utils.litellm_logging": (
        "first_api_call_start_time",
        "combined_usage_object",
        "trace_id",
        "session_id",
    ),
    "litellm.types.utils": (*(name for name in pick.USAGE if name != "service_tier"), "service_tier"),
}

# module, object in it, and the words that its source must hold
RELIED_ON: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "a chat stream's chunks": (
        "litellm.litellm_core_utils.streaming_handler",
        "CustomStreamWrapper.__init__",
        ("self.chunks: list = []",),
    ),
    "the chunks of a chat stream that may fall back": (
        "litellm.router",
        "Router._acompletion_streaming_iterator",
        ("self.chunks = inner_chunks",),
    ),
    "the chunks of /v1/messages on a chat model": (
        "litellm.router",
        "FallbackAwareAnthropicMessagesStream",
        ("self._source_iterator", "def chunks"),
    ),
    "the stream behind /v1/responses": (
        "litellm.router",
        "Router._aresponses_streaming_iterator",
        ("self._billing_source",),
    ),
    "the chat stream that /v1/responses translates": (
        "litellm.responses.litellm_completion_transformation.streaming_iterator",
        "LiteLLMCompletionStreamingIterator.__init__",
        ("self.litellm_custom_stream_wrapper",),
    ),
    "a stream handed on as it is": (
        "litellm.proxy.utils",
        "ProxyLogging._wrap_streaming_iterator_with_enrichment",
        ("hook(response=upstream)", "async for chunk in guarded"),
    ),
    "streaming hooks of the class itself": (
        "litellm.proxy.utils",
        "ProxyLogging.callback_capabilities",
        ('"async_post_call_streaming_iterator_hook" in cls_attrs',),
    ),
    "that another deployment took a stream over": (
        "litellm.router",
        "FallbackAwareStreamWrapper",
        ("self.fallback_headers_adopted = True",),
    ),
    "whether a stream of /v1/messages came to its end": (
        "litellm.proxy.pass_through_endpoints.streaming_handler",
        "PassThroughStreamingHandler.route_streaming_logging_to_handler",
        ('"prompt_cache_response_complete"', "is_message_stop_chunk"),
    ),
    "a proxy's shutdown, looked up by its name": (
        "litellm.proxy.proxy_server",
        "proxy_startup_event",
        ("await proxy_shutdown_event(",),
    ),
    "the queue of calls that are not reported yet": (
        "litellm.litellm_core_utils.logging_worker",
        "LoggingWorker",
        ("async def flush(", "def _flush_on_exit(self):"),
    ),
    "/v1/messages to an OpenAI model: the stream of events": (
        "litellm.llms.anthropic.pass_through.responses_adapters.streaming_iterator",
        "AnthropicResponsesStreamWrapper.__init__",
        ("self.responses_stream",),
    ),
    "the lines of a stream on Gemini's own route": (
        "litellm.google_genai.streaming_iterator",
        "BaseGoogleGenAIGenerateContentStreamingIterator.__init__",
        ("self.collected_chunks",),
    ),
    "who answers, whatever the stream": (
        "litellm.litellm_core_utils.litellm_logging",
        "Logging.update_environment_variables",
        ("self.model", "self.custom_llm_provider"),
    ),
    "the words of a stream of /v1/responses": (
        "litellm.responses.streaming_iterator",
        "BaseResponsesAPIStreamingIterator.__init__",
        ("self._generated_content",),
    ),
    "a pass-through's request and answer": (
        "litellm.types.passthrough_endpoints.pass_through_endpoints",
        "PassthroughStandardLoggingPayload",
        ("url: str", "request_body:", "response_body:"),
    ),
    "a pass-through's stream as text": (
        "litellm.proxy.pass_through_endpoints.streaming_handler",
        "PassThroughStreamingHandler._build_passthrough_logging_result",
        ("response=f", "Chunks={all_chunks}"),
    ),
}


def resolve(module: str, path: str) -> Any:
    found: Any = import_module(module)
    for name in path.split("."):
        assert hasattr(found, name), f"LiteLLM has no {module}.{path} any more"
        found = inspect.getattr_static(found, name)
    return found.__func__ if isinstance(found, staticmethod | classmethod) else found


@pytest.mark.parametrize(("ours", "hook"), HOOKS, ids=[hook for _, hook in HOOKS])
def test_hooks_are_called_as_we_take_them(ours: str, hook: str) -> None:
    """The same parameters by the same names, in the same order."""
    theirs = list(inspect.signature(resolve(LOGGER, f"CustomLogger.{hook}")).parameters)
    assert list(inspect.signature(resolve(HANDLER, f"{ours}.{hook}")).parameters) == theirs, hook


@pytest.mark.parametrize("hook", LEAF_HOOKS)
def test_hooks_stand_where_litellm_looks_for_them(hook: str) -> None:
    """An inherited one would be passed over in silence."""
    assert hook in vars(resolve(HANDLER, "Usage_PROXY_Handler"))
    assert hook not in vars(UsageHandler)


@pytest.mark.parametrize("what", RELIED_ON)
def test_what_we_rely_on_is_there(what: str) -> None:
    """A name that moved is named here, before a number is wrong."""
    module, path, wanted = RELIED_ON[what]
    source = inspect.getsource(resolve(module, path))
    missing = [words for words in wanted if words not in source]
    assert not missing, f"{what}: {module}.{path} does not say {missing} any more"


@pytest.mark.parametrize("kind", FIELDS)
def test_fields_that_are_picked_are_litellms(kind: str) -> None:
    """A field that was renamed would be missing in every row, without an error."""
    theirs = get_type_hints(resolve("litellm.types.utils", kind))
    assert [name for name in FIELDS[kind] if name not in theirs] == []


@pytest.mark.parametrize("module", WORDS)
def test_names_without_a_type_are_still_written(module: str) -> None:
    """LiteLLM puts these where we look for them."""
    source = inspect.getsource(import_module(module))
    assert [word for word in WORDS[module] if f'"{word}"' not in source and f"{word}:" not in source] == []


def test_a_call_that_no_provider_was_asked_for_is_marked() -> None:
    """The mark tells a rejection from a failure."""
    assert resolve("litellm.constants", "LITELLM_LOGGING_NO_UPSTREAM_LLM_CALL") in pick.REQUEST
