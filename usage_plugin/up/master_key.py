"""A LiteLLM config's idea of its master key in, the key out: generated once, never a fixed default."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from usage_plugin.errors import InputError
from usage_plugin.proxy_config import FROM_ENVIRONMENT, MASTER_KEY_VARIABLE


def resolve_master_key(written: str | None, environment: Mapping[str, str], env_file: Path) -> tuple[str, str]:
    """Say which key opens the proxy, and make one where none is set yet.

    Args:
        written: ``general_settings.master_key`` of the config: a key, ``os.environ/NAME`` or nothing.
        environment: With the contents of *env_file*.
        env_file: Where a generated key is kept, readable by its owner only.

    Returns:
        The environment variable that has to hold the key, and the key. ``("", key)`` for a key in the config itself.

    Raises:
        InputError: A key is needed and *env_file* cannot be written.
    """
    if written is not None and not written.startswith(FROM_ENVIRONMENT):
        return "", written
    name = written.removeprefix(FROM_ENVIRONMENT) if written else MASTER_KEY_VARIABLE
    return name, environment.get(name) or _generate(name, env_file)


def _generate(name: str, env_file: Path) -> str:
    key = f"sk-{secrets.token_urlsafe(24)}"
    try:
        before = env_file.read_bytes() if env_file.exists() else b""
        separator = b"" if not before or before.endswith(b"\n") else b"\n"
        with os.fdopen(os.open(env_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
            file.write(separator + f"{name}={key}\n".encode())
    except OSError as error:
        problem = f"a master key for the proxy cannot be kept in {env_file}: {error.strerror}"
        raise InputError(problem, f"Make the folder writable or set {name}") from None
    return key
