"""The machine: runs a verified program slice by slice, and serves the instructions that the compiled loop hands over."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, Data, Operand, Quantity, Register, Target
from bioasm.isa.table import ROWS, Trait
from bioasm.models.base import SPINS, Model
from bioasm.network.network import Network
from bioasm.network.references import Reference, RunRef, VariableRef
from bioasm.results import Reading
from bioasm.runtime.dynamics import Dynamics
from bioasm.runtime.instructions import MEANINGS, Run, fault
from bioasm.runtime.interpreter import output_name
from bioasm.runtime.setup import default_noise, fixed_parameters
from bioasm.verifier.gate import Verified
from bioasm.vm.background import Abandoned
from bioasm.vm.ising_state import Spins
from bioasm.vm.kernel_cache import Kernel, Notice, address_of, kernel
from bioasm.vm.layout import OF_POPULATION, REFRESH, Block, Ctx, Fault, Real, Scalar, Status
from bioasm.vm.network_state import Populations
from bioasm.vm.outputs import Outputs
from bioasm.vm.state import Origin, State

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Array = NDArray[Any]

HOST = frozenset(row.mnemonic for row in ROWS if Trait.HOST in row.traits)  # what the compiled loop hands over
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
        self.n, self.lanes, self.seed, self.threads, self.notice = verified.n, lanes, seed, threads, notice
        self.loaded: dict[str, int] = {}  # which instruction loaded J, h and terms
        self._allocated = False
        self.seconds = {"compile": 0.0, "run": 0.0}
        self.state: State
        self.model: Spins | Populations
        self._budget = _FIRST_BUDGET
        self._kernel: tuple[tuple[str, str, str], Kernel] | None = None
        self._given_up = False  # whether the run was stopped while a kernel was compiled
        self._pool: ThreadPoolExecutor | None = None
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
        self.model.refresh, self.outputs.keeps_trace = self._refresh, self.trace
        self._bind_program()
        if before is not None:
            self._carry_over(before)
        self.state.ctx[Ctx.PARALLEL] = int(self.threads > 1 and self.state.blocks > 1)

    @property
    def spec(self) -> Model:
        """The model of the first population."""
        return self.network.populations[0].model

    def _carry_over(self, before: Spins | Populations) -> None:
        """What the program did before ALC: position, fuel, registers, noise, offset, and what it put out."""
        for slot in (Ctx.PC, Ctx.FUEL, Ctx.BUDGET):
            self.state.ctx[slot] = before.state.ctx[slot]
        for real in (Real.NOISE, Real.NOISE_SET, Real.OFFSET):
            self.state.real[real] = before.state.real[real]
        self.state["VALUES"][:] = before.state["VALUES"]
        self.outputs.readings = before.outputs.readings

    def allocate(self) -> None:
        """Serve ALC."""
        self.outputs.take_emitted(self.output_names, self.emit)
        self.parameters |= fixed_parameters(self.verified)
        self._allocate(self.n)
        self._allocated = True
        self._kernel = None

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

    def load(self, mnemonic: str, data: Data) -> None:
        """LDJ, LDH, LDT, and note which instruction it was: a checkpoint holds no data."""
        super().load(mnemonic, data)
        self.loaded[mnemonic] = self.state.origin.pc

    # --- the program as the loop sees it ----------------------------------------------------------------

    def _bind_program(self) -> None:
        numbers: list[float] = [0.0] * limit("registers")
        code = np.zeros((len(self.verified.instructions) + 1, 4), np.int64)
        for row, instruction in zip(code, self.verified.instructions, strict=False):
            row[0] = instruction.row.opcode
            for at, operand in enumerate(instruction.operands, 1) if instruction.mnemonic not in HOST else ():
                row[at] = self._operand(instruction.mnemonic, operand, numbers)
        self.state.bind("CODE", code)
        self.state.bind("VALUES", np.array(numbers))
        self.state.ctx[Ctx.CODE_LENGTH] = len(self.verified.instructions)

    def _operand(self, mnemonic: str, operand: Operand | Reference, numbers: list[float]) -> int:
        """An operand as a number: a place in the values, a target, or the code of what GET and PEEK read."""
        if isinstance(operand, Register | Target):
            return operand.index
        if isinstance(operand, Quantity | ConstantRef):
            numbers.append(self.program.quantity(operand).value)
            return len(numbers) - 1
        if isinstance(operand, VariableRef) and mnemonic == "PEEK":
            return self.model.variable(operand)
        if isinstance(operand, VariableRef) and operand.owner:  # the spikes of one population
            return OF_POPULATION + self.network.by_name[operand.owner].population
        return int(Scalar[operand.name.upper()]) if isinstance(operand, RunRef | VariableRef) else 0

    @cached_property
    def output_names(self) -> dict[int, str]:
        """What each OUT calls its number, by its place in the program."""
        return {pc: output_name(i) for pc, i in enumerate(self.verified.instructions) if i.mnemonic == "OUT"}

    def reading_names(self) -> frozenset[str]:
        """What results of RD and OUT can be called."""
        read = (i.operands[0] for i in self.verified.instructions if i.mnemonic == "RD")
        return frozenset(self.output_names.values()) | {ref.word for ref in read if isinstance(ref, RunRef | VariableRef)}

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
    def kernel(self) -> Kernel:
        """The kernel of the dynamics for the couplings and parameters of this moment, with its address in `ctx`."""
        if self.model.stale:
            self.model.bind()
        if self._kernel is None or self._kernel[0] != self._key:
            began = time.perf_counter()
            self._kernel = self._key, self._compiled(self._key)
            self.state.ctx[Ctx.DYNAMICS_AT] = address_of(self._kernel[1])
            self.seconds["compile"] += time.perf_counter() - began
        return self._kernel[1]

    @property
    def _key(self) -> tuple[str, str, str]:
        """What the kernel for this moment is known by."""
        return self.model.family, self.model.storage, self.model.variant

    @cached_property
    def _loop(self) -> Kernel:
        """The kernel that executes programs."""
        began = time.perf_counter()
        loop = self._compiled(("machine", "", ""))
        self.seconds["compile"] += time.perf_counter() - began
        return loop

    def _compiled(self, key: tuple[str, str, str]) -> Kernel:
        try:
            return kernel(*key, self.notice)
        except Abandoned:
            self._given_up = True
            raise

    def run_slice(self) -> Status:
        """Run for about a twentieth of a second. Returns HALT, FUEL or SLICE; raises BioasmError for a fault."""
        ctx, began = self.state.ctx, time.perf_counter()
        ctx[Ctx.BUDGET] = self._budget
        status = Status.DRAIN
        while status not in (Status.HALT, Status.FUEL, Status.SLICE):
            status = self._turn()
            ctx = self.state.ctx
        self.outputs.drain()
        self.outputs.take_emitted(self.output_names, self.emit)
        self.outputs.check_limits()
        self._check_finite()
        self._adapt(time.perf_counter() - began)
        return status

    def _turn(self) -> Status:
        """Do one instruction of the host's, or let the kernel run until it comes back and do what it came back for."""
        if self._at_host_instruction():  # before ALC and LDJ there is no kernel worth compiling
            return self._spent() or self._serve()
        ready = self._loop, self.kernel  # compiled before the clock starts
        began = time.perf_counter()
        status = Status(ready[0](self.state.ctx.ctypes.data, self.state.real.ctypes.data, 0))
        if status is Status.PARALLEL:
            self._advance_blocks()
        self.seconds["run"] += time.perf_counter() - began
        if status is Status.DRAIN:
            self.outputs.drain()
            self.outputs.take_emitted(self.output_names, self.emit)
            self.outputs.check_limits()
        elif status is Status.HOST:
            self._serve()
        elif status is Status.FAULT:
            self.outputs.take_emitted(self.output_names, self.emit)
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

    def _call(self, block: int) -> int:
        return self.kernel(self.state.ctx.ctypes.data, self.state.real.ctypes.data, block)

    def _advance_blocks(self) -> None:
        """Bring all blocks to TARGET, on several threads; a block whose buffer is full comes back for another turn."""
        behind = np.flatnonzero(self.state["BLOCK"][:, Block.STEP] < self.state.ctx[Ctx.TARGET])
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor  # most runs have one block and need no threads

            self._pool = ThreadPoolExecutor(self.threads, "bioasm")
        statuses = list(self._pool.map(self._call, behind.tolist()))
        if Status.DRAIN in statuses:
            self.outputs.drain()

    def _serve(self) -> Status:
        """Do the instruction at PC that the loop leaves to the host. Returns HOST."""
        ctx = self.state.ctx
        self.outputs.take_emitted(self.output_names, self.emit)
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
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    # --- faults -------------------------------------------------------------------------------------

    def _fault(self) -> BioasmError:
        ctx = self.state.ctx
        instruction = self.verified.instructions[ctx[Ctx.PC]]
        text = _FAULTS[Fault(int(ctx[Ctx.FAULT]))]
        value = self.value(instruction.operands[-1])
        return fault(text.format(f"{value:g}", limit=limit("steps"), last=self.n - 1), instruction)

    def _check_finite(self) -> None:
        what = self.model.fault()
        if what is not None:
            when = f"{self.steps * self.step_length:g} {self.spec.clock.symbol}"
            raise BioasmError(Diagnostic("B407", f"{what} left the finite range before {when}"))

    def _refresh(self) -> bool:
        """Bring fields and energies up to date; False where the run was stopped before their kernel was compiled."""
        if self._given_up and (self.model.stale or self._kernel is None or self._kernel[0] != self._key):
            return False
        self._call(REFRESH)
        return True

    @property
    def step_length(self) -> float:
        """One step in the model's clock: seconds, or 1 sweep."""
        return float(self.state.real[Real.DT])


def without_neurons(network: Network) -> Network:
    """The same populations before anything was allocated."""
    return replace(network, populations=tuple(p._replace(n=0, first=0) for p in network.populations))
