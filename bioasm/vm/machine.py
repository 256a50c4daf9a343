"""The virtual machine: runs a verified program in time slices, and executes the host instructions of the compiled loop."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.limits import limit
from bioasm.isa.program import Data
from bioasm.models.base import SPINS, Model
from bioasm.network.network import Network
from bioasm.network.references import Resolved, VariableRef
from bioasm.results import Reading
from bioasm.runtime.dynamics import Dynamics
from bioasm.runtime.energy import PARTS
from bioasm.runtime.instructions import MEANINGS, fault, indexed, level, size_of
from bioasm.runtime.lane_trace import LaneTrace, execute_traced
from bioasm.runtime.options import ALIKE, LaneSpan, LaneValues
from bioasm.runtime.readings import reduce_lanes
from bioasm.runtime.run import Run
from bioasm.runtime.setup import connections_apart, default_noise, fixed_parameters
from bioasm.verifier.gate import Verified
from bioasm.verifier.lanes import lane_flow, sums_depend_on_lanes
from bioasm.vm.dynamics import CompiledDynamics
from bioasm.vm.ising_state import Spins
from bioasm.vm.kernel_cache import Notice
from bioasm.vm.kernel_runner import KernelRunner
from bioasm.vm.layout import Ctx, Fault, Real, Status
from bioasm.vm.microcode import Microcode
from bioasm.vm.network_state import Populations
from bioasm.vm.outputs import Outputs
from bioasm.vm.program_code import HANDED_OVER, ProgramCode
from bioasm.vm.spool import Spool
from bioasm.vm.state import Origin, State, block_width

Array = NDArray[Any]

_SLICE_SECONDS = 0.05
_CHECK_SHARE = 50  # ratio of run time to the time of checks for numbers that are not finite
_FIRST_BUDGET = 1000
_FAULTS = {
    Fault.DURATION: "RUN got {}; a duration is a finite number of at least 0",
    Fault.STEPS: "RUN asks for more than {limit} steps in all",
    Fault.NOISE: "SIG got {}; noise is a finite number of at least 0",
    Fault.OFFSET: "LDO got {}; an offset is a finite number",
    Fault.INDEX: "{what} {} does not exist; indices go from 0 to {last}",
}


class Machine(Run):
    """One run of a program.

    `parameters` replace defaults of parameters (SI units), by their names in the program. Between slices, also after a
    BioasmError, the results so far can be read from `state`, `outputs` and `model`.
    """

    def __init__(
        self,
        verified: Verified,
        seed: int,
        lanes: int = 1,
        threads: int = 1,
        fuel: int = 1 << 40,
        parameters: Mapping[str, float] | None = None,
        notice: Notice | None = None,
        trace: bool = True,
        spool: Spool | None = None,
        span: LaneSpan | None = None,
        lane_values: LaneValues | None = None,
        kernels: KernelRunner | None = None,
    ) -> None:
        """`span` are the lanes, where they are a piece of more; `lane_values` are values of the lanes' own.

        `kernels` runs the dynamics elsewhere than on `threads` of the CPU.
        """
        super().__init__(verified, parameters or {}, seed, span or LaneSpan(0, lanes, lanes), lane_values or ALIKE)
        self.noisy_by_lane = any(i.mnemonic == "SIG" and self.by_lane(i.operands[0]) is not None for i in verified.instructions)
        self.spool, self.readings_over_lanes = spool, LaneTrace()
        self.trace = trace  # whether energies of single steps are kept
        self.n, self.lanes = verified.n, lanes
        self.kernels, self.code = kernels or KernelRunner(threads, notice), self._code()
        self.loaded: dict[str, int] = {}  # the indices of the instructions that loaded J, h and terms
        self._allocated = False
        self.state: State
        self.model: CompiledDynamics
        self._budget = _FIRST_BUDGET
        self._check_from = 0.0  # the time of the next check of numbers, by `perf_counter`
        self._prepared = self.parameters | fixed_parameters(verified) if self._begins_with_neurons(fuel) else None
        self._allocate(self.n if self._prepared is not None else 0, self._prepared or self.parameters)
        self.state.ctx[Ctx.FUEL] = fuel

    def _code(self) -> ProgramCode:
        traced = lane_flow(self.verified).traced if self.span.is_traced else ()
        return ProgramCode(self.verified, traced, ("SIG",) if self.noisy_by_lane else ())

    # --- allocation ---------------------------------------------------------------------------------

    @property
    def _width(self) -> int:
        """The block width: that of a single copy, unless sums do not depend on the width."""
        alike = self.span.copies > 1 and not sums_depend_on_lanes(self.verified)
        return block_width(self.span.everyone if alike else self.span.each)

    def _begins_with_neurons(self, fuel: int) -> bool:
        """Whether ALC or POP comes before any instruction that sees a state of no neurons, which then is not allocated."""
        first = next((pc for pc, i in enumerate(self.verified.instructions) if i.mnemonic != "MODEL"), 0)
        found = self.verified.instructions[first : first + 1]
        return first < min(fuel, _FIRST_BUDGET) and bool(found) and found[0].mnemonic in ("ALC", "POP")

    def _allocate(self, n: int, parameters: dict[str, float]) -> None:
        """Allocate the state of n neurons; before ALC there are none, unless ALC comes first."""
        before = getattr(self, "model", None)
        self.state = State(n, self.lanes, self.seed, self.span, self._width)
        self.state.real[Real.NOISE] = default_noise(self.network)
        if self.noisy_by_lane:
            self.state.give_levels(default_noise(self.network))
        network = self.network if n else without_neurons(self.network)
        if self.spec.kind == SPINS:
            self.model = Spins(self.state, network.populations[0].name, parameters)
        else:
            apart = connections_apart(self.verified, self.lane_values)
            self.model = Populations(self.state, network, self.verified, parameters, apart)
        self.outputs.keeps_trace, self.outputs.spool = self.trace, self.spool
        self.outputs.samples_stay = self.kernels.samples_stay
        self.kernels.take(self.model)
        self.code.bind(self.model)
        self.microcode = Microcode(self, self.model)
        if before is not None:
            self._carry_over(before)

    @property
    def seconds(self) -> dict[str, float]:
        """The times of compiling and of running so far, in seconds."""
        return self.kernels.seconds

    @property
    def spec(self) -> Model:
        """The model of the first population."""
        return self.network.populations[0].model

    def _carry_over(self, before: CompiledDynamics) -> None:
        """Copy the program's state before ALC: program counter, fuel, registers, noise, offset, and output."""
        for slot in (Ctx.PC, Ctx.FUEL, Ctx.BUDGET):
            self.state.ctx[slot] = before.state.ctx[slot]
        for real in (Real.NOISE, Real.NOISE_SET, Real.OFFSET):
            self.state.real[real] = before.state.real[real]
        self.state["VALUES"][:] = before.state["VALUES"]
        if before.state.levels is not None:
            self.state["LEVEL"][:] = before.state.levels
        self.outputs.readings = before.outputs.readings

    def allocate(self) -> None:
        """Execute ALC."""
        self.outputs.take_emitted(self.code.output_names, self.emit_all)
        self.parameters |= fixed_parameters(self.verified)
        if self._prepared != self.parameters:
            self._allocate(self.n, self.parameters)
        self._prepared, self._allocated = None, True

    def begin_without_neurons(self) -> None:
        """Allocate the state of no neurons in place of one for all before ALC: a checkpoint says what follows."""
        if self._prepared is not None:
            self._prepared = None
            self._allocate(0, self.parameters)

    # --- the run as instructions see it ---------------------------------------------------------------

    @property
    def dynamics(self) -> Dynamics:
        """The neurons."""
        return self.model

    @property
    def allocated(self) -> bool:
        """Whether ALC or POP was executed."""
        return self._allocated

    @property
    def outputs(self) -> Outputs:
        """The outputs of the neurons and the program so far."""
        return self.model.outputs

    @property
    def readings(self) -> list[Reading]:
        """The readings put out so far."""
        return self.outputs.readings

    @property
    def noise(self) -> float:
        """The noise that SIG set last, or the model's default."""
        return float(self.state.real[Real.NOISE])

    @property
    def offset(self) -> float:
        """The offset that LDO set last."""
        return float(self.state.real[Real.OFFSET])

    def register(self, index: int) -> float:
        """The value of a register."""
        return float(self.state["VALUES"][index])

    def set_register(self, index: int, value: float) -> None:
        """Write a number into a register."""
        self.state["VALUES"][index] = value

    def load(self, mnemonic: str, data: Data) -> None:
        """LDJ, LDH, LDT; the index of the instruction is kept, because a checkpoint has no data."""
        super().load(mnemonic, data)
        self.loaded = {other: pc for other, pc in self.loaded.items() if PARTS[other] != PARTS[mnemonic]}
        self.loaded[mnemonic] = self.state.origin.pc

    # --- checkpoints --------------------------------------------------------------------------------

    def live_arrays(self) -> dict[str, Array]:
        """Mutable arrays of a run by name, not copied: a checkpoint saves them and fills them again."""
        if self.model.stale:
            self.model.bind()
        return self.state.live() | self.model.live()

    def chosen_values(self) -> dict[str, Array]:
        """The values needed before `live_arrays` can be allocated: clamps, and settings of a network."""
        return {"hold": self.model.held(), **self.model.chosen()}

    # --- running ------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        """Steps or sweeps done."""
        return int(self.state.ctx[Ctx.STEP])

    @property
    def run_end(self) -> int:
        """The step at which the present RUN ends."""
        return int(self.state.ctx[Ctx.RUN_END])

    @property
    def lowest_seen(self) -> float:
        """The lowest energy of all lanes so far, with the offset; NaN for none. It computes no energies."""
        lowest = float(self.state["BEST_ENERGY"][: self.lanes].min())
        return lowest + self.offset if lowest < math.inf else math.nan

    def run_slice(self) -> Status:
        """Run for about a twentieth of a second. Returns HALT, FUEL or SLICE; raises BioasmError for a fault."""
        self.outputs.make_room()  # an observer has seen the output by now
        ctx, began = self.state.ctx, time.perf_counter()
        ctx[Ctx.BUDGET] = self._budget
        status = Status.DRAIN
        while status not in (Status.HALT, Status.FUEL, Status.SLICE):
            status = self.turn()
            if status is Status.HOST and time.perf_counter() - began >= _SLICE_SECONDS:
                status = Status.SLICE
        self.outputs.drain()
        self.outputs.take_emitted(self.code.output_names, self.emit_all)
        self.outputs.check_limits()
        if status is not Status.SLICE or time.perf_counter() >= self._check_from:
            self.check_finite()
        self._adapt(time.perf_counter() - began)
        return status

    def turn(self) -> Status:
        """Execute one host instruction, or run the kernel until it yields and serve its request."""
        if self._at_host_instruction():  # before ALC and LDJ no kernel should be compiled
            return self._spent() or self._serve()
        status = self.kernels.execute()
        self.microcode.settle()
        if status is Status.DRAIN:
            self.outputs.drain()
            self.outputs.take_emitted(self.code.output_names, self.emit_all)
            self.outputs.check_limits()
            self.outputs.make_room()
        elif status is Status.HOST:
            self._serve()
        elif status is Status.FAULT:
            self.outputs.take_emitted(self.code.output_names, self.emit_all)
            raise self._fault()
        return status

    def _at_host_instruction(self) -> bool:
        ctx = self.state.ctx
        if ctx[Ctx.RUNNING] or ctx[Ctx.PC] >= ctx[Ctx.CODE_LENGTH]:
            return False
        return bool(self.state["CODE"][ctx[Ctx.PC], 0] == HANDED_OVER)

    def _spent(self) -> Status | None:
        """FUEL or SLICE where it is used up, else None."""
        ctx = self.state.ctx
        if ctx[Ctx.FUEL] <= 0:
            return Status.FUEL
        return Status.SLICE if ctx[Ctx.BUDGET] <= 0 else None

    def _serve(self) -> Status:
        """Execute the host instruction at PC. Returns HOST."""
        ctx = self.state.ctx
        self.outputs.take_emitted(self.code.output_names, self.emit_all)
        pc = int(ctx[Ctx.PC])
        self.execute(Origin(pc, self.steps))
        if self.kernels.samples_stay and pc not in self.code.traced:
            self.microcode.note(pc, self.verified.instructions[pc])
        ctx = self.state.ctx
        ctx[Ctx.PC] += 1
        ctx[Ctx.FUEL] -= 1
        ctx[Ctx.BUDGET] -= 1
        return Status.HOST

    def execute(self, origin: Origin) -> None:
        """Execute a host instruction at its step; its origin (index, step) identifies its waveforms, spikes and recordings."""
        self.state.origin = origin
        self.kernels.host_has_changed()  # also before the instruction, which may compute energies
        instruction = self.verified.instructions[origin.pc]
        if origin.pc in self.code.traced:
            execute_traced(self, self.readings_over_lanes, instruction)
        elif origin.pc in self.code.of_parts:
            reduce_lanes(self, instruction)
        elif instruction.mnemonic == "SIG":
            self._set_levels(instruction)
        else:
            MEANINGS[instruction.mnemonic](self, instruction)
        self.kernels.host_has_changed()

    def _set_levels(self, instruction: Resolved) -> None:
        """SIG, where lanes have noise levels of their own."""
        found = np.asarray(level(self, instruction, 0, range(0), 0.0), np.float64)
        self.model.set_levels(np.broadcast_to(found.ravel(), (self.lanes,)))

    def _adapt(self, seconds: float) -> None:
        """Adapt the next slice's budget to the time of this one."""
        factor = min(8.0, max(0.125, _SLICE_SECONDS / max(seconds, 1e-6)))
        self._budget = max(1, min(1 << 40, int(self._budget * factor)))

    def close(self) -> None:
        """End the threads."""
        self.kernels.close()

    # --- faults -------------------------------------------------------------------------------------

    def _fault(self) -> BioasmError:
        ctx = self.state.ctx
        instruction = self.verified.instructions[ctx[Ctx.PC]]
        text = _FAULTS[Fault(int(ctx[Ctx.FAULT]))]
        value = self.value(instruction.operands[-1])
        peeked = [size_of(self, operand.owner) for operand in instruction.operands if isinstance(operand, VariableRef)]
        last = (*peeked, self.n)[0] - 1
        return fault(text.format(f"{value:g}", limit=limit("steps"), last=last, what=indexed(self, instruction)), instruction)

    def check_finite(self) -> None:
        """Raise B407 where a variable is not finite. Slices check only as often as it takes a small part of the run time."""
        began = time.perf_counter()
        what = self.model.non_finite()
        now = time.perf_counter()
        self._check_from = now + _CHECK_SHARE * (now - began)
        if what is not None:
            when = f"{self.steps * self.step_length:g} {self.spec.clock.symbol}"
            raise BioasmError(Diagnostic("B407", f"{what} left the finite range before {when}"))

    @property
    def step_length(self) -> float:
        """One step in the model's clock: seconds, or 1 sweep."""
        return float(self.state.real[Real.DT])


def without_neurons(network: Network) -> Network:
    """The network with populations of no neurons, before allocation."""
    return replace(network, populations=tuple(p._replace(n=0, first=0) for p in network.populations))
