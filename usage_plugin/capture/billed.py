"""LiteLLM's name of a call in ``async_pre_call_hook`` in, whether a provider bills such calls, and its row's name, out.

What is not named here costs nothing by itself: to list, to retrieve, to delete, to cancel, to upload. A test compares
with all that the installed LiteLLM asks its hook for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usage_plugin.capture.report import call_id_of

_MCP_TOOL = "call_mcp_tool"
# Asked for by one name and reported by another.
_RENAMED = {
    "completion": "acompletion",
    "text_completion": "atext_completion",
    "embeddings": "aembedding",
    "embedding": "aembedding",
    "image_generation": "aimage_generation",
    "image_edit": "aimage_edit",
    "moderation": "amoderation",
    "audio_transcription": "atranscription",
    "transcription": "atranscription",
    "speech": "aspeech",
    "rerank": "arerank",
    "responses": "aresponses",
}
_SAME = (
    "acompletion",
    "atext_completion",
    "anthropic_messages",
    "aresponses",
    "acompact_responses",
    "_aresponses_websocket",
    "_arealtime",
    "agenerate_content",
    "agenerate_content_stream",
    "acreate_interaction",
    "aembedding",
    "aimage_generation",
    "aimage_edit",
    "avideo_generation",
    "avideo_remix",
    "avideo_edit",
    "avideo_extension",
    "amoderation",
    "atranscription",
    "aspeech",
    "arerank",
    "aocr",
    "asearch",
    "adecisions",
    "asystemone",
    "acreate_batch",
    "acreate_fine_tuning_job",
    "acreate_run",
    "acreate_container",
    "aingest",
    "avector_store_create",
    "avector_store_file_create",
    "avector_store_search",
    "asend_message",
    _MCP_TOOL,
    "pass_through_endpoint",
    "allm_passthrough_route",
    # What these open is billed.
    "acreate_realtime_client_secret",
    "acreate_realtime_transcription_session",
    "arealtime_calls",
)
BILLED: Mapping[str, str] = _RENAMED | {name: name for name in _SAME}
"""Calls that a provider bills, by LiteLLM's names in ``async_pre_call_hook``, and the names that it reports them by."""

DEGRADABLE = frozenset({"acompletion", "anthropic_messages", "aresponses"})
"""Calls that a chat model answers whichever it is: only these are sent to another model group."""

# Of these LiteLLM does not say the id that it will report them by: websockets that are passed through, and the like.
# Anything else without an id is a call inside of another one, which was asked for already.
_NAMELESS = frozenset(
    {
        _MCP_TOOL,
        "pass_through_endpoint",
        "acreate_realtime_client_secret",
        "acreate_realtime_transcription_session",
        "arealtime_calls",
    }
)


def is_named(call_type: str, data: Mapping[str, Any]) -> bool:
    """Say whether a call can be known again when it is reported.

    Of a tool of MCP LiteLLM may ask twice: the second time, just before the server is asked, with no id but its log's.
    """
    return bool(data.get("litellm_call_id") if call_type == _MCP_TOOL else call_id_of(data))


def is_inside_another(call_type: str, data: Mapping[str, Any]) -> bool:
    """Say whether a call is made to serve another one, which was asked for already."""
    return call_type not in _NAMELESS and not call_id_of(data)
