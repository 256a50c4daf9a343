"""The path of README's `Start`: a wheel in an empty environment, and from there to a first picture."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PARTS = ("bioasm", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
COMMANDS = ("examples maxcut_karate -o .", "run maxcut_karate.basm --seed 1 --lanes 20 -o karate.npz", "plot karate.npz")
PATIENCE = 300  # seconds for all, of which kernels take most on a busy machine


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel of the package, made in a copy of its sources."""
    source = tmp_path / "source"
    source.mkdir()
    for name in PARTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source))
    return next(tmp_path.glob("*.whl"))


def pip(*args: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *args], check=True)


@pytest.mark.long
def test_from_a_wheel_to_a_picture_in_four_commands(wheel: Path, tmp_path: Path) -> None:
    """What the wheel needs is lent by the environment of the tests; the wheel itself has to bring all that is BioASM's."""
    empty, work = tmp_path / "empty", tmp_path / "work"
    work.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(empty)], check=True)
    started = time.monotonic()
    pip("--python", str(empty / "bin" / "python"), "install", "--quiet", "--no-deps", str(wheel))
    lent = empty / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages" / "lent.pth"
    lent.write_text(sysconfig.get_path("purelib") + "\n")
    home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for command in COMMANDS:
        subprocess.run([str(empty / "bin" / "bioasm"), *command.split()], cwd=work, env=home, check=True)
    assert time.monotonic() - started < PATIENCE
    assert (work / "karate.svg").read_text().startswith("<svg")
    made = [str(empty / "bin" / "python"), "-c", "import bioasm; print(bioasm.__file__)"]
    where = subprocess.run(made, cwd=work, env=home, check=True, capture_output=True, text=True).stdout
    assert Path(where.strip()).is_relative_to(empty)


def test_readme_says_the_same_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert all(f"    bioasm {command}" in text for command in COMMANDS)
