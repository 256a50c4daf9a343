"""The machine: runs a verified program slice by slice, and serves the instructions that the compiled loop hands over."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.limits import limit
from bioasm.isa.program import Data
from bioasm.models.base import SPINS, Model
from bioasm.network.network import Network
from bioasm.results import Reading
from bioasm.runtime.dynamics import Dynamics
from bioasm.runtime.instructions import MEANINGS, Run, fault
from bioasm.runtime.setup import default_noise, fixed_parameters
from bioasm.verifier.gate import Verified
from bioasm.vm.dynamics import CompiledDynamics
from bioasm.vm.ising_state import Spins
from bioasm.vm.kernel_cache import Notice
from bioasm.vm.kernel_runner import KernelRunner
from bioasm.vm.layout import Ctx, Fault, Real, Status
from bioasm.vm.network_state import Populations
from bioasm.vm.outputs import Outputs
from bioasm.vm.program_code import HOST, ProgramCode
from bioasm.vm.state import Origin, State

Array = NDArray[Any]

_SLICE_SECONDS = 0.05
_FIRST_BUDGET = 1000
_FAULTS = {
    Fault.DURATION: "RUN got {}; a duration is a finite number of at least 0",
    Fault.STEPS: "RUN asks for more than {limit} steps in all",
    Fault.NOISE: "SIG got {}; noise is a finite number of at least 0",
    Fault.OFFSET: "LDO got {}; an offset is a finite number",
    Fault.INDEX: "neuron {} does not exist; indices go from 0 to {last}",
}


class Machine(Run):
    """One run of a program.

    `parameters` replace defaults of parameters (SI units), by their names in the program. Between slices, also after a
    BioasmError, what was computed so far can be read from `state`, `outputs` and `model`.
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
    ) -> None:
        super().__init__(verified, parameters or {})
        self.trace = trace  # whether energies of single steps are kept
        self.n, self.lanes, self.seed = verified.n, lanes, seed
        self.kernels, self.code = KernelRunner(threads, notice), ProgramCode(verified)
        self.loaded: dict[str, int] = {}  # which instruction loaded J, h and terms
        self._allocated = False
        self.state: State
        self.model: CompiledDynamics
        self._budget = _FIRST_BUDGET
        self._allocate(0)
        self.state.ctx[Ctx.FUEL] = fuel

    # --- allocation ---------------------------------------------------------------------------------

    def _allocate(self, n: int) -> None:
        """Make the state of n neurons; before ALC it is that of none."""
        before = getattr(self, "model", None)
        self.state = State(n, self.lanes, self.seed)
        self.state.real[Real.NOISE] = default_noise(self.network)
        network = self.network if n else without_neurons(self.network)
        if self.spec.kind == SPINS:
            self.model = Spins(self.state, network.populations[0].name, self.parameters)
        else:
            self.model = Populations(self.state, network, self.verified, self.parameters)
        self.outputs.keeps_trace = self.trace
        self.kernels.take(self.model)
        self.code.bind(self.model)
        if before is not None:
            self._carry_over(before)

    @property
    def seconds(self) -> dict[str, float]:
        """Time to compile and to run so far."""
        return self.kernels.seconds

    @property
    def spec(self) -> Model:
        """The model of the first population."""
        return self.network.populations[0].model

    def _carry_over(self, before: CompiledDynamics) -> None:
        """What the program did before ALC: position, fuel, registers, noise, offset, and what it put out."""
        for slot in (Ctx.PC, Ctx.FUEL, Ctx.BUDGET):
            self.state.ctx[slot] = before.state.ctx[slot]
        for real in (Real.NOISE, Real.NOISE_SET, Real.OFFSET):
            self.state.real[real] = before.state.real[real]
        self.state["VALUES"][:] = before.state["VALUES"]
        self.outputs.readings = before.outputs.readings

    def allocate(self) -> None:
        """Serve ALC."""
        self.outputs.take_emitted(self.code.output_names, self.emit)
        self.parameters |= fixed_parameters(self.verified)
        self._allocate(self.n)
        self._allocated = True

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
        """What the neurons and the program left behind so far."""
        return self.model.outputs

    @property
    def readings(self) -> list[Reading]:
        """What was put out so far."""
        return self.outputs.readings

    @property
    def noise(self) -> float:
        """What SIG set last, or the model's default."""
        return float(self.state.real[Real.NOISE])

    @property
    def offset(self) -> float:
        """What LDO set last."""
        return float(self.state.real[Real.OFFSET])

    def register(self, index: int) -> float:
        """What a register holds."""
        return float(self.state["VALUES"][index])

    def set_register(self, index: int, value: float) -> None:
        """Write a number into a register."""
        self.state["VALUES"][index] = value

    def load(self, mnemonic: str, data: Data) -> None:
        """LDJ, LDH, LDT, and note which instruction it was: a checkpoint holds no data."""
        super().load(mnemonic, data)
        self.loaded[mnemonic] = self.state.origin.pc

    # --- checkpoints --------------------------------------------------------------------------------

    def live_arrays(self) -> dict[str, Array]:
        """The arrays that a run changes, by name, as they lie in memory: a checkpoint keeps them, and fills them again."""
        if self.model.stale:
            self.model.bind()
        return self.state.live() | self.model.live()

    def chosen_values(self) -> dict[str, Array]:
        """What must be known before there are the arrays of `live_arrays`: clamps, and what a network was set to."""
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
        """The lowest energy of all lanes that was seen, with the offset; NaN where none was. Nothing is computed for it."""
        lowest = float(self.state["BEST_ENERGY"][: self.lanes].min())
        return lowest + self.offset if lowest < math.inf else math.nan

    def run_slice(self) -> Status:
        """Run for about a twentieth of a second. Returns HALT, FUEL or SLICE; raises BioasmError for a fault."""
        ctx, began = self.state.ctx, time.perf_counter()
        ctx[Ctx.BUDGET] = self._budget
        status = Status.DRAIN
        while status not in (Status.HALT, Status.FUEL, Status.SLICE):
            status = self.turn()
            if status is Status.HOST and time.perf_counter() - began >= _SLICE_SECONDS:
                status = Status.SLICE
        self.outputs.drain()
        self.outputs.take_emitted(self.code.output_names, self.emit)
        self.outputs.check_limits()
        self._check_finite()
        self._adapt(time.perf_counter() - began)
        return status

    def turn(self) -> Status:
        """Do one instruction of the host's, or let the kernel run until it comes back and do what it came back for."""
        if self._at_host_instruction():  # before ALC and LDJ there is no kernel worth compiling
            return self._spent() or self._serve()
        status = self.kernels.execute()
        if status is Status.DRAIN:
            self.outputs.drain()
            self.outputs.take_emitted(self.code.output_names, self.emit)
            self.outputs.check_limits()
        elif status is Status.HOST:
            self._serve()
        elif status is Status.FAULT:
            self.outputs.take_emitted(self.code.output_names, self.emit)
            raise self._fault()
        return status

    def _at_host_instruction(self) -> bool:
        ctx = self.state.ctx
        if ctx[Ctx.RUNNING] or ctx[Ctx.PC] >= ctx[Ctx.CODE_LENGTH]:
            return False
        return self.verified.instructions[ctx[Ctx.PC]].mnemonic in HOST

    def _spent(self) -> Status | None:
        """FUEL or SLICE where nothing is left of one, None where there is."""
        ctx = self.state.ctx
        if ctx[Ctx.FUEL] <= 0:
            return Status.FUEL
        return Status.SLICE if ctx[Ctx.BUDGET] <= 0 else None

    def _serve(self) -> Status:
        """Do the instruction at PC that the loop leaves to the host. Returns HOST."""
        ctx = self.state.ctx
        self.outputs.take_emitted(self.code.output_names, self.emit)
        self.execute(Origin(int(ctx[Ctx.PC]), self.steps))
        ctx = self.state.ctx
        ctx[Ctx.PC] += 1
        ctx[Ctx.FUEL] -= 1
        ctx[Ctx.BUDGET] -= 1
        return Status.HOST

    def execute(self, origin: Origin) -> None:
        """Do an instruction of the host's, at its step; what it plays, sends or records is known by this origin."""
        self.state.origin = origin
        instruction = self.verified.instructions[origin.pc]
        MEANINGS[instruction.mnemonic](self, instruction)

    def _adapt(self, seconds: float) -> None:
        """Choose the next slice's budget from how long this one took."""
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
        return fault(text.format(f"{value:g}", limit=limit("steps"), last=self.n - 1), instruction)

    def _check_finite(self) -> None:
        what = self.model.non_finite()
        if what is not None:
            when = f"{self.steps * self.step_length:g} {self.spec.clock.symbol}"
            raise BioasmError(Diagnostic("B407", f"{what} left the finite range before {when}"))

    @property
    def step_length(self) -> float:
        """One step in the model's clock: seconds, or 1 sweep."""
        return float(self.state.real[Real.DT])


def without_neurons(network: Network) -> Network:
    """The same populations before anything was allocated."""
    return replace(network, populations=tuple(p._replace(n=0, first=0) for p in network.populations))
