"""Whatever LiteLLM may hand over one day, no error reaches it; each call is stored, or kept aside with its reason."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import text

from tests.capture.mutations import WRONG, mutate
from tests.capture.payloads import RECEIVED, failure, success
from tests.extent import extent
from tests.proxy.clients import in_own_loop
from usage_plugin.capture.catalog import load_price_map
from usage_plugin.capture.handler import Usage_PROXY_Handler
from usage_plugin.capture.meaning import ReportMeaning
from usage_plugin.capture.normalise import Normaliser
from usage_plugin.capture.report import Reporter
from usage_plugin.guard import Guard
from usage_plugin.hold.recorder import Recorder
from usage_plugin.settings import Settings
from usage_plugin.store.database import connect

MUTATIONS = extent(3_000, 10_000)
# Where a call's id was changed, its begin and its end are two requests.
REPORTED = "WHERE error_class IS NULL OR error_class <> 'NotReported'"
RESPONSES = (None, {"usage": {"prompt_tokens": "x"}}, SimpleNamespace(service_tier=4, usage=object()), *WRONG)


def own(arguments: dict[str, Any], seed: int) -> dict[str, Any]:
    """Make a call one of its own: its id, and its moments."""
    call_id, moment = f"call-{seed}", RECEIVED + timedelta(seconds=seed)
    arguments["litellm_call_id"] = call_id
    arguments["standard_logging_object"] |= {"litellm_call_id": call_id, "startTime": moment.timestamp()}
    for metadata in (arguments.get("metadata"), arguments.get("litellm_params", {}).get("metadata")):
        if metadata is not None:
            metadata["litellm_received_at"] = moment
    return arguments


async def report_all(handler: Usage_PROXY_Handler) -> None:
    """Call the hooks as LiteLLM does, each request with a call id of its own."""
    for seed in range(MUTATIONS):
        response: Any = RESPONSES[seed % len(RESPONSES)]
        if seed % 4:
            arguments = mutate(own(success(), seed), seed)
            params: Any = arguments.get("litellm_params")
            await handler.async_pre_call_hook(None, None, {"messages": params, "metadata": params}, "acompletion")
            handler.async_post_call_streaming_iterator_hook(None, response, arguments)
            await handler.async_log_success_event(arguments, response, None, None)
        else:
            arguments = mutate(own(failure(dispatched=seed % 8 == 0), seed), seed)
            await handler.async_log_failure_event(arguments, response, None, None)
            await handler.async_post_call_failure_hook(arguments, response, None)
        if seed % 500 == 0:
            await asyncio.sleep(0)


def test_no_mutated_payload_raises_or_vanishes(tmp_path: Path) -> None:
    """Thousands of calls with missing, mistyped, huge, negative, endless and deeply nested values."""
    settings = Settings(data_dir=tmp_path, flush_every_s=0.05)
    errors = Guard()
    catalog = load_price_map()
    recorder = Recorder(settings, ReportMeaning(Normaliser(settings, catalog)), role="proxy", guard=errors)
    recorder.start()
    in_own_loop(report_all(Usage_PROXY_Handler(Reporter(catalog), recorder, errors)))
    assert recorder.flush(120)
    seen, aside = recorder.counts.seen, recorder.counts.set_aside
    recorder.stop()
    engine = connect(settings.url)
    with engine.connect() as connection:
        calls = int(connection.execute(text(f"SELECT SUM(calls) FROM usage_record {REPORTED}")).scalar_one())
    engine.dispose()
    refused = tmp_path / "refused-calls.jsonl"
    reasons = [json.loads(line)["reason"] for line in refused.read_text().splitlines()] if refused.exists() else []
    assert dict(errors.errors_by_stage) == {}
    assert recorder.counts.lost == 0
    assert len(reasons) == aside
    assert all(reasons)
    assert calls + aside == seen
    assert seen == MUTATIONS
