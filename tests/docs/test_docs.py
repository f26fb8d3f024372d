"""The documentation names every setting, command, column and make target, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from usage_plugin.cli import app
from usage_plugin.settings import ENV_PREFIX, Settings
from usage_plugin.store.tables import TABLES, VIEWS, table_of

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_every_setting_is_documented() -> None:
    """Each setting has a row with its environment name, and no row is left over."""
    documented = set(re.findall(rf"^\| `({ENV_PREFIX}\w+)` \|", read("docs/configuration.md"), re.MULTILINE))
    assert documented == {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}


def test_every_setting_has_its_default_in_the_docs() -> None:
    """A default that changes in the code changes in the docs."""
    page = read("docs/configuration.md")
    for name, field in Settings.model_fields.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{ENV_PREFIX}{name.upper()}`"))
        shown = row.split("|")[3].strip().strip("`")
        if field.default_factory is None and field.default not in ("", None):
            assert shown == str(field.default).replace("True", "true").replace("False", "false"), name


def test_every_setting_says_why_it_is_there() -> None:
    """A setting without a description is a setting nobody can set."""
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("name", "table"), [*VIEWS.items(), *((table_of(table).name, table) for table in TABLES)], ids=str
)
def test_every_column_is_documented(name: str, table: type) -> None:
    """Each column has a row in its table's section, with a unit and a meaning, in the table's order."""
    section = read("docs/tables.md").split(f"## `{name}`\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    assert {row[0] for row in rows} == {column.name for column in table_of(table).columns}
    assert len(rows) == len(table_of(table).columns)


def test_every_command_is_documented() -> None:
    """Each command of the command line is in the list, and the list has no other."""
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert set(re.findall(r"^\| `usage-plugin (\w+)`", read("docs/commands.md"), re.MULTILINE)) == commands


def test_every_make_target_is_documented() -> None:
    """The targets that `make help` shows are the ones in the docs."""
    targets = set(re.findall(r"^([a-z]+):.*##", read("Makefile"), re.MULTILINE)) - {"help"}
    assert targets <= set(re.findall(r"`make (\w+)", read("docs/commands.md")))


@pytest.mark.parametrize(
    "document", [*sorted(path.name for path in DOCS.glob("*.md")), "../README.md", "../CONTRIBUTING.md"]
)
def test_links_lead_somewhere(document: str) -> None:
    """No page links to a file or a heading that is not there."""
    path = (DOCS / document).resolve()
    for target in re.findall(r"\]\(([^)#\s]+)?(?:#[\w-]+)?\)", path.read_text(encoding="utf-8")):
        if target and not target.startswith("http"):
            assert (path.parent / target).exists(), f"{document} links to {target}"


def test_the_config_line_in_the_docs_is_the_one_that_works() -> None:
    """README, quickstart and the shipped config name the callback alike."""
    for path in ("README.md", "docs/quickstart.md", "docs/configuration.md", "litellm_config.yaml"):
        assert 'callbacks: ["usage_plugin.proxy_handler_instance"]' in read(path), path
