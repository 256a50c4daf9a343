"""The dynamics printed as C give the cpu driver's bytes: for every program, and for every shipped model of a population."""

from __future__ import annotations

import ctypes
import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.isa.program import DataBlock, Dense, Program
from bioasm.models import MODELS
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm import kernel_cache, kernel_runner
from bioasm.vm.codegen.operations import KERNELS
from bioasm.vm.emit import dynamics_file, emit_c
from bioasm.vm.kernel_runner import KernelRunner
from bioasm.vm.machine import Machine
from tests.vm.support import everything, finish
from tests.vm.test_delays import PORTS, VECTOR
from tests.vm.test_delays import program as delayed_program

PROGRAMS = Path(__file__).resolve().parents[2] / "programs"
COMPILER = shutil.which("gcc") or shutil.which("cc")
FLAGS = ["-std=c11", "-O2", "-ffp-contract=off"]
pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


def built(text: str, folder: Path, *more: str) -> Path:
    """The file that the compiler makes of a C file."""
    made = folder / hashlib.sha256(text.encode()).hexdigest()[:16]
    if not made.exists():
        source = made.with_suffix(".c")
        source.write_text(text)
        assert COMPILER is not None
        subprocess.run([COMPILER, *FLAGS, *more, str(source), "-o", str(made), "-lm"], check=True)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("c")


def in_c(folder: Path, this: Machine) -> Callable[..., Any]:
    """In place of the compiled dynamics those built from C; the loop around them and moves over lanes are the real ones."""

    def kernel(model: str, storage: str, variant: str, notice: Any = None) -> Any:
        if model not in ("ising", "network"):
            return kernel_cache.kernel(model, storage, variant, notice)
        library = ctypes.CDLL(str(built(dynamics_file(this), folder, "-shared", "-fPIC")))
        entry = kernel_cache.PROTOTYPE(ctypes.cast(library.bio_dynamics, ctypes.c_void_p).value)
        entry.library = library  # type: ignore[attr-defined]
        return entry

    return kernel


def assert_same(program: Program, lanes: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that a run leaves is the same bytes with C's dynamics."""
    verified = verify(program)
    expected = everything(finish(Machine(verified, 1, lanes)))
    this = Machine(verified, 1, lanes, kernels=KernelRunner(threads=1, notice=None, packs_spins=False))
    monkeypatch.setattr(kernel_runner, "kernel", in_c(folder, this))
    assert everything(finish(this)) == expected


LARGE = {  # lanes for which compiling, or computing without the machine's vectors, takes a minute
    "coba": (1, 8),
    "potjans_diesmann": (1, 8),
    **dict.fromkeys(("arbor_hh", "brainpy_network", "brunel", "cuba", "olive"), (8,)),
}


def _runs() -> Iterator[Any]:
    """Every program in one lane and in eight; those of LARGE among the long tests."""
    for path in sorted(PROGRAMS.glob("*.basm")):
        for lanes in (1, 8):
            marks = [pytest.mark.long] if lanes in LARGE.get(path.stem, ()) else []
            yield pytest.param(path, lanes, id=f"{path.stem}-{lanes}", marks=marks)


@pytest.mark.parametrize(("path", "lanes"), _runs())
def test_programs(path: Path, lanes: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = assemble(path.read_text(encoding="utf-8"), folder=PROGRAMS)
    if any(one.model.acts for one in verify(program).network.synapses()):
        with pytest.raises(BioasmError, match="B406"):  # states of connections are not printed as C
            emit_c(verify(program), 1, lanes, 50)
    else:
        assert_same(program, lanes, folder, monkeypatch)


@pytest.mark.parametrize("port", PORTS)
def test_delays_of_each_connection(port: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_same(assemble(delayed_program(port, VECTOR)), 3, folder, monkeypatch)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_models(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODELS[name]
    if model.kind in ("mechanism", "synapse"):
        pytest.skip("mechanisms and synapses run on populations; programs have them")
    length = "20 sweeps" if model.clock.symbol == "sweeps" else "5 ms"
    assert_same(assemble(f"POP a, {name}, 3\nRUN {length}\n"), 1, folder, monkeypatch)


LATE_WEIGHT = """
.model keeper {
 state:
  g = 0
 step:
  g := 0.5*g
 spike: g > 4
 reset:
  g := 0
 receive:
  weight : 1
  g += weight
}
POP a, relay, 3
POP b, keeper, 3
SYN s, a, b
SET s.delay, 0.3 ms
SET s.weight, 1
CON s, [[1, 0.25, 0], [0.5, 1, 3], [0, 2, 1]]
RATE a, 4000 Hz, 1
MOV r0, 0
again:
RUN 0.7 ms
ADD r0, r0, 0.5
SET s.weight, r0
JLT r0, 4, again
RUN 1 ms
RD b.g
"""


@pytest.mark.parametrize("lanes", [1, 7])
@pytest.mark.parametrize("dtype", ["i1", "f8"])
def test_a_large_symmetric_matrix(dtype: str, lanes: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read by half in a single lane, and bytes are multiplied in whole numbers."""
    j = np.random.default_rng(1).integers(-9, 10, (389, 389)).astype(dtype)
    text = assemble("ALC 389\nLDJ [0]\nSIG 8 mV\nREC I, 1 ms\nRUN 2.2 ms\n")
    assert_same(Program(text.instructions, data=(DataBlock(Dense(j + j.T)),)), lanes, folder, monkeypatch)


@pytest.mark.parametrize("lanes", [1, 7])
def test_a_weight_that_is_set_late(lanes: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A projection that adds up when its spikes arrive, also as a file of its own that is linked."""
    program = assemble(LATE_WEIGHT)
    text = emit_c(verify(program), 1, lanes, 50)
    assert " arrive(" in text.split("static void arrive(")[1]
    assert_same(program, lanes, folder, monkeypatch)
    made = built(text, folder)
    told = subprocess.run([str(made)], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "all arrays are as expected\n")


def test_every_function_that_a_step_calls_is_in_c() -> None:
    headers = Path(kernel_cache.__file__).parent / "codegen" / "c"
    text = "\n".join(path.read_text() for path in headers.glob("*.h"))
    assert [name for name in KERNELS if not re.search(rf"^[^\n;]*\*? ?\b{name}\([^;]*?\) \{{", text, re.MULTILINE)] == []


@pytest.mark.parametrize("name", ["lif_twin", "hopfield", "coincidence", "own_hh"])
def test_the_test_vector_is_met(name: str, folder: Path) -> None:
    program = assemble((PROGRAMS / f"{name}.basm").read_text(encoding="utf-8"), folder=PROGRAMS)
    made = built(emit_c(verify(program), 1, 1, 50), folder)
    told = subprocess.run([str(made)], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "all arrays are as expected\n")


def test_a_wrong_constant_is_found(folder: Path) -> None:
    program = assemble((PROGRAMS / "own_hh.basm").read_text(encoding="utf-8"), folder=PROGRAMS)
    text = emit_c(verify(program), 1, 1, 50)
    wrong = text.replace("0.16666666666666666", "0.1666666666")  # 1/3! of the exponential's polynomial
    assert wrong != text
    assert subprocess.run([str(built(wrong, folder))], capture_output=True, check=False).returncode == 1


def test_own_fma_is_exact(folder: Path) -> None:
    headers = Path(kernel_cache.__file__).parent / "codegen" / "c"
    text = "\n".join((headers / name).read_text() for name in ("plain.h", "base.h", "fma.h"))
    own = text.replace("#if defined(FP_FAST_FMA)", "#if 0 && defined(FP_FAST_FMA)")
    assert own != text
    assert subprocess.run([str(built(own + FMA_TEST, folder))], check=False).returncode == 0


FMA_TEST = """
#include <math.h>
static uint64_t seed = 88172645463325252u;
static uint64_t next(void) { seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17; return seed; }
static double near_1(void) { return bio_number((next() & 0x800fffffffffffffu) | (900 + next() % 240) << 52); }
int main(void) {
    for (int at = 0; at < 300000; at++) {
        double x = near_1(), y = near_1(), z = -x * y;
        switch (at % 6) {
        case 0: x = bio_number(next()), y = bio_number(next()), z = bio_number(next()); break;
        case 1: break;
        case 2: z = bio_number(bio_bits(z) + next() % 5 - 2); break;
        case 3: z *= bio_number((uint64_t)(903 + next() % 240) << 52); break;
        case 4: x *= 0x1p-500, y *= 0x1p-520, z *= 0x1p-1010, z = bio_number(bio_bits(z) + next() % 5 - 2); break;
        default: x *= 0x1p-500, y *= 0x1p-570, z = bio_number(next() & 0x801fffffffffffffu);
        }
        const double found = bio_fma(x, y, z), expected = fma(x, y, z);
        if (bio_bits(found) != bio_bits(expected) && !(found != found && expected != expected)) return 1;
    }
    return 0;
}
"""
