"""Hook arguments in, one event out: identity, time, model, people and outcome."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.capture.payloads import RECEIVED, START_S, failure, success
from tests.capture.reading import Reading
from usage_plugin.event import Status, TokensSource


def test_twins_of_one_request_have_one_key(reading: Reading) -> None:
    """The sync and the async hook report the same request: the same key, of 32 characters."""
    assert reading.success(success(), None).event_key == reading.success(success(id="other"), None).event_key
    assert len(reading.success(success(), None).event_key) == 32


@pytest.mark.parametrize(
    "other",
    [
        {"startTime": START_S + 9.0},
        {"litellm_call_id": "call-2"},
        {"model_id": "deployment-2"},
        {"call_type": "aresponses"},
    ],
)
def test_different_requests_have_different_keys(reading: Reading, other: dict[str, Any]) -> None:
    """A request that reuses a client's call id, and a second deployment of a call, are requests of their own."""
    assert reading.success(success(), None).event_key != reading.success(success(**other), None).event_key


def test_success_and_failure_of_one_call_id_differ(reading: Reading) -> None:
    """A retry with the same client-set id that fails does not hide the call that succeeded."""
    assert reading.success(success(), None).event_key != reading.failure(failure(), None).event_key


def test_latency_counts_from_receipt(reading: Reading) -> None:
    """A retried call took as long as its client waited, whatever the last attempt took."""
    kwargs = success(
        {
            "llm_api_timing_windows": [[START_S, 1], [START_S + 1, 2]],
            "attempted_retries": 1,
            "queue_time_seconds": 0.003,
        }
    )
    event = reading.success(kwargs, None)
    assert event.timing.latency_ms == pytest.approx(503, abs=0.01)
    assert event.timing.received_at == RECEIVED
    assert event.timing.queue_ms == pytest.approx(3)
    assert event.attempts == 2


def test_only_a_stream_has_a_time_to_first_token(reading: Reading) -> None:
    """A plain call's completion start is its end, and says nothing."""
    early: dict[str, Any] = {"completionStartTime": START_S + 0.1}
    assert reading.success(success(**early), None).timing.ttft_ms is None
    assert reading.success(success(**early, stream=True), None).timing.ttft_ms == pytest.approx(103, abs=0.01)


def test_messages_and_responses_keep_their_metadata_elsewhere(reading: Reading) -> None:
    """The receipt is found under litellm_metadata where a route keeps it there."""
    kwargs = success()
    kwargs["litellm_params"]["litellm_metadata"] = kwargs["litellm_params"].pop("metadata")
    assert reading.success(kwargs, None).timing.received_at == RECEIVED


def test_model_and_provider_are_told_apart(reading: Reading) -> None:
    """The provider's prefix is not part of the model; an organisation inside a model's name is."""
    event = reading.success(success(model="together_ai/meta/llama", custom_llm_provider="together_ai"), None)
    assert (event.provider, event.model) == ("together_ai", "meta/llama")


def test_a_client_that_left_interrupted_the_call(reading: Reading) -> None:
    """LiteLLM calls a cancelled stream a success; its tokens are an estimate."""
    left = {"error_code": "499", "error_class": "ClientDisconnected"}
    event = reading.success(success(error_information=left, stream=True), None)
    assert event.status is Status.INTERRUPTED
    assert event.tokens.source is TokensSource.ESTIMATED
    assert event.cost.confidence == "estimated"


def test_a_rejected_call_keeps_an_unknown_model_out_of_the_dimensions(reading: Reading) -> None:
    """Anybody can send any model's name: it is what was requested, not a model of ours."""
    data = failure(dispatched=False, model="nope", model_group="", custom_llm_provider=None)
    event = reading.failure({**data, "model": "nope"}, ValueError("no"))
    assert (event.status, event.model, event.requested_model) == (Status.REJECTED, None, "nope")
    assert (event.cost.cost_nano_usd, event.cost.confidence) == (0, "free")


def test_a_provider_that_refused_bills_nothing(reading: Reading) -> None:
    """A 429 costs nothing, for certain."""
    event = reading.failure(failure(error_information={"error_code": "429", "error_class": "RateLimitError"}), None)
    assert (event.status, event.cost.cost_nano_usd, event.failure.error_code) == (Status.FAILURE, 0, "429")


def test_a_timeout_may_have_been_billed(reading: Reading) -> None:
    """Nobody knows what a call without an answer cost: that is not zero."""
    event = reading.failure(failure(error_information={"error_code": "408", "error_class": "Timeout"}), None)
    assert (event.cost.cost_nano_usd, event.cost.confidence) == (None, "unpriced")
    assert event.cost.unpriced_reason == "failed_after_dispatch"


def test_a_stream_that_broke_costs_what_came_before(reading: Reading) -> None:
    """A failure with tokens has a cost, marked as an estimate."""
    broken = failure(response_cost=0.00001, prompt_tokens=20, completion_tokens=5)
    event = reading.failure(broken, None)
    assert (event.cost.cost_nano_usd, event.cost.confidence, event.tokens.total_tokens) == (10_000, "estimated", 25)


def test_a_failure_without_a_payload_is_still_a_row(reading: Reading) -> None:
    """max_parallel_requests rejects with nothing but the request."""
    data = {"litellm_call_id": "c", "model": "gpt-ok", "metadata": {"user_api_key_team_id": "t1", "tags": ["a"]}}
    event = reading.failure(data, type("TooMany", (Exception,), {"status_code": 429})())
    assert (event.status, event.who.team_id, event.who.tags) == (Status.REJECTED, "t1", ("a",))
    assert (event.failure.error_class, event.failure.error_code) == ("TooMany", "429")


def test_people_and_tags(reading: Reading) -> None:
    """Key, user and team come from the key; LiteLLM's own user-agent tags are left out; two tags have a meaning."""
    kwargs = success(
        {"user_api_key_team_id": "t1", "user_api_key_team_alias": "Blue", "user_api_key_hash": "h"},
        request_tags=["feature:search", "env:prod", "x", "User-Agent: curl", "x"],
        end_user="customer-7",
    )
    who = reading.success(kwargs, None).who
    assert (who.team_id, who.team_alias, who.api_key_hash, who.end_user_id) == ("t1", "Blue", "h", "customer-7")
    assert (who.feature, who.environment) == ("search", "prod")
    assert who.tags == ("feature:search", "env:prod", "x")


def test_text_that_a_database_refuses_is_cleaned(reading: Reading) -> None:
    """NUL, lone surrogates and endless names never reach the store."""
    event = reading.success(success(end_user="a\x00b\ud800", trace_id="x" * 9999), None)
    assert event.who.end_user_id == "ab?"
    assert len(event.trace_id or "") == 256


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted(success()["standard_logging_object"])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=6), JUNK)
def test_no_payload_makes_it_fail(reading: Reading, wrong: dict[str, Any], other: Any) -> None:
    """Missing, mistyped, huge, negative and not-a-number fields give an event all the same."""
    event = reading.success(success(**wrong), other)
    assert len(event.event_key) == 32
    assert event.timing.latency_ms is not None
    assert event.timing.latency_ms >= 0
    assert event.cost.cost_nano_usd is None or event.cost.cost_nano_usd >= 0
    reading.failure(failure(**wrong), other)
    reading.failure({"standard_logging_object": other, "metadata": other}, None)
