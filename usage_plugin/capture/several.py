"""One answer of a request to several models at once in, the payload that LiteLLM does not make for it, out.

``model: "a,b"`` calls a and b, and both are billed. LiteLLM reports one success, with the model of one and the usage
of another; but it calls a hook for each deployment that answered.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from usage_plugin.capture.prices import PriceCatalog
from usage_plugin.capture.values import attribute, mapping, text

Payload = Mapping[str, Any]
MOST_REMEMBERED = 4096
CALL_TYPE = "acompletion"
"""The only calls that LiteLLM sends to several."""


def asks_several(request: Payload) -> bool:
    """Say whether a client named several models.

    Args:
        request: A deployment hook's ``request_data``, or ``litellm_params`` of a success event.
    """
    try:
        return "," in request["proxy_server_request"]["body"]["model"]
    except (KeyError, TypeError):
        return False


def asked_model(request: Payload) -> object:
    """Give the client's own ``model``."""
    return mapping(mapping(request.get("proxy_server_request")).get("body")).get("model")


class SeenRequests:
    """Remembers the requests of which an answer was recorded, at most so many."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._seen: OrderedDict[object, None] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def is_first(self, request: object) -> bool:
        """Remember a request; says whether it is new."""
        with self._lock:
            if request in self._seen:
                return False
            self._seen[request] = None
            if len(self._seen) > self._most:
                self._seen.popitem(last=False)
            return True

    def __contains__(self, request: object) -> bool:
        return request in self._seen


def payload_of(
    request_data: Payload, response: object, call_type: object, catalog: PriceCatalog, ended: datetime
) -> dict[str, Any]:
    """Word one deployment's answer as LiteLLM words a request's.

    Args:
        request_data: What ``async_post_call_success_deployment_hook`` was given; its ``metadata`` is shared by all.
        response: The deployment's answer.
        call_type: LiteLLM's type of the call.
        catalog: LiteLLM's price map as it was loaded.
        ended: The present moment.
    """
    model = text(request_data.get("model")) or ""
    hidden = mapping(getattr(response, "_hidden_params", None))
    usage = attribute(response, "usage")
    counts = usage.model_dump() if hasattr(usage, "model_dump") else mapping(usage)
    known = catalog.find(model, model.partition("/")[2])
    return {
        "call_type": str(getattr(call_type, "value", call_type)),
        "litellm_call_id": request_data.get("litellm_call_id"),
        "model": model,
        "custom_llm_provider": text(hidden.get("custom_llm_provider")) or text(model.rpartition("/")[0]),
        "model_id": mapping(request_data.get("model_info")).get("id"),
        "prompt_tokens": counts.get("prompt_tokens"),
        "completion_tokens": counts.get("completion_tokens"),
        "endTime": ended.timestamp(),
        "metadata": {"usage_object": counts},
        "model_map_information": priced(known),
    }


def priced(known: tuple[str, Payload] | None) -> dict[str, Any] | None:
    """Word what the price map says of a model as LiteLLM does."""
    return {"model_map_key": known[0], "model_map_value": {"key": known[0], **known[1]}} if known else None
