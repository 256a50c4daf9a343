"""Products of a dense J on the registers that the environment tells: a digest, then the assembly of those of many lanes.

`tests/vm/test_dispatch.py` runs it in a process for each kind of register.
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np

from bioasm.isa.program import Dense
from bioasm.runtime.energy import Couplings
from bioasm.runtime.single import rounded, single_product
from bioasm.vm.couplings import prepare_for_feedback
from bioasm.vm.jit.entry import assembly
from bioasm.vm.jit.native import optimised
from bioasm.vm.jit.types import Array, boolean, float32, float64, int8, int16, int64, uint8, void
from bioasm.vm.kernels.int8_lanes import bytes_lanes_product
from bioasm.vm.kernels.int8_product import byte_product
from bioasm.vm.kernels.lanes_product import make_lanes_product
from bioasm.vm.kernels.narrow_spins import add_bits, add_bytes, flips_of
from bioasm.vm.kernels.product import make_one_lane, make_one_lane_symmetric
from bioasm.vm.kernels.single_product import make_single
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


singles = make_single("f4")


def single_of(ctx, s, y, scratch, n, width):
    singles(ctx, s, y, scratch, n, width, 0)


def of_narrow_fields(field, j, words, spin, limit, change, mask):
    rows = len(field) // 32
    add_bytes(field.ctypes.data, j.ctypes.data, rows, int16(change))
    add_bits(field.ctypes.data, words.ctypes.data, rows, int16(-change))
    for k in range(rows):
        mask[k] = flips_of(field[32 * k :].ctypes.data, spin[32 * k :].ctypes.data, limit[32 * k :].ctypes.data, int16(change))


F8, I2 = Array(float64), Array(int16)
forms_f8, forms_f4 = forms(lanes_f8, one_f8, half_f8), forms(lanes_f4, one_f4, half_f4)
many_types, bytes_types = void(F8, F8, F8, F8, int64, boolean), void(Array(int64), F8, F8, F8, int64, boolean)
if sys.argv[1:]:
    vectors = (F8, F8, F8, int64, boolean)
    many, one = (
        {8: native(f8, void(Array(float64), *vectors)), 4: native(f4, void(Array(float32), *vectors))}
        for f8, f4 in zip(forms_f8, forms_f4, strict=True)
    )
    bytes_of_j = native(bytes_of, bytes_types)
    single = native(single_of, void(Array(int64), F8, F8, F8, int64, int64))
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


def of_singles(n):
    raw = rng.normal(size=(n, n))
    for j in (raw, raw + raw.T):
        ready = prepare_for_feedback(n, Couplings(j=Dense(j), single=True))
        s, y, scratch = rng.random((n, WIDE)), np.zeros((n, WIDE)), np.zeros(LANE_SCRATCH * WIDE)
        ctx, room = np.zeros(len(Ctx), np.int64), np.zeros(2 * WIDE * len(ready.values), np.float32)
        ctx[[Ctx.J_AT, Ctx.J_TAIL_AT, Ctx.SINGLE_AT]] = [one.ctypes.data for one in (ready.values, ready.tails, room)]
        ctx[[Ctx.J_STRIDE, Ctx.SYMMETRIC]] = ready.stride, ready.symmetric
        single(ctx, s.ravel(), y.ravel(), scratch, n, WIDE)
        alone, room[:] = np.zeros(n), 0.0
        single(ctx, s[:, 3].copy(), alone, scratch, n, 1)
        assert y.tobytes() == np.ascontiguousarray(single_product(rounded(j), s.T).T).tobytes(), n
        assert alone.tobytes() == y[:, 3].tobytes(), n
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
    for y in (*of_floats(n, np.float64), *of_floats(n, np.float32), *of_singles(n), *of_bytes(n), *narrow_spins(1 + n // 32)):
        found.update(y.tobytes())
print(found.hexdigest())
for function, types in ((forms_f8[0], many_types), (bytes_of, bytes_types)):
    module, machine = optimised(assembly(function, types)[1])
    print(machine.emit_assembly(module))
