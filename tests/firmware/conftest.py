"""The firmware built once for all tests of a session."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bioasm.hardware.link.channel import Channel
from bioasm.hardware.link.host import REPLY_WITHIN
from bioasm.hardware.link.serial_port import SerialTransport
from tests.firmware.boards import PATIENCE, missing, running
from tests.firmware.lines import BoardLine

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all"
MODELS = "lif hh_brainpy nir_li"
IMAGES = {"host": "board", "m7": "m7.elf", "m4": "m4.elf"}


def make(folder: Path, target: str, **variables: str) -> Path:
    """Build a target of the firmware's Makefile in a folder; the file that was made."""
    if shutil.which("gcc") is None or shutil.which("make") is None:
        pytest.skip("there is no C compiler")
    given = {"PYTHON": sys.executable, "BUILD": str(folder), "SANITIZE": SANITIZE, "MODELS": MODELS, **variables}
    words = ["make", "-s", "-C", str(FIRMWARE), str(folder / target), *(f"{name}={value}" for name, value in given.items())]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    return folder / target


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts wait longer than users would for a board that a busy computer emulates."""
    monkeypatch.setattr(SerialTransport, "slowness", PATIENCE / REPLY_WITHIN)


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that everything is built in."""
    return tmp_path_factory.mktemp("firmware")


@pytest.fixture(scope="session")
def machine(builds: Path) -> Path:
    """The machine of the firmware as a program of this computer, under AddressSanitizer and UBSan."""
    return make(builds, "run")


@pytest.fixture(scope="session")
def image(builds: Path) -> Callable[[str], Path]:
    """The image for a kind of board, built when it is first asked for."""

    def built(kind: str) -> Path:
        lack = missing(kind)
        if lack is not None:
            pytest.skip(lack)
        return make(builds, IMAGES[kind])

    return built


@pytest.fixture(params=["host", "m7", pytest.param("m4", marks=pytest.mark.long)])
def port(request: pytest.FixtureRequest, image: Callable[[str], Path]) -> Iterator[str]:
    """The port of a board that has just started, of each kind."""
    with running(request.param, image(request.param)) as name:
        yield name


@pytest.fixture
def lines(port: str) -> Iterator[Callable[..., BoardLine]]:
    """What makes the line to a board that has just started; tests/link has it for lines in virtual time."""
    made: list[BoardLine] = []

    def line(to_board: Channel | None = None, to_host: Channel | None = None) -> BoardLine:
        made.append(BoardLine(port, to_board, to_host))
        return made[-1]

    yield line
    for one in made:
        one.close()
