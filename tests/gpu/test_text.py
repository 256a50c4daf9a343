"""The text for devices: NVRTC makes machine code of it where its package is installed, which needs no GPU."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers.gpu.device import Device, DeviceError
from bioasm.drivers.gpu.runner import DeviceRunner
from bioasm.isa.program import Program
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm.codegen import c_file
from bioasm.vm.codegen.c_file import CUDA, OPENCL, Dialect
from bioasm.vm.machine import Machine
from tests.gpu.support import TWIN
from tests.gpu.test_equal import NAMES, program
from tests.vm.random_networks import random_program
from tests.vm.support import finish

HEADERS = sorted(Path(c_file.__file__).with_name("c").glob("*.h"))
nvrtc = pytest.mark.skipif(
    find_spec("cuda") is None or find_spec("cuda.core") is None or find_spec("nvidia") is None,
    reason="NVRTC is not installed (pip install 'bioasm[gpu-cuda]')",
)


class Press(Device):
    """A device with any number of work items that keeps the text it is given and fails when it is to run it."""

    name, memory, largest, items, packages, text = "press", 1 << 40, 1 << 40, 1 << 18, (), ""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__()
        self.dialect = dialect

    def allocate(self, size: int) -> None:
        pass

    def write(self, memory: Any, at: int, array: Any) -> None:
        pass

    def read(self, memory: Any, at: int, array: Any) -> None:
        raise DeviceError("it only prints")

    def build(self, text: str) -> None:
        self.text = text

    def launch(self, kernels: Any, name: str, items: int, memory: Any, *more: int) -> None:
        raise DeviceError("it only prints")


def text_of(program: Program, lanes: int, dialect: Dialect = CUDA) -> str:
    """The text that a device runs first."""
    press = Press(dialect)
    with pytest.raises(BioasmError, match="only prints"):
        finish(Machine(verify(program), 1, lanes, kernels=DeviceRunner(press, None)))
    return press.text


def compiled(text: str, arch: str) -> bytes:
    from bioasm.drivers.gpu.cuda import compiled

    return bytes(compiled(text, arch).code)


@nvrtc
def test_nvrtc_compiles_the_twin() -> None:
    assert compiled(text_of(assemble(TWIN), 17), "sm_90")[:4] == b"\x7fELF"


@nvrtc
@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_nvrtc_compiles_every_program(name: str) -> None:
    text = text_of(program(name), 16)
    assert [compiled(text, arch)[:4] for arch in ("sm_80", "sm_90")] == [b"\x7fELF", b"\x7fELF"]


@nvrtc
@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_nvrtc_compiles_random_networks(seed: int) -> None:
    text = text_of(assemble(random_program(seed)), 1)
    assert [compiled(text, arch)[:4] for arch in ("sm_80", "sm_90")] == [b"\x7fELF", b"\x7fELF"]


PRIVATE = {
    "bio_tree",
    "part",
    "bio_logistics",
    "bio_exponentials",
    "threefry",
    "bio_horner_single",
    "bio_normals",
    "exponent",
    "bio_spread",
}


@pytest.mark.parametrize("path", [p for p in HEADERS if p.stem not in ("plain", "entry")], ids=lambda path: path.stem)
def test_pointers_into_memory_say_so(path: Path) -> None:
    """OpenCL C tells memory of the device from a work item's own."""
    kinds = "int64_t|double|FIELD|float|u?int8_t|u?int16_t|u?int32_t|char"
    found = [
        line for line in path.read_text().splitlines() if re.search(rf"(?<!GLOBAL )(?<!GLOBAL const )\b({kinds}) \*\w", line)
    ]
    assert [line for line in found if not PRIVATE & set(re.findall(r"\w+", line))] == []


def test_dialects_differ_in_their_first_lines_alone() -> None:
    one, other = (text_of(assemble(TWIN), 17, dialect) for dialect in (CUDA, OPENCL))
    last = "#define LANES 16"
    assert one.partition(last)[2] == other.partition(last)[2] != ""
