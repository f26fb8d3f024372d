"""A request's ``Host`` in, an answer that refuses it out where it is nobody's name for this dashboard.

A page of another site can give its own name the address of this machine ("DNS rebinding"), and then read a dashboard
that has no login as if it were its own. Its requests still carry its name.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.sansio.utils import host_is_trusted

from usage_plugin.settings import Settings

ANY: Final = "*"
# Browsers ask no name server for these.
HERE: Final = ("localhost", ".localhost")
LONGEST_SHOWN: Final = 100
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def refuse_strangers(server: Flask, settings: Settings) -> None:
    """Answer 400 to requests by a name that this dashboard does not have.

    Args:
        server: Of the dashboard.
        settings: Say where it listens, and by which other names it may be asked.
    """

    def check() -> Response | None:
        host = request.headers.get("Host", "")
        return None if is_known(host, settings) else _refusal(host)

    server.before_request(check)


def is_known(host: str, settings: Settings) -> bool:
    """Say whether a ``Host`` header is this dashboard's.

    Its names are those of this machine, the one it listens on, and those that are allowed. An address needs no name
    server and so cannot be bent: any is good where the dashboard listens on more than this machine's own.

    Args:
        host: Of the request, with or without a port.
        settings: Of the dashboard.
    """
    if not host or ANY in settings.allowed_hosts:
        return True
    address, bound = _address(host), _address(settings.dashboard_host)
    if address is not None:
        is_local = bound.is_loopback if bound is not None else settings.dashboard_host in HERE
        return address.is_loopback or not is_local or str(address) in settings.allowed_hosts
    names = (*HERE, socket.gethostname().lower(), settings.dashboard_host.lower(), *settings.allowed_hosts)
    return host_is_trusted(host.lower(), [name for name in names if name and _address(name) is None])


def _address(host: str) -> Address | None:
    """Read an address, with or without a port, in brackets or not; ``None`` where it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.ip_address(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return None


def _refusal(host: str) -> Response:
    shown = host[:LONGEST_SHOWN]
    text = (
        f"This dashboard is not known as {shown!r}.\n"
        "If that is a name of yours, as of a reverse proxy, put it into USAGE_DASHBOARD_ALLOWED_HOSTS and start the "
        "dashboard again. Else a page of another site has tried to read it.\n"
    )
    return Response(text, 400, mimetype="text/plain")
