"""Each name of LiteLLM that the capture relies on, against the installed version: an upgrade says which moved."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest

from usage_plugin.capture.handler import UsageHandler

HANDLER = "usage_plugin.capture.handler"
LOGGER = "litellm.integrations.custom_logger"
HOOKS = (
    ("UsageHandler", "async_log_success_event"),
    ("UsageHandler", "log_success_event"),
    ("Usage_PROXY_Handler", "async_post_call_failure_hook"),
    ("Usage_PROXY_Handler", "async_post_call_streaming_iterator_hook"),
    ("Usage_PROXY_Handler", "async_post_call_success_deployment_hook"),
    ("UsageSdkHandler", "async_log_failure_event"),
    ("UsageSdkHandler", "log_failure_event"),
)
# LiteLLM looks for these in the class of a callback, not in what it inherits.
LEAF_HOOKS = ("async_post_call_streaming_iterator_hook",)

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
