"""A back end as a GPU has it, in numpy: a statement of the step program runs over all cells of a block of lanes at once.

It is a printer and a class that implements `Dynamics`: control flow, instructions, options, the Result and energies are the
shared ones, and a network's arrays, parameters and stimuli the host half of the compiled machine.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy as np

from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.interpreted import InterpretedDriver
from bioasm.models import MODELS
from bioasm.models.base import SPINS
from bioasm.runtime.exact import fused_arrays
from bioasm.runtime.poisson import Counts
from bioasm.runtime.python_dynamics import PythonDynamics
from bioasm.runtime.random import STREAM_DYNAMICS, STREAM_WHITE, normals, threefry, words
from bioasm.runtime.setup import default_noise, fixed_parameters
from bioasm.vm.codegen.frame import PhaseFrame
from bioasm.vm.codegen.python_printer import PythonPrinter, print_python
from bioasm.vm.codegen.statements import Fire, For, Let, Store
from bioasm.vm.codegen.types import Space
from bioasm.vm.kernels.network import namespace
from bioasm.vm.layout import DRAWN, Block, Ctx, Real
from bioasm.vm.network_state import Populations
from bioasm.vm.state import Origin, State

CALLS = {"select": "np.where({}, {}, {})", "number": "np.where({}, 1.0, 0.0)", "flag": "np.where({}, 1, 0)"}
CALLS |= {"min": "np.minimum({}, {})", "max": "np.maximum({}, {})", "not": "np.logical_not({})", "sqrt": "np.sqrt({})"}


class GridPrinter(PythonPrinter):
    """A loop over cells becomes its body, in which the present cell `k` is all cells."""

    grid = False

    def statement(self, statement: Any) -> list[str]:
        match statement:
            case For(space=Space.CELL, body=body) if all(isinstance(part, Let | Store | Fire) for part in body):
                self.grid = True
                lines = self.statements(body)
                self.grid = False
                return lines
            case Fire(flags, _, counted, condition) if self.grid:
                fired = f"{self.value(flags)}[:count]"
                return [f"{fired} = {self.value(condition)}", f"{counted.data} += np.count_nonzero({fired})"]
        return super().statement(statement)

    def value(self, value: Any) -> str:
        if self.grid and value.op == "name" and value.data == "k":
            return ":count"
        return super().value(value) + ".copy()" * (self.grid and value.op == "item")  # read before anything is stored

    def operation(self, value: Any, parts: list[str]) -> str:
        return CALLS[value.op].format(*parts) if value.op in CALLS else super().operation(value, parts)


class Grid(PythonDynamics, Populations):
    """The neurons. What the printed program calls takes arrays for addresses."""

    frames, read, energy_neurons = PhaseFrame, Populations.read, Populations.energy_neurons

    def __init__(self, run: Any, options: Any) -> None:
        state = State(run.network.n, options.lanes, options.seed)
        state.real[Real.NOISE] = default_noise(run.network)
        Populations.__init__(self, state, run.network, run.verified, run.parameters | fixed_parameters(run.verified))
        PythonDynamics.__init__(self)

    def energy_state(self) -> Any:
        if self.coupled is None:
            return np.zeros((self.lanes, 0))
        source = self.network.populations[self.coupled].model.feedback.source
        return self.values.now(f"p{self.coupled}.{source}", self.coupled)

    def bind(self) -> None:
        """Print the step program for the present parameters and clamps."""
        Populations.bind(self)
        arrays = {a.ctypes.data: a for a in (*self.state.arrays.values(), *self.outputs.buffers().values())}

        def view(array: Any, first: int, count: int) -> Any:
            return (arrays[array] if isinstance(array, np.int64) else array)[first : first + count]

        names: dict[str, Any] = namespace() | {"Block": Block, "Ctx": Ctx, "device": lambda made: made}
        names |= {k: FunctionType(f.function.__code__, names) for k, f in names.items() if hasattr(f, "function")}  # as Python
        names |= {name: getattr(np, name) for name in ("exp", "log", "sin", "cos", "tanh", "power")} | {"fma": fused_arrays}
        names |= {"growth": growth, "exprelr": lambda x: 1 / growth(x)}
        names |= dict.fromkeys(("f8", "f4", "i8", "i4", "i2", "i1", "u1", "u2", "u4"), view)
        names |= {"u8": lambda at, _, n: np.ctypeslib.as_array((np.ctypeslib.as_ctypes_type(np.uint64) * n).from_address(at))}
        names |= {"uint64": int, "random_spikes": self.random_spikes, "draw": self.draw}
        names |= {"tables": self.tables, "block_row": lambda ctx, b: self.state["BLOCK"][b]}
        exec(print_python(self.generated.program, self.generated.layout, GridPrinter), names)
        self.phases = tuple(names[name] for name in ("prepare", "hold", "careful"))

    def advance(self, steps: int, watch: Any, more: Any) -> None:
        ctx, real = self.state.ctx, self.state.real
        for _ in range(steps):
            if self.stale:
                self.bind()
            prepare, hold, careful = self.phases
            if self.landscape.loaded and self.step % ctx[Ctx.FEEDBACK_EVERY] == 0:
                fed = np.pad(self.feed_back(real[Real.I_MAX]), ((0, self.state.places - self.lanes), (0, 0)))
                self.state["FEEDBACK_CURRENT"][:] = self.state.to_cells(fed)
            self.take_samples()
            prepare(ctx, real)
            for b, block in enumerate(self.state["BLOCK"]):
                hold(ctx, real, b, self.step)
                careful(ctx, real, b, self.step)
                block[Block.STEP] = self.step + 1
            ctx[Ctx.STEP] += 1
            self.state.origin = Origin(0, self.step)
            self.outputs.drain()
            if not watch(self.step):
                return

    def tables(self, *_: Any) -> Any:
        return self.state["WHOLE"], self.state["NUMBER"], [self.state.fields[name] for name in self.generated.layout.fields]

    def draw(self, ctx: Any, b: int, normal: Any, first: int, count: int, pair: int, stream: int) -> None:
        k, lane = np.divmod(first + np.arange(count), self.state.width)
        kind = STREAM_WHITE + stream - 1 if stream else STREAM_DYNAMICS
        drawn = words(self.state.seed, b * self.state.width + lane, k, 2 * pair, kind)
        normal[:count], normal[DRAWN:][:count] = normals(*drawn)

    def random_spikes(self, block: Any, b: int, step: int, *arrays: Any) -> int:
        first, end, top, limit, jump, key0, key1, *_, coming, _, n = arrays
        lanes = block[Block.LANE0] + np.arange(self.state.width)[:, None]
        drawn = threefry((key0[lanes], key1[lanes]), (np.arange(n), step >> 1))[step & 1]
        coming += (Counts(first, end, top, limit).of(drawn) * jump).T.ravel()
        return 1


def growth(z: Any) -> Any:
    """(e^z - 1) / z."""
    return np.where(z == 0, 1.0, np.expm1(z) / np.where(z == 0, 1.0, z))


class GridDriver(InterpretedDriver):
    """All that the cpu driver does but spins and loops over connections."""

    name, summary = "grid", "whole grids of cells in numpy"
    abilities = CpuDriver.abilities - {"coupling", "synapses", "cables", "events", "single"}
    models = frozenset(m.name for m in MODELS.values() if m.kind != SPINS)

    def make(self, run: Any, options: Any) -> Any:
        return Grid(run, options)
