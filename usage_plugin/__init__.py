"""The front page: what a LiteLLM config or an SDK program names, resolved lazily so that the import stays light.

LiteLLM's own import takes seconds; the dashboard and most tests import this package without it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usage_plugin.capture.handler import UsageHandler
    from usage_plugin.capture.instances import sdk_handler

    proxy_handler_instance: UsageHandler

__all__ = ["__version__", "proxy_handler_instance", "sdk_handler"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Resolve the handlers on first use: one module object, one handler a process."""
    if name == "proxy_handler_instance":
        from usage_plugin.capture.instances import proxy_handler  # noqa: PLC0415

        return proxy_handler()
    if name == "sdk_handler":
        from usage_plugin.capture.instances import sdk_handler  # noqa: PLC0415

        return sdk_handler
    msg = f"module 'usage_plugin' has no attribute {name!r}; it offers {', '.join(__all__)}"
    raise AttributeError(msg)
