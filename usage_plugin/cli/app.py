"""Arguments in, an exit code out: 0 done, 1 something is wrong, 2 used wrongly; errors are one line."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

import usage_plugin
from usage_plugin.cli import (
    alerts,
    backup,
    budgets,
    demo,
    detect,
    doctor,
    forecast,
    history,
    migrate,
    prune,
    up,
    verify,
    worker,
)
from usage_plugin.errors import UsagePluginError

TRACEBACK_VARIABLE = "USAGE_TRACEBACK"

app = typer.Typer(
    name="usage-plugin",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (up, migrate, doctor, demo, history, worker, detect, budgets, forecast, alerts, verify, prune, backup):
    app.command(module.NAME, epilog=f"Example:\n\n\b\n{module.EXAMPLE}")(module.command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"usage-plugin {usage_plugin.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Record every LiteLLM call once, and show where the money goes.

    Settings come from the environment (USAGE_...), from .env in this folder and from the LiteLLM config.
    """


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and give its exit code; errors go to stderr as one line."""
    try:
        code: int = app(arguments or ["--help"], standalone_mode=False, prog_name="usage-plugin") or 0
    except TyperException as error:
        return _fail(_with_hint(error, arguments), error.exit_code)
    except UsagePluginError as error:
        return _fail(str(error), 1)
    except (KeyboardInterrupt, Abort):
        return _fail("stopped before the end", 1)
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        return _fail(f"unexpected {type(error).__name__}: {error}. Set {TRACEBACK_VARIABLE}=1 to see where", 1)
    return code if arguments else 2


def _with_hint(error: TyperException, arguments: list[str]) -> str:
    names = [argument for argument in arguments[:1] if not argument.startswith("-")]
    known = {command.name for command in app.registered_commands}
    command = " ".join(["usage-plugin", *(name for name in names if name in known)])
    return f"{error.format_message().rstrip('.')}. See: {command} --help"


def _fail(message: str, code: int) -> int:
    typer.echo(f"usage-plugin: {' '.join(message.split())}", err=True)
    return code
