"""Which calls need room in their budgets: those that cost something, whatever LiteLLM calls them."""

from __future__ import annotations

import asyncio
import importlib.util
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import pytest
from fastapi import HTTPException

from tests.capture.payloads import RECEIVED
from tests.hold.reports import make_recorder
from usage_plugin.capture.billed import BILLED
from usage_plugin.capture.catalog import load_price_map
from usage_plugin.capture.handler import Usage_PROXY_Handler
from usage_plugin.capture.report import Reporter
from usage_plugin.gate import Account, Beyond, Limit, Plan
from usage_plugin.settings import Settings

# What LiteLLM asks leave for, and no provider bills: to look, to change, to take away, and to define for later.
FREE_VERBS = ("get", "list", "retrieve", "delete", "cancel", "update", "upload")
FREE = {
    "afile_content",
    "alist_input_items",
    "aretrieve_container_file_content",
    "avideo_status",
    "avideo_content",
    "avideo_create_character",
    "avector_store_file_content",
    "acreate_file",
    "acreate_skill",
    "acreate_agent",
    "acreate_eval",
    "apply_guardrail",
}
ASKED = re.compile(r"pre_call_hook\((?:[^()]|\([^()]*\))*?call_type=\"(\w+)\"(?:[^()]|\([^()]*\))*\)", re.DOTALL)


def is_free(call_type: str) -> bool:
    words = call_type.removeprefix("a").split("_")
    return call_type in FREE or any(verb in words for verb in FREE_VERBS)


def litellm_asks_for() -> set[str]:
    """Find all names in LiteLLM's source by which it asks callbacks for leave."""
    from litellm.proxy.common_request_processing import ProxyBaseLLMRequestProcessing

    common = get_type_hints(ProxyBaseLLMRequestProcessing.common_processing_pre_call_logic)["route_type"]
    spec = importlib.util.find_spec("litellm.proxy")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    files = Path(next(iter(spec.submodule_search_locations))).rglob("*.py")
    asked = {
        found[1]
        for file in files
        if "pre_call_hook(" in (source := file.read_text())
        for found in ASKED.finditer(source)
        if "guardrails_only=True" not in found[0]
    }
    return {*get_args(common), *asked}


def test_every_name_is_billed_or_known_to_be_free() -> None:
    """An upgrade of LiteLLM that brings a new route says so here."""
    names = litellm_asks_for()
    assert {"acompletion", "_arealtime", "arealtime_calls", "image_generation", "pass_through_endpoint"} <= names
    assert sorted(name for name in names if (name in BILLED) == is_free(name)) == []


def account_of(amount: int, *, degrade_to: str | None = None) -> Account:
    """Make an account of which nothing is spent; there is none left where the amount is 0."""
    limit = Limit(
        budget_id=1,
        name="b",
        amount_nano_usd=amount,
        beyond=Beyond.DEGRADE if degrade_to else Beyond.BLOCK,
        degrade_to=degrade_to,
        starts_at=RECEIVED,
        ends_at=RECEIVED + timedelta(days=36500),
    )
    return Account(limit)


@pytest.fixture
def handler(tmp_path: Path) -> Iterator[Usage_PROXY_Handler]:
    """Give a proxy's handler with one budget of everything, which is spent."""
    recorder = make_recorder(Settings(data_dir=tmp_path))
    recorder.gate.put_up(Plan(everybody={account_of(0): None}))
    yield Usage_PROXY_Handler(Reporter(load_price_map()), recorder, recorder._guard)
    recorder.stop()


def may(handler: Usage_PROXY_Handler, call_type: str, data: dict[str, Any]) -> bool:
    try:
        asyncio.run(handler.async_pre_call_hook(None, None, data, call_type))
    except HTTPException:
        return False
    return True


@pytest.mark.parametrize("call_type", sorted(BILLED))
def test_what_is_billed_is_refused(handler: Usage_PROXY_Handler, call_type: str) -> None:
    """Also a route whose prompt we do not know how to measure."""
    data = {"litellm_call_id": "c", "model": None, "websocket": object(), "metadata": {"litellm_received_at": RECEIVED}}
    assert not may(handler, call_type, data)


@pytest.mark.parametrize("call_type", ["avideo_status", "aretrieve_batch", "alist_batches", "acancel_batch", "new"])
def test_what_costs_nothing_goes_on(handler: Usage_PROXY_Handler, call_type: str) -> None:
    """Who has spent a budget may still fetch what was paid for, and take it away."""
    assert may(handler, call_type, {"litellm_call_id": "c"})


@pytest.mark.parametrize(
    "call_type",
    [
        "pass_through_endpoint",
        "acreate_realtime_client_secret",
        "acreate_realtime_transcription_session",
        "arealtime_calls",
    ],
)
def test_what_litellm_gives_no_id_is_refused_too(handler: Usage_PROXY_Handler, call_type: str) -> None:
    """Websockets that are passed through, and the keys and calls of realtime clients."""
    assert not may(handler, call_type, {"stream": True})


def test_a_call_inside_of_another_goes_on(handler: Usage_PROXY_Handler) -> None:
    """LiteLLM embeds the prompt of a call that was asked for already."""
    assert may(handler, "aembedding", {"model": "embed", "input": ["x"]})


def test_a_tool_is_noted_once(handler: Usage_PROXY_Handler) -> None:
    """LiteLLM asks for it as a request, and again before the server is asked, when nothing but its log has an id."""
    handler.recorder.gate.put_up(Plan())
    handler.recorder.start()
    log = SimpleNamespace(litellm_call_id="c")
    assert may(handler, "call_mcp_tool", {"litellm_call_id": "c", "metadata": {"litellm_received_at": RECEIVED}})
    assert may(handler, "call_mcp_tool", {"litellm_logging_obj": log, "metadata": {}})
    assert len(handler.recorder.in_flight) == 1


@pytest.mark.parametrize(("left", "is_let_through"), [(100, True), (0, False)])
def test_a_call_that_is_sent_to_another_group_needs_room_there(
    handler: Usage_PROXY_Handler, left: int, *, is_let_through: bool
) -> None:
    """In the budget of the model that the group asks; what the first group's model has left is of no interest then."""
    first, second = account_of(100), account_of(left)
    plan = Plan(
        everybody={account_of(0, degrade_to="cheap"): None},
        dimensions=("model",),
        members=({"dear-1": {first: None}, "cheap-1": {second: None}},),
        usual_nano_usd=10,
        only_target={"dear": ("dear-1", "p"), "cheap": ("cheap-1", "p")},
    )
    handler.recorder.gate.put_up(plan)
    data = {"litellm_call_id": "c", "model": "dear", "metadata": {"litellm_received_at": RECEIVED}}
    assert may(handler, "acompletion", data) == is_let_through
    assert data["model"] == ("cheap" if is_let_through else "dear")
    assert (first.in_flight_nano_usd, second.in_flight_nano_usd) == (0, 10 if is_let_through else 0)
