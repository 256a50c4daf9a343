"""The handler of SIGBUS after a signal that is not its own: what was there before gets it, and the handler stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the handler of SIGBUS is for Linux")

SCRIPT = """
import ctypes, mmap, os, signal, sys
from bioasm.sigbus import install
heard = []
if sys.argv[1] != "ignored":
    signal.signal(signal.SIGBUS, lambda *_: heard.append(1))
else:
    signal.signal(signal.SIGBUS, signal.SIG_IGN)
with open("x", "wb") as file:
    file.write(b"a" * 8192)
with open("x", "r+b") as file:
    mapped = mmap.mmap(file.fileno(), 8192)
start = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
install(lambda address: start + 8192 if start <= address < start + 8192 else 0)
for _ in range(3):
    os.kill(os.getpid(), signal.SIGBUS)
os.truncate("x", 0)
print(mapped[5000], len(heard))
"""


@pytest.mark.parametrize(("before", "heard"), [("function", 3), ("ignored", 0)])
def test_the_handler_stays_after_signals_that_others_sent(before: str, heard: int, tmp_path: Path) -> None:
    told = subprocess.run([sys.executable, "-c", SCRIPT, before], cwd=tmp_path, capture_output=True, text=True)
    assert (told.returncode, told.stdout, told.stderr) == (0, f"0 {heard}\n", "")


def test_without_another_handler_the_signal_ends_the_process(tmp_path: Path) -> None:
    script = SCRIPT.replace("heard = []", "heard = []; sys.argv[1] = 'none'").replace(
        "signal.signal(signal.SIGBUS, lambda *_: heard.append(1))", "pass"
    )
    told = subprocess.run([sys.executable, "-c", script, "none"], cwd=tmp_path, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (-signal.SIGBUS, "")
