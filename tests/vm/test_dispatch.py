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


def has(names: tuple[str, ...]) -> bool:
    """Whether this processor can run a form."""
    features = binding.get_host_cpu_features()
    return all(features.get(name, False) for name in names)


@cache
def forced(form: str, sizes: str = SIZES) -> tuple[str, str]:
    """The digest of products of these sizes on a kind of register, and the assembly of those of many lanes."""
    name, features, _ = FORMS[form]
    told = os.environ | {"BIOASM_CPU_NAME": name, "BIOASM_CPU_FEATURES": features}
    done = subprocess.run([sys.executable, "-m", "tests.vm.dispatch", *sizes.split()], env=told, capture_output=True, text=True)
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
