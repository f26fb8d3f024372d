"""``usage-plugin up``: a LiteLLM config in, a running proxy, dashboard and worker out, until Ctrl-C."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from usage_plugin.cli.context import load_with_config
from usage_plugin.env_file import ENV_FILE

NAME = "up"
EXAMPLE = "usage-plugin up --config litellm_config.yaml --proxy-port 4001"
_PORT = {"min": 1, "max": 65535}


def command(
    config: Annotated[
        Path | None, typer.Option(help="LiteLLM config to start.", show_default="litellm_config.yaml")
    ] = None,
    proxy_port: Annotated[int | None, typer.Option(**_PORT, help="Port of the proxy.", show_default="4000")] = None,
    dashboard_port: Annotated[
        int | None, typer.Option(**_PORT, help="Port of the dashboard.", show_default="8050")
    ] = None,
) -> None:
    """Migrate the database and run the LiteLLM proxy, the dashboard and the worker until Ctrl-C.

    Usage is written by the proxy itself; the worker adds it up. A master key for the proxy is generated into .env
    at the first start.
    """
    from usage_plugin.up import make_plan, run

    settings, proxy_config = load_with_config(config, proxy_port=proxy_port, dashboard_port=dashboard_port)
    run(make_plan(settings, proxy_config, os.environ, ENV_FILE), typer.echo)
