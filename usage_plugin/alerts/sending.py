"""A message and its channel in, the message delivered out, or in words why not: never with an address or a secret."""

from __future__ import annotations

import http.client
import json
import logging
import re
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import unquote

from usage_plugin import __version__
from usage_plugin.alerts.finding import Severity
from usage_plugin.alerts.routing import Channel
from usage_plugin.alerts.words import Kind
from usage_plugin.store.alerts import MOST_ERROR
from usage_plugin.store.analysis_tables import AlertMessage

TIMEOUT_S: Final = 10.0
NOT_INSTALLED: Final = "Apprise is not installed: pip install 'litellm-usage-plugin[alerts]' for the worker"
UNKNOWN_URL: Final = "Apprise does not understand the channel's URL: see https://appriseit.com for how it is written"
_IS_WEB: Final = ("http://", "https://")
# What is shorter names no secret: ports, schemes, "from".
_SHORTEST_SECRET: Final = 5
_OK: Final = range(200, 300)


class NotSent(Exception):  # noqa: N818 - says a state
    """A message was not taken; says why without address and secret."""


def send(channel: Channel, message: AlertMessage) -> None:
    """Deliver a message.

    Raises:
        NotSent: It was not taken.
    """
    try:
        if channel.webhook is not None:
            _post(channel.webhook, channel.headers, message)
        elif channel.url is not None:
            _by_url(channel.url, channel, message)
    except NotSent as error:
        raise NotSent(without_secrets(str(error), channel.secrets)) from None
    except Exception as error:  # noqa: BLE001 - what a channel's code raises is that channel's failure
        said = without_secrets(f"{type(error).__name__}: {error}", channel.secrets)
        raise NotSent(said) from None


def without_secrets(text: str, secrets: tuple[str, ...]) -> str:
    """Blank what is a part of a secret, and make one line of it.

    Args:
        text: Of an error.
        secrets: Addresses and header values: each part of them that is not very short is blanked.
    """
    parts = {part for secret in secrets for whole in (secret, unquote(secret)) for part in re.split(r"[^\w.-]+", whole)}
    for part in sorted((*secrets, *parts), key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET:
            text = re.sub(re.escape(part), "***", text, flags=re.IGNORECASE)
    return " ".join(text.split())[:MOST_ERROR]


def _by_url(url: str, channel: Channel, message: AlertMessage) -> None:
    is_web = url.startswith(_IS_WEB)
    try:
        import apprise  # noqa: PLC0415 - an extra
    except ImportError:
        if not is_web:
            raise NotSent(NOT_INSTALLED) from None
        return _post(url, channel.headers, message)
    with _EAR.listening() as said:
        # Of web addresses it knows those of Slack, Teams and others; all else takes our own body.
        target = apprise.Apprise.instantiate(url, asset=_asset(apprise), suppress_exceptions=True)
        if target is None and is_web:
            return _post(url, channel.headers, message)
        if target is None:
            raise NotSent(UNKNOWN_URL)
        one = apprise.Apprise(asset=_asset(apprise))
        one.add(target)
        # As text: what callers name themselves must not become a link or a picture in a mail.
        text, kind = apprise.NotifyFormat.TEXT, _type(apprise, message)
        if not one.notify(body=message.body, title=message.title, notify_type=kind, body_format=text):
            raise NotSent(said[-1] if said else "the channel did not take it and did not say why")
    return None


def _asset(apprise: Any) -> Any:
    return apprise.AppriseAsset(app_id="litellm-usage-plugin", app_desc="LiteLLM usage", secure_logging=True)


def _type(apprise: Any, message: AlertMessage) -> Any:
    """Say how a message is to look: most channels give it a colour."""
    if message.kind == Kind.RESOLVED:
        return apprise.NotifyType.SUCCESS
    severities = {Severity(each["severity"]) for each in json.loads(message.payload).get("alerts", ())}
    if Severity.CRITICAL in severities:
        return apprise.NotifyType.FAILURE
    return apprise.NotifyType.WARNING if Severity.WARNING in severities else apprise.NotifyType.INFO


class _Ear(logging.Filter):
    """Takes in what Apprise says while a message is sent, and lets none of it go on to a log: it may quote a URL."""

    def __init__(self) -> None:
        super().__init__()
        self._here = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep what matters, by thread."""
        if record.levelno >= logging.WARNING:
            getattr(self._here, "said", []).append(record.getMessage())
        return False

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        """Give what is said in this thread."""
        self._here.said = said = list[str]()
        yield said


_EAR: Final = _Ear()
logging.getLogger("apprise").addFilter(_EAR)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Whoever sends us elsewhere has not taken the message, and must not get others its headers."""

    def redirect_request(self, *_of: Any) -> None:
        """Do not follow."""


_OPENER: Final = urllib.request.build_opener(_NoRedirect)


def _post(url: str, headers: Mapping[str, str], message: AlertMessage) -> None:
    """Post the body of a webhook."""
    body = json.dumps({"message_id": message.id, **json.loads(message.payload)}).encode()
    given = {"Content-Type": "application/json", "User-Agent": f"litellm-usage-plugin/{__version__}", **headers}
    request = urllib.request.Request(url, body, given, method="POST")  # noqa: S310 - http or https, as checked
    try:
        with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
            if answer.status not in _OK:
                raise NotSent(f"it answered {answer.status}")
    except urllib.error.HTTPError as error:
        raise NotSent(f"it answered {error.code} {error.reason}") from None
    except (urllib.error.URLError, OSError, http.client.HTTPException, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error
        raise NotSent(f"it cannot be reached: {reason}") from None
