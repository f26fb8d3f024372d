"""Addresses in, nothing or one clear line out: whether a port can be listened on before anything starts."""

from __future__ import annotations

import errno
import socket

from usage_plugin.errors import InputError


def check_port(host: str, port: int, service: str, remedy: str) -> None:
    """Try to listen on an address for a moment.

    Args:
        host: Name or address.
        port: TCP port.
        service: Who wants it, for the message.
        remedy: How to choose another one.

    Raises:
        InputError: The port is taken, needs more rights, or the host is not of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        cause = (
            "is taken by another process" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        )
        raise InputError(f"port {port} on {host} for {service} {cause}", remedy) from None
