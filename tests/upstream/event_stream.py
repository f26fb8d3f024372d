"""An event's name and JSON in; one binary frame of AWS's event stream out.

Source: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html
"""

from __future__ import annotations

import json
import struct
import zlib

from tests.upstream.wire import Json

_STRING = 7


def frame(event: str, payload: Json) -> bytes:
    """Pack lengths, headers, payload and both checksums."""
    names = {":event-type": event, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(_header(name, value) for name, value in names.items())
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    sized = struct.pack(">BH", _STRING, len(value))
    return bytes([len(name)]) + name.encode() + sized + value.encode()
