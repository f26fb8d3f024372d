"""The ``usage-plugin`` command: a thin shell around the packages that do the work."""

from usage_plugin.cli.app import app, main

__all__ = ["app", "main"]
