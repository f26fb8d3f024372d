"""Imports point one way, and each concern has one place."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for package in ("usage_plugin", "dashboard") for path in (ROOT / package).rglob("*.py"))

# What a room may not import, and why.
FORBIDDEN = {
    "usage_plugin/analysis": ({"sqlalchemy", "sqlmodel", "litellm", "dash", "usage_plugin.store"}, "arrays only"),
    "usage_plugin/store": ({"litellm", "dash", "usage_plugin.capture", "usage_plugin.hold"}, "knows no caller"),
    "usage_plugin/hold": ({"litellm", "dash", "usage_plugin.capture"}, "knows events, not LiteLLM"),
    "usage_plugin/capture": ({"sqlalchemy", "sqlmodel", "dash", "usage_plugin.store"}, "knows no database"),
    "usage_plugin/history": ({"litellm", "dash", "usage_plugin.hold"}, "a log in, events out, as the capture does"),
    "usage_plugin/gate": (
        {"litellm", "sqlalchemy", "sqlmodel", "usage_plugin.store", "usage_plugin.hold", "usage_plugin.capture"},
        "asked before each call: no database, no LiteLLM",
    ),
    "usage_plugin/budgets": ({"litellm", "dash", "usage_plugin.capture", "usage_plugin.hold"}, "asks the store"),
    "usage_plugin/outlook": ({"litellm", "dash", "usage_plugin.capture", "usage_plugin.hold"}, "asks the store"),
    "usage_plugin/event.py": ({"litellm", "sqlalchemy", "sqlmodel", "usage_plugin.store"}, "the type in the middle"),
    "dashboard": ({"litellm", "usage_plugin.capture"}, "LiteLLM's import takes seconds and 180 MB"),
    "dashboard/figures": ({"dash", "sqlalchemy", "usage_plugin.store", "dashboard.queries"}, "frame in, figure out"),
    "dashboard/components": ({"sqlalchemy", "dashboard.pages"}, "values in, components out"),
    "dashboard/pages": ({"sqlalchemy"}, "asks queries"),
}
SQL_ROOMS = ("usage_plugin/store", "usage_plugin/doctor", "usage_plugin/hold")
ENVIRONMENT_ROOMS = ("usage_plugin/settings.py", "usage_plugin/up", "usage_plugin/cli")


def imports(path: Path) -> Iterator[str]:
    """Name every module that a file imports, inside functions too; type-only imports are no imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def attributes_of_os(path: Path) -> Iterator[str]:
    """Name what a file takes from the module os."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            yield node.attr


def inside(path: Path, room: str) -> bool:
    return path.relative_to(ROOT).as_posix().startswith(room)


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_does_not_look_into_another(room: str) -> None:
    """Each room imports only what its place in a call's way needs."""
    banned, reason = FORBIDDEN[room]
    files = [path for path in SOURCES if inside(path, room)]
    assert files, f"no such room: {room}"
    broken = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imports(path)
        if any(name == module or name.startswith(f"{module}.") for module in banned)
    }
    assert not broken, f"{room}: {reason}"


def test_one_file_subclasses_litellms_logger() -> None:
    """An upgrade of LiteLLM that moves a hook touches one file."""
    users = {path.name for path in SOURCES if any("custom_logger" in name for name in imports(path))}
    assert users == {"handler.py"}


def test_sql_lives_in_the_store() -> None:
    """Outside the store only doctor and the writer may even hold an engine."""
    users = {path for path in SOURCES if any(name.startswith(("sqlalchemy", "sqlmodel")) for name in imports(path))}
    allowed = {path for path in users if any(inside(path, room) for room in SQL_ROOMS)}
    # Everybody else may name the Engine type and parse a URL, not write SQL.
    for path in users - allowed:
        names = {name for name in imports(path) if name.startswith(("sqlalchemy", "sqlmodel"))}
        harmless = ("sqlalchemy.engine", "sqlalchemy.Engine", "sqlalchemy.exc")
        assert all(name == "sqlalchemy" or name.startswith(harmless) for name in names), path


def test_one_file_reads_the_environment() -> None:
    """Settings come from settings.py; only what starts other processes touches their environment."""
    readers = {path for path in SOURCES if {"environ", "getenv"} & set(attributes_of_os(path))}
    assert {path for path in readers if not any(inside(path, room) for room in ENVIRONMENT_ROOMS)} == set()


@pytest.mark.parametrize("module", ["usage_plugin", "dashboard.app", "usage_plugin.cli"])
def test_importing_us_does_not_import_litellm(module: str) -> None:
    """The dashboard and the command line start without LiteLLM's seconds."""
    program = f"import sys, {module}; sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_every_module_says_what_comes_in_and_what_goes_out() -> None:
    """Each file's first line is a sentence about it; a package without code needs none."""
    silent = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path.read_text(encoding="utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_front_pages_list_their_contents() -> None:
    """What a package says it exports is there."""
    for path in (path for path in SOURCES if path.name == "__init__.py"):
        name = ".".join(path.parent.relative_to(ROOT).parts)
        package = importlib.import_module(name)
        for exported in getattr(package, "__all__", ()):
            assert hasattr(package, exported), f"{name}.{exported}"
