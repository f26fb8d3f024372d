"""A PostgreSQL on a socket in; a TCP port before it that speaks TLS, or says that it does not, out.

The PostgreSQL of the tests' wheel is built without TLS, so TLS ends here, as it does at a pooler.
"""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TLS_REQUEST = bytes((0, 0, 0, 8, 4, 210, 22, 47))


@contextmanager
def front(server_socket: Path, tls: ssl.SSLContext | None) -> Iterator[int]:
    """Listen on a port of 127.0.0.1, and hand on each connection.

    Args:
        server_socket: Of PostgreSQL.
        tls: The port's certificate; without one it refuses TLS.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, server_socket, tls), daemon=True).start()
        yield listener.getsockname()[1]


def certificate(folder: Path, host: str) -> ssl.SSLContext:
    """Make a certificate that vouches for itself, for a server to show; clients trust the file of the host's name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, key_file = folder / f"{host}.pem", folder / f"{host}.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return context


def _accept(listener: socket.socket, server_socket: Path, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, server_socket, tls), daemon=True).start()


def _serve(client: socket.socket, server_socket: Path, tls: ssl.SSLContext | None) -> None:
    with ExitStack() as stack, suppress(OSError):
        stack.enter_context(client)
        first = client.recv(len(TLS_REQUEST), socket.MSG_WAITALL)
        if first == TLS_REQUEST:
            client.sendall(b"S" if tls else b"N")
            first = b""
            client = stack.enter_context(tls.wrap_socket(client, server_side=True)) if tls else client
        server = stack.enter_context(socket.socket(socket.AF_UNIX))
        server.connect(str(server_socket))
        server.sendall(first)
        back = threading.Thread(target=_pump, args=(server, client), daemon=True)
        back.start()
        _pump(client, server)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(65_536):
            target.sendall(received)
        target.shutdown(socket.SHUT_WR)
