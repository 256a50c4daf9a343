"""What goes wrong with a device is told with its code and exit code: no device, too little memory, one that is lost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers.gpu.device import DeviceError
from bioasm.drivers.gpu.driver import GpuDriver
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify
from tests.command import bioasm
from tests.gpu.support import TWIN, device, needs_device


def twin() -> Verified:
    return verify(assemble(TWIN))


@pytest.mark.parametrize("word", ["cuda", "cuda:x", "opencl:", "gpu:0", ""])
def test_a_word_that_names_no_device(word: str, tmp_path: Path) -> None:
    path = tmp_path / "twin.basm"
    path.write_text(TWIN)
    told = bioasm("run", path, "--driver", "gpu", "--driver-option", f"device={word}")
    assert (told.code, "B406" in told.stderr) == (2, True)


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.drivers.gpu.choice.find_spec", lambda name: None)
    with pytest.raises(BioasmError, match=r"B503.*pyopencl"):
        GpuDriver("opencl:no device is called this").run(twin())


@needs_device
def test_no_device_of_this_name(tmp_path: Path) -> None:
    path = tmp_path / "twin.basm"
    path.write_text(TWIN)
    told = bioasm("run", path, "--driver", "gpu", "--driver-option", "device=opencl:nothing is called this")
    assert told.code == 3
    assert "B504" in told.stderr and device().name.removeprefix("opencl:") in told.stderr


@needs_device
def test_too_little_memory_is_told_before_anything_is_allocated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device(), "largest", 1000)
    monkeypatch.setattr(device(), "allocate", None)
    with pytest.raises(BioasmError, match="B403"):
        GpuDriver("opencl:p").run(twin())


@needs_device
def test_a_slow_device_is_stopped_after_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = device()
    launch = mine.launch

    def slow(kernels: Any, name: str, items: int, memory: Any, *more: int) -> None:
        launch(kernels, name, items, memory, *more)
        time.sleep(0.1 if name == "go_on" else 0.0)

    monkeypatch.setattr(mine, "launch", slow)
    result = GpuDriver("opencl:p").run(twin(), RunOptions(seed=1, lanes=3), lambda progress: progress.steps == 0)
    assert result.status == "interrupted"
    assert 0 < result.steps < 100  # of 300, which one slice would do


@needs_device
def test_a_lost_device_leaves_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, calls = device(), list[str]()
    launch = mine.launch

    def failing(kernels: Any, name: str, items: int, memory: Any, *more: int) -> None:
        calls.append(name)
        if name == "go_on" and calls.count("refresh") > 1:  # in the second RUN, after RD energy
            raise DeviceError("it was unplugged")
        launch(kernels, name, items, memory, *more)

    monkeypatch.setattr(mine, "launch", failing)
    driver = GpuDriver("opencl:p")
    with pytest.raises(BioasmError, match=r"B504.*unplugged") as lost:
        driver.run(twin(), RunOptions(seed=1, lanes=3))
    assert lost.value.exit_code == 3
    assert lost.value.partial is not None and lost.value.partial.status == "failed"
    assert lost.value.partial.recordings["v"].values.shape[1] == 40
    assert mine.lost and device() is not mine
