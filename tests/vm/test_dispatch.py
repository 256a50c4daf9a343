"""Products and rows of a dense J on each kind of vector register: forced once each, they give the same bits, in one lane and
in many.

Every form is compiled and run in a process of its own, in which the compiler is told for which processor.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from llvmlite import binding

from bioasm.verifier.gate import verify
from bioasm.vm.jit.types import Array, int64, void
from bioasm.vm.kernels.feedback import scratch_of
from bioasm.vm.layout import Block
from bioasm.vm.machine import Machine
from tests.vm.native import native
from tests.vm.support import finish, program

pytestmark = pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other processors have one form")
SIZES = "1 7 9 40 131 385 393"
AVX2 = "+avx,+avx2,+fma,+bmi,+bmi2,+sse4.2,+popcnt"
AVX512 = f"{AVX2},+avx512f,+avx512bw,+avx512dq,+avx512vl"
FORMS = {  # BIOASM_CPU_NAME, BIOASM_CPU_FEATURES, and what the processor must have
    "plain": ("generic", "", ()),
    "AVX2": ("haswell", AVX2, ("avx2", "fma")),
    "AVX-512": ("skylake-avx512", AVX512, ("avx512f", "avx512bw", "avx512vl")),
    "AVX-512 VNNI": ("znver4", f"{AVX512},+avx512vnni", ("avx512vnni", "avx512bw")),
}
SCRIPT = """
import hashlib, sys
import numpy as np
from bioasm.vm.jit.entry import assembly
from bioasm.vm.jit.native import optimised
from bioasm.vm.jit.types import Array, boolean, float32, float64, int8, int16, int64, uint8, void
from bioasm.vm.kernels.int8_lanes import bytes_lanes_product
from bioasm.vm.kernels.int8_product import byte_product
from bioasm.vm.kernels.lanes_product import make_lanes_product
from bioasm.vm.kernels.narrow_spins import add_bits, add_bytes, flips_of
from bioasm.vm.kernels.product import make_one_lane, make_one_lane_symmetric
from bioasm.vm.kernels.slots import Ctx
from bioasm.vm.layout import LANE_SCRATCH, LIMB_COLUMNS, LIMBS, WIDE
from tests.vm.native import native

lanes_f8, lanes_f4 = make_lanes_product(float64, 8), make_lanes_product(float32, 4)
one_f8, half_f8, one_f4, half_f4 = (make(k) for k in ("f8", "f4") for make in (make_one_lane, make_one_lane_symmetric))

def forms(lanes_product, one_lane, symmetric):
    def many(j, s, y, scratch, n, mirrored):
        lanes_product(j.ctypes.data, s, y, scratch, n, mirrored)

    def one(j, tails, s, y, n, mirrored):
        if mirrored:
            symmetric(j.ctypes.data, s, y, n)
        else:
            one_lane(j.ctypes.data, tails.ctypes.data, s.ctypes.data, y.ctypes.data, n)

    return many, one

def bytes_of(ctx, s, y, scratch, n, wide):
    if wide:
        bytes_lanes_product(ctx, s, y, scratch, 0, n)
    else:
        byte_product(ctx, s, y, 0, n)

def of_narrow_fields(field, j, words, spin, limit, change, mask):
    rows = len(field) // 32
    add_bytes(field.ctypes.data, j.ctypes.data, rows, int16(change))
    add_bits(field.ctypes.data, words.ctypes.data, rows, int16(-change))
    for k in range(rows):
        mask[k] = flips_of(field[32 * k:].ctypes.data, spin[32 * k:].ctypes.data, limit[32 * k:].ctypes.data, int16(change))

F8, I2 = Array(float64), Array(int16)
forms_f8, forms_f4 = forms(lanes_f8, one_f8, half_f8), forms(lanes_f4, one_f4, half_f4)
many_types, bytes_types = void(F8, F8, F8, F8, int64, boolean), void(Array(int64), F8, F8, F8, int64, boolean)
if sys.argv[1:]:
    vectors = (F8, F8, F8, int64, boolean)
    many, one = ({8: native(f8, void(Array(float64), *more)), 4: native(f4, void(Array(float32), *more))}
                 for f8, f4, more in zip(forms_f8, forms_f4, (vectors, (F8, *vectors[:2], int64, boolean))))
    bytes_of_j = native(bytes_of, bytes_types)
    narrow = native(of_narrow_fields, void(I2, Array(int8), Array(uint8), I2, I2, int64, Array(int64)))

def narrow_spins(rows):
    for change in (2, -2):
        field, limit = (rng.integers(-3000, 3000, 32 * rows).astype(np.int16) for _ in range(2))
        spin, mask = rng.choice(np.array([-1, 1], np.int16), 32 * rows), np.zeros(rows, np.int64)
        j, bits = rng.integers(-128, 128, 32 * rows).astype(np.int8), rng.integers(0, 2, 32 * rows).astype(np.uint8)
        then = field + change * j.astype(int) - change * bits.astype(int)
        narrow(field, j, np.packbits(bits, bitorder="little"), spin, limit, change, mask)
        assert np.array_equal(field, then)
        assert np.array_equal(mask[:, None] >> np.arange(32) & 1, (spin * (then + change) < limit).reshape(rows, 32))
        yield mask

def of_floats(n, dtype):
    j = rng.normal(size=(n, n)).astype(dtype)
    for mirrored in (False, True):
        j = j + j.T if mirrored else j
        tails = np.zeros((n, 8))
        tails[:, : n % 8] = j[:, n - n % 8 :]
        s, y, scratch = rng.random((n, WIDE)), np.zeros((n, WIDE)), np.zeros(LANE_SCRATCH * WIDE)
        many[j.itemsize](j, s.ravel(), y.ravel(), scratch, n, mirrored)
        for lane in range(WIDE):
            alone = np.zeros(n)
            one[j.itemsize](j, tails, np.append(s[:, lane], np.zeros(16)), alone, n, mirrored)
            assert alone.tobytes() == y[:, lane].tobytes(), (n, dtype, mirrored, lane)
        yield y

def of_bytes(n):
    j = rng.integers(-128, 128, n * n + 64).astype(np.int8)
    s, y, scratch = rng.random((n, WIDE)), np.zeros((n, WIDE)), np.zeros(LANE_SCRATCH * WIDE)
    s[0, :3] = 1.0, 0.0, 2.0**-60
    columns = -(-n // LIMB_COLUMNS) * LIMB_COLUMNS
    limbs, last = np.zeros(LIMBS * columns * WIDE, np.int16), np.append(j[n * n - n : n * n], np.zeros(64, np.int8))
    ctx = np.zeros(len(Ctx), np.int64)
    ctx[Ctx.J_AT], ctx[Ctx.J_TAIL_AT], ctx[Ctx.LIMB_AT] = j.ctypes.data, last.ctypes.data, limbs.ctypes.data
    bytes_of_j(ctx, s.ravel(), y.ravel(), scratch, n, True)
    for lane in range(WIDE):
        alone = np.zeros(n)
        limbs[:] = 0
        bytes_of_j(ctx, s[:, lane].copy(), alone, scratch, n, False)
        assert alone.tobytes() == y[:, lane].tobytes(), (n, lane)
    assert np.abs(j[: n * n].reshape(n, n).astype(float) @ s - y).max() < 1e-9
    yield y

rng, found = np.random.default_rng(5), hashlib.sha256()
for n in map(int, sys.argv[1:]):
    for y in (*of_floats(n, np.float64), *of_floats(n, np.float32), *of_bytes(n), *narrow_spins(1 + n // 32)):
        found.update(y.tobytes())
print(found.hexdigest())
for function, types in ((forms_f8[0], many_types), (bytes_of, bytes_types)):
    module, machine = optimised(assembly(function, types))
    print(machine.emit_assembly(module))
"""


def has(names: tuple[str, ...]) -> bool:
    """Whether this processor can run a form."""
    features = binding.get_host_cpu_features()
    return all(features.get(name, False) for name in names)


@cache
def forced(form: str, sizes: str = SIZES) -> tuple[str, str]:
    """The digest of products of these sizes on a kind of register, and the assembly of those of many lanes."""
    name, features, _ = FORMS[form]
    told = os.environ | {"BIOASM_CPU_NAME": name, "BIOASM_CPU_FEATURES": features}
    done = subprocess.run([sys.executable, "-c", SCRIPT, *sizes.split()], env=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    digest, _, assembly = done.stdout.partition("\n")
    return digest, assembly


@pytest.mark.parametrize("form", [form for form, (_, _, needed) in FORMS.items() if needed and has(needed)])
def test_every_kind_of_register_gives_the_same_bits(form: str) -> None:
    assert forced(form)[0] == forced("plain")[0]


@pytest.mark.parametrize(("form", "what"), [("AVX2", ("vfmadd", "ymm", "vpmaddwd")), ("AVX-512 VNNI", ("zmm", "vpdpwssd"))])
def test_each_form_uses_what_its_processor_has(form: str, what: tuple[str, ...]) -> None:
    """Compiled for it, on any processor of the family; it need not be one that can run it."""
    assembly = forced(form, SIZES if has(FORMS[form][2]) else "")[1]
    assert all(word in assembly for word in what)
    assert not any(word in forced("plain")[1] for word in what)


def fill(ctx, lane0, width):
    scratch_of(ctx, lane0, width)[:] = 1.0 + lane0


def test_blocks_divide_the_scratch_array_and_each_has_what_the_largest_registers_need() -> None:
    filled = native(fill, void(Array(int64), int64, int64))
    """Sizes follow from BIOASM_CPU_FEATURES alone, so that any processor tells those of 512 bits."""
    rooms = "from bioasm.vm.kernels import int8_lanes, lanes_product; print(int8_lanes.SCRATCH, lanes_product.SCRATCH)"
    told = os.environ | {"BIOASM_CPU_NAME": "skylake-avx512", "BIOASM_CPU_FEATURES": AVX512}
    needed = subprocess.run([sys.executable, "-c", rooms], env=told, capture_output=True, text=True, check=True).stdout
    state = finish(Machine(verify(program("ALC 1\nLDJ [[0]]\nRUN 1 ms\n")), 3, 40)).model.state
    for block in state["BLOCK"]:
        filled(state.ctx, block[Block.LANE0], block[Block.WIDTH])
    scratch = state["PARTIAL"].reshape(state.blocks, -1)
    assert scratch.tolist() == np.broadcast_to(1.0 + state["BLOCK"][:, [Block.LANE0]], scratch.shape).tolist()
    assert scratch.shape[1] >= max(map(int, needed.split()))
