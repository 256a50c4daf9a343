"""Packed spins give the bits of spins that are swept lane by lane: random problems, schedules, cuts, threads and lanes."""

from __future__ import annotations

import hashlib
import itertools
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from bioasm.binary.writer import program_hash
from bioasm.isa.program import Sparse
from bioasm.runtime.energy import Couplings
from bioasm.runtime.random import log, open_unit
from bioasm.vm.checkpoint import load_checkpoint, save_checkpoint
from bioasm.vm.ising_state import Spins
from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import Array, float64, int64, uint8
from bioasm.vm.kernel_cache import kernel
from bioasm.vm.kernel_runner import KernelRunner
from bioasm.vm.kernels.packed_chances import set_chances
from bioasm.vm.kernels.packed_spins import make_packed
from bioasm.vm.kernels.packed_vectors import CHANCES
from bioasm.vm.layout import PACK_BLOCKS, PACK_REACH, Ctx, Real
from bioasm.vm.machine import Machine
from bioasm.vm.state import State
from tests.vm.native import native
from tests.vm.support import everything, finish, machine, program, run, sparse, vector
from tests.vm.test_dispatch import FORMS, has

LANES = (6, 16, 53, 64, 70)  # a part of a block, one, four of which one is not full, four, and two packs


def couplings(rng: np.random.Generator, n: int, largest: int) -> np.ndarray:
    """Symmetric whole numbers, of a degree that differs."""
    upper = np.where(rng.random((n, n)) < rng.choice([0.05, 0.12]), rng.integers(-largest, largest + 1, (n, n)), 0)
    return np.triu(upper, 1) + np.triu(upper, 1).T


def text(seed: int) -> str:
    """A problem and what is done with it: temperatures from 0 to far above all fields, some of them by lane, and clamps."""
    rng = np.random.default_rng(seed)
    n, largest = int(rng.integers(33, 70)), int(rng.choice([1, 1, 3, 7]))
    rule = rng.choice(["glauber", "metropolis"])
    lines = [f"MODEL ising\nSET rule, {rule}\nALC {n}\nLDJ {sparse(couplings(rng, n, largest) / 2, True)}"]
    if rng.random() < 0.5:
        lines.append(f"LDH {vector(rng.integers(-2, 3, n) / 2)}")
    for _ in range(5):
        lines.append(f"SIG {rng.choice([0, 0.2, 0.7, 1, 2, 3, 9, 1e4, 1e12])}\nRUN {rng.integers(1, 9)}")
        lines.append(rng.choice(["", "", "REC s", "CLAMP [1, 7], [1, -1]", "FREE", "RST", "RUN 1\nRUN 1", "RD energy"]))
        lines[-1] = "" if lines[-1] in lines[:-1] else lines[-1]
    return "\n".join([*lines, "RUN 30\n"])


def whole_program(seed: int, lanes: int) -> str:
    """Couplings up to the limit of a field, any temperature, and between runs whatever reads or changes spins."""
    rng = np.random.default_rng(seed)
    n, unit = int(rng.integers(33, 60)), float(rng.choice([1.0, 0.5, 2.0**100, 2.0**-40]))
    own = rng.random() < 0.3
    lines = [f'.const T = "{unit * rng.choice([0.2, 1.0, 40.0]):g} * (1 + lane)"'] if own else []
    lines.append(
        f"MODEL ising\nSET rule, {rng.choice(['glauber', 'metropolis'])}\nALC {n}\nLDJ {up_to_the_limit(rng, n, unit)}"
    )
    if rng.random() < 0.3:
        lines.append(f"LDO {rng.normal():.3f}")
    for _ in range(int(rng.integers(4, 9))):
        level = rng.choice([0.0, 1e-300, 0.3, 1.0, 2.5, 9.0, 70.0, 1e4, 1e12, 1e30])
        lines.append("SIG T" if own and rng.random() < 0.7 else f"SIG {level if level in (1e-300, 1e30) else level * unit:g}")
        lines.append(f"RUN {rng.integers(1, 12)}")
        lines.append(str(rng.choice(moves(rng, n, lanes, unit))))
    lines = [line for k, line in enumerate(lines) if not (line.startswith("REC") and line in lines[:k])]
    return "\n".join([*lines, "RUN 20", "RD state", "RD best_state", "RD energy\n"])


def up_to_the_limit(rng: np.random.Generator, n: int, unit: float) -> str:
    """A sparse J of whole units with a diagonal, whose largest field is that of packed spins, or less."""
    j = couplings(rng, n, int(rng.choice([1, 2, 9, 60])))
    while np.abs(j).sum(axis=1).max() > PACK_REACH - 4:
        row, column = np.argwhere(np.abs(j) == np.abs(j).max())[0]
        j[row, column] = j[column, row] = int(j[row, column] / 2)
    row, column = rng.choice(n, 2, replace=False)
    if rng.random() < 0.3:
        j[[row, column]], j[:, [row, column]] = 0, 0
        j[row, column] = j[column, row] = rng.choice([-1, 1]) * (PACK_REACH - rng.integers(2, 6))
    return sparse(j * unit + np.diag(rng.integers(0, 2, n) * unit), True)


def moves(rng: np.random.Generator, n: int, lanes: int, unit: float) -> list[str]:
    """Instructions, of which one stands between two runs."""
    spins = vector(rng.choice([-1, 1], n))
    few = sorted(rng.choice(n, 3, replace=False).tolist())
    plan = list(rng.permutation(n)[:12].tolist())
    return [
        f"CLAMP {few}, {vector(rng.choice([-1, 1], 3))}",
        "FREE",
        "RST",
        f"LDS {spins}",
        f"LDH {vector(rng.integers(-2, 3, n) * unit)}",
        f"LDJ {up_to_the_limit(rng, n, unit)}",
        f"LDJ {sparse(rng.integers(90, 99) * unit * np.eye(n, k=1), True)}\nRUN 2\nLDJ {up_to_the_limit(rng, n, unit)}",
        f"LDJ {sparse(couplings(rng, n, 90) * unit, True)}",  # too large for packed spins
        f"MERGE\nMERGE {rng.integers(lanes)}",
        f"CXCH 0\nCXCH 1\nCXCH {rng.integers(2)}, whole",
        f"COPY {rng.integers(1, lanes)}",
        f"BLK {plan}",
        f"REC s, 2\nRUN {rng.integers(1, 5)}",
        "RUN 1\nGET r1, energy\nOUT r1\nRUN 1\nGET r2, best_energy\nOUT r2",
        f"PEEK r3, s, {rng.integers(n)}\nOUT r3",
        "RD energy\nRD s",
    ]


def unpacked(source: str, lanes: int, seed: int) -> Machine:
    return machine(source, seed, lanes, kernels=KernelRunner(threads=1, notice=None, packs_spins=False))


@pytest.mark.parametrize("seed", range(12))
def test_packed_spins_have_the_bits_of_others(seed: int) -> None:
    lanes = LANES[seed % len(LANES)]
    source = text(seed)
    this, other = finish(machine(source, seed, lanes)), finish(unpacked(source, lanes, seed))
    assert (this.model.variant, other.model.variant) == ("packed", "whole")
    assert everything(this) == everything(other)


@pytest.mark.parametrize("seed", [*range(20), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(20, 200))])
def test_programs_leave_the_same_bytes_packed_or_not(seed: int) -> None:
    """In slices of different lengths, too, and on one thread or two."""
    rng = np.random.default_rng(1000 + seed)
    lanes = int(rng.choice([*LANES, rng.integers(5, 131)]))
    source = whole_program(seed, lanes)
    budgets = (int(budget) for budget in itertools.repeat(rng.integers(1, 60)))
    this = finish(machine(source, seed, lanes, threads=1 + seed % 2), budgets)
    assert everything(this) == everything(finish(unpacked(source, lanes, seed)))


@pytest.mark.parametrize(("threads", "budget"), [(1, 1), (1, 7), (2, 5), (3, 1000), (5, 1000)])
def test_cuts_and_threads_do_not_matter(threads: int, budget: int) -> None:
    source = text(3)
    this = finish(machine(source, 3, 70, threads=threads), itertools.repeat(budget))
    assert this.state.ctx[Ctx.PACK] == min(PACK_BLOCKS, -(-5 // threads))
    assert everything(this) == everything(finish(unpacked(source, 70, 3)))


SIZES = [
    *((f"0 1 {weight} | 2 3 1", "3") for weight in (-126, -65, -64, 64, 65, 126)),  # twice these are beyond a byte
    *(("0 1 1 | 2 3 1", hot) for hot in ("1e25", "1e30")),
    (f"0 1 {2.0**100:.17g}", "0"),
]


@pytest.mark.parametrize("rule", ["glauber", "metropolis"])
@pytest.mark.parametrize(("entries", "t"), SIZES)
def test_largest_couplings_and_temperatures_of_every_size(entries: str, t: str, rule: str) -> None:
    source = f"MODEL ising\nSET rule, {rule}\nALC 40\nLDJ sparse(40) {{ {entries} }}\nSIG {t}\nRUN 3000\n"
    this, other = finish(machine(source, 1, 64)), finish(unpacked(source, 64, 1))
    assert (this.model.variant, other.model.variant) == ("packed", "whole")
    assert everything(this) == everything(other)


@pytest.mark.parametrize("packed", [(True, False), (False, True)])
def test_a_checkpoint_of_packed_spins_goes_on_with_others(packed: tuple[bool, bool], tmp_path: Path) -> None:
    """Their fields are not there; energies made anew would have other last digits, by a diagonal that is not exact."""
    diagonal = " | ".join(f"{i} {i} 0.1" for i in range(36))
    entries = f"{diagonal} | 0 1 1 | 1 0 1 | 1 2 -2 | 2 1 -2"
    source = f"MODEL ising\nALC 36\nLDJ sparse(36) {{ {entries} }}\nSIG 1\nRUN 300\nRD energy\n"
    first, rest = (machine(source, 1, 8) if one else unpacked(source, 8, 1) for one in packed)
    while not first.steps:  # a slow instruction of the host alone ends a slice
        first._budget = 101
        first.run_slice()
    save_checkpoint(tmp_path / "c.npz", first, program_hash(program(source)))
    load_checkpoint(tmp_path / "c.npz", rest, program_hash(program(source)))
    assert (first.model.variant == "packed", rest.model.variant == "packed") == packed
    assert everything(finish(rest)) == everything(finish(machine(source, 1, 8)))


def test_temperatures_of_lanes() -> None:
    """Lanes of one temperature are decided by chances, others by thresholds: a lane has the same bits either way."""
    source = text(0).partition("SIG")[0]
    own = run(f'.const T = "0.25 * (1 + lane)"\n{source}SIG T\nRUN 41\n', lanes=20)
    for lane in (0, 3, 19):
        alike = run(f"{source}SIG {0.25 * (1 + lane)}\nRUN 41\n", lanes=20)
        assert alike.state[lane].tobytes() == own.state[lane].tobytes()
        assert alike.energy_trace[lane].tobytes() == own.energy_trace[lane].tobytes()


# --- what a chance leaves open ----------------------------------------------------------------------------


@lru_cache(maxsize=1)
def compiled_chances():
    return native(set_chances.function, int64(Array(uint8), float64, int64, int64))


def chances(tables, half, rule, reach):
    return compiled_chances()(tables, half, rule, reach)


@pytest.mark.parametrize("rule", [0, 1])
@pytest.mark.parametrize("half", [1e-300, 0.05, 0.4, 1.7, 30.0, 1e12])
def test_words_that_chances_decide_are_decided_as_the_numbers_of_float32(rule: int, half: float) -> None:
    """At the first and last words that are left open, and far from them."""
    tables = np.zeros(2 * CHANCES, np.uint8)
    width = chances(tables, half, rule, 31)
    x = np.arange(-31, 32)[:, None]
    row = x & (CHANCES - 1)
    chance = tables[row].astype(np.int64) * 256 + tables[CHANCES + row]
    sixteen = np.clip(chance + [-40, -2, -1, width + 1, width + 2, width + 40], 0, 0xFFFF)
    low = np.where(sixteen < chance, 0xFFFF, 0)
    word = np.stack([(sixteen << 16) + low, (sixteen << 16) + 0x8000]).astype(np.uint32)
    with np.errstate(divide="ignore"):
        number = (log(open_unit(~word) / open_unit(word)) if rule == 0 else -log(open_unit(word))).astype(float)
    decided = (sixteen < chance) | (sixteen > chance + width)
    assert decided.mean() > 0.4
    assert np.array_equal(np.broadcast_to(sixteen < chance, word.shape)[:, decided], (x < np.ceil(half * number))[:, decided])


def test_fields_beyond_the_table_need_chances_of_nothing_there() -> None:
    tables = np.zeros(2 * CHANCES, np.uint8)
    assert chances(tables, 2.0, 0, 100) >= 0
    assert chances(tables, 8.0, 0, 100) == -1
    assert chances(tables, 8.0, 0, 31) >= 0


# --- each kind of vector register -------------------------------------------------------------------------


def spins_of(lanes: int) -> Spins:
    """Spins that fill four blocks, with the first fields beyond the table of chances."""
    rng = np.random.default_rng(9)
    state = State(50, lanes, 5)
    state.ctx[Ctx.PACK] = PACK_BLOCKS
    spins = Spins(state, "s", {})
    row, column = np.nonzero(np.triu(couplings(rng, 50, 9), 1))
    spins.load(Couplings(Sparse((50, 50), row, column, rng.integers(1, 9, len(row)).astype(np.int8), symmetric=True)))
    return spins


def digest(advance: Callable[[Spins], object], lanes: int = 64) -> str:
    """Of what some sweeps leave behind, by chances and by thresholds."""
    spins = spins_of(lanes)
    state = spins.state
    for target, level in enumerate((3.0, 60.0, 1.0, 0.2), 1):
        state.ctx[Ctx.TARGET], state.real[Real.NOISE] = 9 * target, level
        advance(spins)
    state.give_levels(1.0)
    state["LEVEL"][:] = np.geomspace(0.1, 1e5, state.places)
    state.ctx[Ctx.TARGET] += 9
    advance(spins)
    found = [state[name].tobytes() for name in ("SPIN", "ENERGY", "BEST", "BEST_ENERGY")]
    return hashlib.sha256(b"".join(found)).hexdigest()


def print_digest() -> None:
    """In a process of a form's own."""

    @device
    def no_samples(ctx, real, b, step):
        return 0

    advance = native(make_packed(no_samples).function, int64(Array(int64), Array(float64), int64))
    print(digest(lambda spins: advance(spins.state.ctx, spins.state.real, 0)))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other processors have one form")
@pytest.mark.parametrize("form", ["plain", "AVX2", pytest.param("AVX-512", marks=pytest.mark.long)])
def test_every_kind_of_register_gives_the_same_bits(form: str) -> None:
    """As the kernel of this processor, which is compiled anyway: with AVX-512 VBMI its tables are picked by one instruction."""
    name, features, needed = FORMS[form]
    if not has(needed):
        pytest.skip("this processor can't run it")
    told = os.environ | {"BIOASM_CPU_NAME": name, "BIOASM_CPU_FEATURES": features}
    script = "from tests.vm.test_packed_spins import print_digest; print_digest()"
    done = subprocess.run([sys.executable, "-c", script], env=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    native = kernel("ising", "sparse-i1", "packed")
    mine = digest(lambda spins: native(spins.state.ctx.ctypes.data, spins.state.real.ctypes.data, 0))
    assert done.stdout.strip() == mine
