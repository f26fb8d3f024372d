from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command that has to succeed, without the developer's own settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("USAGE_", "PYTHON"))}
    ran = subprocess.run(command, cwd=cwd, env=clean | environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel that users install."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, cwd=REPOSITORY)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it into an environment of its own, which sees the dependencies but not the checkout; gives its folder."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", python)
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=home)
    site_packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip()
    # A .pth file adds one folder, not that folder's own .pth files: the editable checkout stays out of sight.
    (Path(site_packages) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home


def test_the_wheel_holds_all_that_is_not_python_too(wheel: Path) -> None:
    """Migrations, the pages' assets, the marks of typed packages, the licence; and nothing of the tests."""
    names = set(zipfile.ZipFile(wheel).namelist())
    for package in ("usage_plugin", "dashboard"):
        shipped = {
            path.relative_to(REPOSITORY).as_posix()
            for path in (REPOSITORY / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert shipped <= names, shipped - names
    assert {"usage_plugin/py.typed", "dashboard/py.typed"} <= names
    assert any(name.startswith("usage_plugin/store/migrations/versions/") for name in names)
    assert any(name.startswith("dashboard/assets/") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests") for name in names)


def test_the_installed_command_makes_the_tables_from_any_folder(installed: Path, tmp_path: Path) -> None:
    """Nothing of it needs the checkout."""
    out = run(installed / "bin" / "usage-plugin", "migrate", cwd=tmp_path, USAGE_DATA_DIR=str(tmp_path / "data"))
    assert "is now at schema" in out
    assert (tmp_path / "data" / "usage.db").exists()


def test_the_installed_packages_are_the_wheels_own(installed: Path, tmp_path: Path) -> None:
    """The callback that a config names and the dashboard are imported from the wheel."""
    code = "import usage_plugin, dashboard.app; print(usage_plugin.__file__); print(dashboard.app.__file__)"
    out = run(installed / "bin" / "python", "-c", code, cwd=tmp_path)
    assert all(Path(line).is_relative_to(installed.resolve()) for line in out.split())


def test_the_installed_callback_is_one_that_litellm_can_load(installed: Path, tmp_path: Path) -> None:
    """By the name that the documentation gives for the config."""
    code = (
        "from litellm.proxy.types_utils.utils import get_instance_fn\n"
        "import usage_plugin\n"
        "loaded = get_instance_fn('usage_plugin.proxy_handler_instance', config_file_path='litellm_config.yaml')\n"
        "assert loaded is usage_plugin.proxy_handler_instance\n"
        "print(type(loaded).__module__)\n"
    )
    environment = {"USAGE_DATA_DIR": str(tmp_path / "data"), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    out = run(installed / "bin" / "python", "-c", code, cwd=tmp_path, **environment)
    assert out.strip().startswith("usage_plugin.")
