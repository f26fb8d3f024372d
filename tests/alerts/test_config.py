"""The alerts file: secrets from the environment, and errors that name the place and show nothing of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest

from usage_plugin.alerts import Routing, Severity, routing_of
from usage_plugin.alerts.routing import QuietHours
from usage_plugin.errors import InputError
from usage_plugin.settings import Settings

SECRET = "slack://T0AB/CD99/xyzzy12"
FULL = """
group_for: 10s
remind_after: {critical: 1h, warning: 2d}
quiet_hours: 22:00-07:00
digest: {info: day, warning: hour}
digest_at: 08:30
give_up_after: 6h
channels:
  ops: {url: os.environ/OPS_URL}
  pager:
    webhook: https://pager.example/hook
    headers: {Authorization: os.environ/PAGER_TOKEN}
    quiet_hours: none
    digest: {}
routes:
  - channels: ops
  - {channels: [ops, pager], severity: critical, source: [rule, budget],
     dimension: team, member: search, owner: [ana, ben]}
"""


def read(folder: Path, text: str, **environment: str) -> Routing:
    path = folder / "alerts.yaml"
    path.write_text(text)
    return routing_of(Settings(alerts_file=path), environment)


def test_everything_can_be_said(tmp_path: Path) -> None:
    """What a channel says itself wins over what is said for all."""
    routing = read(tmp_path, FULL, OPS_URL=SECRET, PAGER_TOKEN="Bearer t0ken")
    ops, pager = routing.channels["ops"], routing.channels["pager"]
    night = QuietHours(time(22), time(7))
    assert (ops.url, ops.quiet_hours, ops.digest) == (SECRET, night, {Severity.INFO: "day", Severity.WARNING: "hour"})
    assert (pager.webhook, pager.quiet_hours, pager.digest) == ("https://pager.example/hook", None, {})
    assert pager.headers == {"Authorization": "Bearer t0ken"}
    assert (routing.group_for, routing.give_up_after) == (timedelta(seconds=10), timedelta(hours=6))
    assert routing.remind_after == {Severity.CRITICAL: timedelta(hours=1), Severity.WARNING: timedelta(days=2)}
    assert routing.digest_at == time(8, 30)
    everything, narrow = routing.routes
    assert (everything.channels, everything.severity, everything.source) == (("ops",), Severity.INFO, ())
    assert (narrow.dimension, narrow.member, narrow.owner) == (("team",), ("search",), ("ana", "ben"))


def test_the_documented_example_works(tmp_path: Path) -> None:
    """As it stands, with its secrets set."""
    page = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    routing = read(tmp_path, example, OPS_SLACK_URL=SECRET, PAGERDUTY_URL="pagerduty://a@b", AUDIT_TOKEN="Bearer t0ken")
    assert list(routing.channels) == ["ops", "pager", "search-team", "audit"]
    assert routing.channels["pager"].quiet_hours is None
    assert len(routing.routes) == 4
    defaults = read(tmp_path, "channels: {}")
    assert replace(routing, channels={}, routes=()) == defaults


def test_urls_alone_are_enough() -> None:
    """Named by their kinds, separated by spaces or commas; without any, nobody is told."""
    urls = (
        "mailto://a:b@example.com?to=c@example.com,d@example.com, slack://a/b/c https://x.example/1 https://x.example/2"
    )
    routing = routing_of(Settings(alert_urls=urls), {})
    assert list(routing.channels) == ["mailto", "slack", "webhook", "webhook-2"]
    assert routing.channels["mailto"].url == "mailto://a:b@example.com?to=c@example.com,d@example.com"
    assert routing.channels["webhook-2"].url == "https://x.example/2"
    assert routing_of(Settings(), {}).channels == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("channels: {ops: {url: os.environ/OPS_URL}}", "os.environ/OPS_URL, which is not set. Set OPS_URL"),
        ("channels: {ops: {}}", "the channel ops needs either url"),
        ("channels: {ops: {webhook: ftp://x}}", "the webhook of the channel ops"),
        ("channels: {ops: {uri: x}}", "channels.ops.uri in the alerts file"),
        ("channels: {}\nroutes: [{channels: [ops]}]", "a route names the channel 'ops'"),
        ("channels: {}\nroutes: [{channels: [], severity: bad}]", "routes.0.severity"),
        ("channels: {}\ngroup_for: soon", "group_for in the alerts file"),
        ("channels: {}\nquiet_hours: 22-7", "quiet_hours in the alerts file"),
        ("channels: {}\ndigest: {info: week}", "digest.info in the alerts file"),
        ("channels: [", "is not YAML: line"),
        ("", "the file in the alerts file"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """And with what to do about it."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)


def test_a_mistake_shows_no_secret(tmp_path: Path) -> None:
    """Neither the message nor what it was raised from."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, f"channels: {{ops: {{url: ['{SECRET}']}}}}")
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert SECRET not in repr(Settings(alert_urls=SECRET))
    assert SECRET not in repr(routing_of(Settings(alert_urls=SECRET), {}))


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """With the setting that named it."""
    with pytest.raises(InputError, match="USAGE_ALERTS_FILE"):
        routing_of(Settings(alerts_file=tmp_path / "none.yaml"), {})
