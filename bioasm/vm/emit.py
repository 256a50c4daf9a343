"""C export of a program's dynamics with a test vector: the machine's memory at one step and some steps later.

The memory is every array that the dynamics reads or writes; addresses in the tables are relocated: they become offsets in those
arrays, which the file's `main` turns back into addresses before it runs the steps and compares.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import error
from bioasm.isa.table import SINGLE
from bioasm.runtime.options import LaneSpan, with_formulas
from bioasm.verifier.gate import Verified
from bioasm.vm.codegen.c_file import ising_file, network_file
from bioasm.vm.ising_state import Spins
from bioasm.vm.kernel_runner import KernelRunner
from bioasm.vm.layout import NARROW_ARRAYS, Ctx, Status
from bioasm.vm.machine import Machine
from bioasm.vm.memory_map import arrays_of, pointers_in
from bioasm.vm.network_state import Populations

Array = NDArray[Any]
# Padding that vectorised kernels overwrite, and their scratch.
_SCRATCH = {"DRAWN", "PARTIAL", "LIMB", "SINGLE", "DELTA", "CHANGE", "S", "Y", "THRESHOLD"}


class Region(NamedTuple):
    """One array: its name, its 64-bit words, the mask of addresses, and whether it is compared."""

    name: str
    words: Array
    pointers: Array
    compared: bool


def emit_c(verified: Verified, seed: int, lanes: int, steps: int) -> str:
    """The C file of a program's dynamics. Its test vector begins after the program's first step and is `steps` long.

    Raises:
        BioasmError: B406, the program runs no step, has synapses with states or that act at spikes, or LDJS.
    """
    if any(one.mnemonic == SINGLE for one in verified.instructions):
        raise error("B406", "products in single precision are not printed as C", hint="LDJ loads J for those in float64")
    synapse = next((one for one in verified.network.synapses() if one.model.acts), None)
    if synapse is not None:
        text = (
            f"{synapse.name} has the synapse {synapse.model.name}, which has states or acts at spikes: it is not printed as C"
        )
        raise error("B406", text)
    own = with_formulas(verified.program, LaneSpan(0, lanes, lanes))
    kernels = KernelRunner(threads=1, notice=None, packs_spins=False)
    machine = Machine(verified, seed, lanes, lane_values=own, kernels=kernels)
    try:
        run_first_step(machine)
        machine.state.ctx[Ctx.TARGET] = machine.steps + steps
        before = _memory(machine)
        for block in range(machine.state.blocks):
            status = Status(machine.kernels.call(block))
            assert status in (Status.DONE, Status.DRAIN)
        after = _memory(machine)
    finally:
        machine.close()
    return "\n".join([dynamics_file(machine), *_vector(before, after, machine.state.blocks, steps)])


def dynamics_file(machine: Machine) -> str:
    """The C file of a machine's present dynamics. Its spins must not be packed: C needs the arrays of their fields."""
    model = machine.model
    if isinstance(model, Spins):
        assert not model.packed
        return ising_file(model.storage, model.variant == "whole")
    assert isinstance(model, Populations)
    return network_file(model.generated, model.storage)


def run_first_step(machine: Machine) -> None:
    """Run a program until a step is done and all buffers are drained."""
    status, machine.kernels.samples_stay = Status.HOST, False
    machine.state.ctx[Ctx.BUDGET] = 1
    while machine.steps == 0:
        status = machine.turn()
        if status in (Status.HALT, Status.FUEL):
            raise error("B406", "the program runs no step, so that there are no dynamics to print")
        machine.state.ctx[Ctx.BUDGET] = 1
    machine.outputs.drain()
    _ = machine.kernels.dynamics


# --- memory ---------------------------------------------------------------------------------------------


def _memory(machine: Machine) -> list[Region]:
    """All arrays of a machine as words, with addresses as region * 2^40 + byte offset + 1, null as 0."""
    arrays = {k: array for k, array in arrays_of(machine.state, machine.outputs).items() if k not in NARROW_ARRAYS}
    starts = [(array.ctypes.data, array.nbytes) for array in arrays.values()]
    found = []
    for name, array in arrays.items():
        raw = np.zeros(-(-array.nbytes // 8) * 8, np.uint8)
        raw[: array.nbytes] = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
        words, pointers = raw.view(np.uint64), pointers_in(name, array)
        words[pointers] = [_place(int(word), starts) for word in words[pointers]]
        compared = name not in _SCRATCH and not name.startswith(("word:", "pair:")) and name != "ADDRESS"
        found.append(Region(name, words, pointers, compared))
    return found


def _place(address: int, starts: list[tuple[int, int]]) -> int:
    for region, (start, size) in enumerate(starts):
        if start <= address < start + max(size, 1):
            return (region << 40) + address - start + 1
    return 0


# --- the test vector ------------------------------------------------------------------------------------


def _vector(before: list[Region], after: list[Region], blocks: int, steps: int) -> list[str]:
    """The memory as static arrays, and a `main` that runs the steps and compares."""
    lines = ["", f"/* Test vector: {steps} steps of {blocks} blocks of lanes. */", "#include <stdio.h>"]
    for at, region in enumerate(before):
        lines.append(f"static uint64_t m{at}[{max(1, len(region.words))}] = {{{_words(region.words)}}}; /* {at} */")
    memory = ", ".join(f"m{at}" for at in range(len(before)))
    lines.append(f"static uint64_t *memory[{len(before)}] = {{{memory}}};")
    pointers = [(at, int(word)) for at, region in enumerate(before) for word in region.pointers]
    flat = ", ".join(f"{{{at}, {word}}}" for at, word in pointers)
    lines.append(f"static const int64_t pointers[{len(pointers)}][2] = {{{flat}}};")
    compared = [(at, region) for at, region in enumerate(after) if region.compared]
    flat = ", ".join(f"{{{at}, {len(r.words)}, UINT64_C(0x{_hash(r):x})}}" for at, r in compared)
    lines.append(f"static const struct {{ int64_t region, words; uint64_t hash; }} expected[{len(compared)}] = {{{flat}}};")
    return [*lines, _MAIN.replace("BLOCK_COUNT", str(blocks))]


def _words(words: Array) -> str:
    """Words as C initialisers, without trailing zeros."""
    last = int(np.flatnonzero(words)[-1]) + 1 if words.any() else 1
    return ", ".join(f"0x{word:x}" if word > 9 else str(word) for word in words[:last].tolist()) or "0"


def _hash(region: Region) -> int:
    """FNV-1a hash of the words, with addresses as 0."""
    words = region.words.copy()
    words[region.pointers] = 0
    found = 0xCBF29CE484222325
    for word in words.tolist():
        found = (found ^ word) * 0x100000001B3 % (1 << 64)
    return found


_MAIN = """
int main(void) {
    const int64_t count = sizeof pointers / sizeof *pointers;
    for (int64_t k = 0; k < count; k++) {
        uint64_t *word = memory[pointers[k][0]] + pointers[k][1];
        const uint64_t place = *word - 1;
        if (*word) *word = (uint64_t)(uintptr_t)((char *)memory[place >> 40] + (place & ((UINT64_C(1) << 40) - 1)));
    }
    int64_t *ctx = (int64_t *)memory[0];
    for (int64_t b = 0; b < BLOCK_COUNT; b++) bio_dynamics(ctx, (double *)memory[1], b);
    for (int64_t k = 0; k < count; k++) memory[pointers[k][0]][pointers[k][1]] = 0;
    int differ = 0;
    for (int64_t k = 0; k < (int64_t)(sizeof expected / sizeof *expected); k++) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);
        const uint64_t *words = memory[expected[k].region];
        for (int64_t w = 0; w < expected[k].words; w++) hash = (hash ^ words[w]) * UINT64_C(0x100000001b3);
        if (hash != expected[k].hash) differ++, printf("array %d differs\\n", (int)expected[k].region);
    }
    if (!differ) printf("all arrays are as expected\\n");
    return differ != 0;
}
"""
