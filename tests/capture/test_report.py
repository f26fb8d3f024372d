"""Which of a request's metadata are the proxy's."""

from __future__ import annotations

from datetime import UTC, datetime

from usage_plugin.capture.report import request_metadata


def test_a_client_cannot_put_its_metadata_in_the_place_of_the_proxys() -> None:
    """Neither on routes whose own metadata are the client's, nor on the others."""
    ours = {"litellm_received_at": datetime(2026, 3, 1, tzinfo=UTC), "tags": ["ours"]}
    forged = {"litellm_received_at": "2026-03-01T00:00:00+00:00", "tags": []}
    assert request_metadata({"metadata": forged, "litellm_metadata": ours}) == ours
    assert request_metadata({"metadata": ours, "litellm_metadata": forged}) == ours
