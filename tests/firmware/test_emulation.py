"""What users are told of a firmware image that can't be started, says nothing, or ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bioasm.diagnostics import EXIT_DEVICE, EXIT_USAGE, BioasmError
from bioasm.firmware.emulation import HERE, MACHINES, QEMU, FirmwareBoard, FirmwareTransport, open_firmware
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.errors import LinkLost
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.session import SILENCE

ENDS = f"""#!{sys.executable}
import os, sys, time
ours, theirs = os.openpty()
print(os.ttyname(theirs), flush=True)
time.sleep(1)
print("out of luck\\nR00=0")
sys.exit(7)
"""


def script(folder: Path, text: str) -> Path:
    path = folder / "image"
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_what_an_image_said_at_its_end_is_told(tmp_path: Path) -> None:
    with HostLink(open_firmware(f"{HERE}?image={script(tmp_path, ENDS)}")) as link, pytest.raises(LinkLost) as lost:
        link.connect(10.0)
    assert lost.value.exit_code == EXIT_DEVICE
    assert str(lost.value).endswith("the firmware's process ended: out of luck")


def test_emulate_ends_with_exit_code_3_where_its_image_does(tmp_path: Path) -> None:
    words = ["emulate", "--firmware", HERE, "--image", str(script(tmp_path, ENDS))]
    done = subprocess.run([sys.executable, "-m", "bioasm", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == EXIT_DEVICE
    assert "error[B530]: the firmware's process ended: out of luck\n" in done.stderr


def test_ctrl_c_of_a_terminal_does_not_reach_the_image(tmp_path: Path) -> None:
    """It goes to the group of processes that was started there; what the run has made by then is still to be fetched."""
    with FirmwareBoard(HERE, script(tmp_path, ENDS)) as board:
        assert os.getpgid(board.process.pid) == board.process.pid


def test_an_image_that_is_killed_is_told_with_its_signal(tmp_path: Path) -> None:
    with FirmwareBoard(HERE, script(tmp_path, ENDS)) as board:
        assert board.why_ended() is None
        os.kill(board.process.pid, signal.SIGKILL)
        board.process.wait()
        assert board.why_ended() == "the firmware's process ended by signal 9"
    assert board.why_ended() is None  # it was closed


def test_an_image_that_tells_no_port(tmp_path: Path) -> None:
    with pytest.raises(BioasmError, match="told no port: hello") as caught:
        FirmwareBoard(HERE, script(tmp_path, "#!/bin/sh\necho hello\n"))
    assert caught.value.exit_code == EXIT_DEVICE


def test_an_image_that_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, "hello").chmod(0o644)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BioasmError, match="Permission denied") as caught:
        FirmwareBoard(HERE, Path("image"))
    assert caught.value.exit_code == EXIT_DEVICE
    with pytest.raises(BioasmError, match="there is no firmware image") as missing:
        FirmwareBoard(HERE, Path("other"))
    assert missing.value.exit_code == EXIT_USAGE


def test_qemu_that_is_missing_is_told_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BioasmError, match=f"{QEMU} is not installed") as caught:
        FirmwareBoard("qemu:m7", script(tmp_path, ""))
    assert caught.value.exit_code == EXIT_DEVICE


@pytest.mark.parametrize("kind", [HERE, *(pytest.param(kind, marks=pytest.mark.long) for kind in MACHINES)])
def test_a_board_that_a_busy_computer_holds_up_keeps_its_session(kind: str, image: Callable[[str], Path]) -> None:
    """What the host says meanwhile waits to be read, and its clock went on."""
    wire = open_firmware(f"{kind}?image={image(kind.partition(':')[2])}")
    assert isinstance(wire, FirmwareTransport)
    with HostLink(wire) as link:
        link.connect()
        os.kill(wire._board.process.pid, signal.SIGSTOP)
        time.sleep(SILENCE + 0.5)
        os.kill(wire._board.process.pid, signal.SIGCONT)
        link.request(m.Subscribe(0))
        assert link.statistics.strangers == 0
