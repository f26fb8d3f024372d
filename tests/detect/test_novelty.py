"""What keys never used before: of keys that are known, and told apart as people would."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.detect.calls import HOUR, NOW
from usage_plugin.detect import Options, detect
from usage_plugin.detect.novelty import network, program
from usage_plugin.settings import Settings
from usage_plugin.store.analysis_tables import AnomalyRow, KnownUse
from usage_plugin.store.anomalies import anomalies
from usage_plugin.store.database import changing
from usage_plugin.store.known_use import keep_uses, known_uses
from usage_plugin.store.write import write_events
from usage_plugin.testing import make_event
from usage_plugin.time_zone import UTC_ZONE
from usage_plugin.worker.jobs import JobContext
from usage_plugin.worker.tidy import tidy

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("OpenAI/Python 2.9.0", "OpenAI/Python"),
        ("AsyncOpenAI/Python 1.0", "AsyncOpenAI/Python"),
        ("python-httpx/0.28.1", "python-httpx/0"),
        ("curl/8.5.0", "curl/8"),
        ("curl/9.0.0", "curl/9"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "Mozilla/5"),
        ("claude-cli/1.0.83 (external, cli)", "claude-cli/1"),
        ("node", "node"),
        ("", ""),
        ("   ", ""),
        ("x" * 300, "x" * 80),
    ],
)
def test_a_release_is_no_news(user_agent: str, name: str) -> None:
    """A program is its name and its main version."""
    assert program(user_agent) == name


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.20.3.77", "10.20.3.0/24"),
        ("2001:db8:1:2:3::9", "2001:db8:1::/48"),
        ("unix", "unix"),
        ("10.0.0.1:443", "10.0.0.1:443"),
    ],
)
def test_a_neighbour_is_no_news(address: str, name: str) -> None:
    """An address is its network."""
    assert network(address) == name


def calls(key: str, first: datetime, days: int, a_day: int = 12, **given: Any) -> list[Any]:
    known = {"api_key_hash": f"hash-{key}", "api_key_alias": key, "user_agent": "curl/8.5", "client_ip": "10.0.0.1"}
    step = DAY / a_day
    return [make_event(completed_at=first + number * step, **{**known, **given}) for number in range(days * a_day)]


def told(engine: Engine, now: datetime = NOW, **given: Any) -> list[AnomalyRow]:
    detect(engine, now, UTC_ZONE, Options(**given))
    return [each for each in anomalies(engine, merged=True) if each.kind == "novelty"]


def test_what_a_known_key_never_used_is_told(engine: Engine) -> None:
    """Its first call from elsewhere, with another program and another model: one entry each, once."""
    begin = NOW - 25 * DAY
    write_events(engine, calls("old", begin, 25))
    other = {"client_ip": "203.0.113.9", "user_agent": "sqlmap/1.2", "model": "opus", "cost_usd": 7}
    write_events(engine, calls("old", NOW - 3 * HOUR, 1, 1, **other))
    found = {each.second_dimension: each for each in told(engine)}
    assert {name: (each.second_member, each.state) for name, each in found.items()} == {
        "client_ip": ("203.0.113.0/24", "open"),
        "user_agent": ("sqlmap/1", "open"),
        "model": ("opus", "open"),
    }
    assert found["client_ip"].headline == (
        "Key “old” is called from the network “203.0.113.0/24” for the first time: "
        "1 request for $7.00 on 12 June from 06:00 to 07:00."
    )
    assert found["model"].headline.startswith("Key “old” uses model “opus” for the first time: 1 request for $7.00")
    write_events(engine, calls("old", NOW, 1, 2, **other))
    assert len(told(engine, NOW + DAY)) == 3


def test_a_cheap_new_model_is_put_aside(engine: Engine) -> None:
    """It is kept, and nobody is bothered."""
    write_events(engine, calls("old", NOW - 25 * DAY, 25))
    write_events(engine, calls("old", NOW - 3 * HOUR, 1, 1, model="mini"))
    assert [(each.second_member, each.state) for each in told(engine)] == [("mini", "too small")]


def test_who_is_new_or_seldom_is_still_finding_out(sqlite: Engine) -> None:
    """A key of ten days, one with few calls, and one that uses whatever there is."""
    write_events(sqlite, calls("young", NOW - 10 * DAY, 10))
    write_events(sqlite, calls("seldom", NOW - 25 * DAY, 25, 1))
    for number in range(6):
        write_events(sqlite, calls("roaming", NOW - 25 * DAY, 25, 4, client_ip=f"10.0.{number}.1"))
    for key in ("young", "seldom", "roaming"):
        write_events(sqlite, calls(key, NOW - 3 * HOUR, 1, 1, client_ip="203.0.113.9"))
    assert told(sqlite) == []


def test_addresses_are_not_looked_at_where_they_are_not_kept(sqlite: Engine) -> None:
    """Neither of old calls that still have one."""
    write_events(sqlite, calls("old", NOW - 25 * DAY, 25))
    write_events(sqlite, calls("old", NOW - 3 * HOUR, 1, 1, client_ip="203.0.113.9"))
    assert told(sqlite, addresses=False) == []
    assert len(told(sqlite, novelties=True)) == 0


def used(key: str, attribute: str, value: str, last: datetime, calls: int = 1) -> KnownUse:
    return KnownUse(
        api_key_hash=key, attribute=attribute, value=value, first_used_at=last, last_used_at=last, calls=calls
    )


def test_uses_take_the_place_of_what_is_kept_of_them(engine: Engine) -> None:
    """Many at once, as of a company's first run, in no more statements than it takes."""
    many = [used(f"k{number % 500}", "client_ip", f"10.{number % 7}.{number}.0/24", NOW) for number in range(20_000)]
    statements = list[str]()
    event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: statements.append(statement))
    with changing(engine) as connection:
        keep_uses(connection, many)
        keep_uses(connection, [used("k1", "client_ip", "10.1.1.0/24", NOW + HOUR, calls=7)])
    assert sum("known_use" in each for each in statements) <= 3
    found = {use.value: use for use in known_uses(engine, {"k1"})}
    assert len(found) == 40
    assert (found["10.1.1.0/24"].calls, found["10.1.1.0/24"].last_used_at) == (7, NOW + HOUR)


def test_uses_of_long_ago_are_forgotten_and_addresses_with_their_calls(engine: Engine) -> None:
    """A model of 400 days ago; a network that was seen last before the calls that are kept. Others stay."""
    uses = [
        used("k", "model", "older", NOW - 401 * DAY),
        used("k", "model", "old", NOW - 399 * DAY),
        used("k", "client_ip", "10.0.0.0/24", NOW - 91 * DAY),
        used("k", "client_ip", "10.0.1.0/24", NOW - 89 * DAY),
    ]
    with changing(engine) as connection:
        keep_uses(connection, uses)
    for days in (0, 90):
        tidy(JobContext(engine, Settings(retain_records_days=days), clock=lambda: NOW))
        kept = {use.value for use in known_uses(engine, {"k"})}
        assert kept == {"old", "10.0.1.0/24"} | ({"10.0.0.0/24"} if days == 0 else set())


def test_looking_by_the_day_tells_the_same(sqlite: Engine) -> None:
    """Whether the past was looked at as it came, or all at once."""
    write_events(sqlite, calls("old", NOW - 25 * DAY, 25))
    for days in range(20, 0, -4):
        detect(sqlite, NOW - days * DAY, UTC_ZONE, Options())
    write_events(sqlite, calls("old", NOW - 3 * HOUR, 1, 1, client_ip="203.0.113.9"))
    assert [each.second_member for each in told(sqlite)] == ["203.0.113.0/24"]
