"""The same proxy with one setting changed records to PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proxy.clients import CALL_ID, chat
from tests.proxy.config import write_config
from tests.proxy.hand import categories, nano_usd
from tests.proxy.process import running
from tests.proxy.rows import tags_of, the_row
from tests.upstream.ask import marker
from tests.upstream.process import Upstream

pytestmark = pytest.mark.proxy

FULL = marker(prompt=1200, cached=1000, completion=74, reasoning=64)


def test_a_proxy_records_to_postgresql(postgres_url: str, upstream: Upstream, tmp_path: Path) -> None:
    """Success, failure and unknown price arrive there with the same values."""
    with running(write_config(tmp_path, upstream.base_url), postgres_url, upstream) as proxy:
        good = the_row(proxy.engine, chat(proxy, "chat", FULL).headers[CALL_ID])
        bad = the_row(proxy.engine, chat(proxy, "chat", marker(fail=400, mark="pg")).headers[CALL_ID])
        unknown = the_row(proxy.engine, chat(proxy, "unlisted", FULL).headers[CALL_ID])
        tags = tags_of(proxy.engine, good)
    assert categories(good)["input_cache_read"] == 1000
    assert good.cost_nano_usd == nano_usd((200, "0.15"), (1000, "0.075"), (74, "0.60"))
    assert tags == {"env:prod", "key-tag"}
    assert (bad.status, bad.cost_confidence) == ("failure", "free")
    assert (unknown.cost_nano_usd, unknown.cost_confidence) == (None, "unpriced")
