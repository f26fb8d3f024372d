"""An ``.env`` file in, its values in an environment out: what is set there already wins."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

from dotenv import dotenv_values

from usage_plugin.errors import InputError

ENV_FILE = Path(".env")


def load_env_file(path: Path, environment: MutableMapping[str, str]) -> None:
    """Add what *path* holds to *environment*; what is set there already wins. A missing file adds nothing.

    Raises:
        InputError: The file is there but cannot be read.
    """
    if not path.is_file():
        return
    try:
        values = dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", "Correct or remove it") from None
    for name, value in values.items():
        if value is not None:
            environment.setdefault(name, value)
