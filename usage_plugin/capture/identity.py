"""What is the same in all reports of one request in, its key of fixed length out.

The provider's response id is neither unique nor stable nor short, and a client may reuse LiteLLM's call id; the call id
together with the start, the outcome and the deployment is equal for twins and replays only.
"""

from __future__ import annotations

import hashlib


def event_key(*parts: object) -> str:
    """Hash the parts to 32 hexadecimal digits; ``None`` differs from an empty text."""
    identity = "\x1f".join(map(repr, parts)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(identity, digest_size=16).hexdigest()
