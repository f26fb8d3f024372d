"""A number of calls in; a process that reports them as fast as it can, its memory meanwhile, and what it stored, out.

Run with the database away: it says what it needed, waits for a line on its input, and says when everything is stored.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import litellm

import usage_plugin
from tests.capture.payloads import RECEIVED, START_S, success

WARM_UP = 2000
SAMPLED_EVERY = 500
STORED_WITHIN_S = 300.0
WHO = {
    "user_api_key_hash": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
    "user_api_key_alias": "search-prod",
    "user_api_key_org_id": "org-acme",
    "user_api_key_team_id": "team-search",
    "user_api_key_team_alias": "Search",
    "user_api_key_user_id": "ada",
    "user_api_key_request_route": "/v1/chat/completions",
    "requester_ip_address": "127.0.0.1",
    "user_agent": "OpenAI/Python 2.14.0",
}
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 0}}


def main() -> None:
    """Report, wait, store."""
    handler = usage_plugin.proxy_handler_instance
    asyncio.run(_report_all(handler, "warm-up", WARM_UP))
    gc.collect()
    before_mb = _resident_mb()
    began = time.perf_counter()
    highest_mb = asyncio.run(_report_all(handler, "call", int(sys.argv[1])))
    seconds = time.perf_counter() - began
    _say(before_mb=before_mb, highest_mb=highest_mb, seconds=seconds)
    sys.stdin.readline()
    began = time.perf_counter()
    stored = handler.recorder.flush(STORED_WITHIN_S)
    _say(stored=stored, seconds=time.perf_counter() - began, after_mb=_resident_mb())
    handler.recorder.stop()


async def _report_all(handler: Any, name: str, calls: int) -> float:
    """Let each call be a task of its own, as in a proxy; gives the highest memory."""
    highest_mb = 0.0
    for number in range(calls):
        await asyncio.create_task(_one(handler, f"{name}-{number:06}", number))
        if number % SAMPLED_EVERY == 0:
            highest_mb = max(highest_mb, _resident_mb())
    return max(highest_mb, _resident_mb())


async def _one(handler: Any, call_id: str, number: int) -> None:
    received = RECEIVED + timedelta(milliseconds=number)
    metadata = {"litellm_received_at": received, "tags": ["env:prod", "feature:search"], **WHO}
    data = {"litellm_call_id": call_id, "model": "gpt-ok", "messages": [], "metadata": metadata}
    await handler.async_pre_call_hook(None, None, data, "acompletion")
    start_s = START_S + number / 1000
    kwargs = success(
        metadata,
        litellm_call_id=call_id,
        startTime=start_s,
        endTime=start_s + 0.5,
        request_tags=["env:prod", "feature:search"],
        metadata={"usage_object": USAGE, **WHO},
    )
    await handler.async_log_success_event({"litellm_call_id": call_id, **kwargs}, litellm.ModelResponse(), None, None)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1024 / 1024


def _say(**figures: object) -> None:
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
