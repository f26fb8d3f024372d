"""Real receivers of messages: a web server and a mail server of one's own, each of which can be away for a while."""

from __future__ import annotations

import email
import email.policy
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.upstream.process import free_port


@dataclass(slots=True)
class Webhook:
    """A web server that keeps what it is posted."""

    port: int = field(default_factory=free_port)
    status: int = 200
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    refused: int = 0
    location: str | None = None
    """Where it sends who posts, with a status for that."""
    _server: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self) -> None:
        webhook = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if webhook.status == 200:
                    webhook.bodies.append(body)
                    webhook.headers.append(dict(self.headers.items()))
                else:
                    webhook.refused += 1
                self.send_response(webhook.status)
                if webhook.location is not None:
                    self.send_header("Location", webhook.location)
                self.end_headers()

            def do_GET(self) -> None:
                webhook.headers.append(dict(self.headers.items()))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Answer)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(slots=True)
class Mailbox:
    """A mail server that keeps what it is given."""

    port: int = field(default_factory=free_port)
    mails: list[EmailMessage] = field(default_factory=list)
    options: str = "&format=text"
    _controller: Any = None

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=usage@example.com&to=ops@example.com{self.options}"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        return "250 OK"

    def start(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop(no_assert=True)


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Give a web server that runs."""
    receiver = Webhook()
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Give a mail server that runs."""
    receiver = Mailbox()
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()


def text_of(mail: EmailMessage) -> str:
    """Give the text of a mail, its lines put together."""
    part = mail.get_body(("plain", "html"))
    assert part is not None
    return " ".join(str(part.get_content()).split())
