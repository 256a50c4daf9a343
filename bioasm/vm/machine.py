"""The machine: runs a verified program slice by slice, and serves the instructions that the compiled loop hands over."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, DataRef, Instruction, Name, Operand, Quantity, Register, Target
from bioasm.isa.verify import Verified
from bioasm.models.base import SPINS, Model, Parameter
from bioasm.vm.background import Abandoned
from bioasm.vm.couplings import Couplings
from bioasm.vm.instructions import HOST, Served
from bioasm.vm.layout import OF_POPULATION, REFRESH, Block, Ctx, Fault, Real, Scalar, Status
from bioasm.vm.names import default_parameters, fixed_parameters, parameter_key, without_neurons
from bioasm.vm.objects import Kernel, Notice, address_of, kernel
from bioasm.vm.outputs import Outputs
from bioasm.vm.populations import Populations
from bioasm.vm.spins import Spins
from bioasm.vm.state import State

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

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


class Machine:
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
    ) -> None:
        self.program, self.network, self.n = verified.program, verified.network, verified.n
        self.lanes, self.seed, self.threads, self.notice = lanes, seed, threads, notice
        self.parameters = default_parameters(self.network)
        for name, value in (parameters or {}).items():
            self.parameters[parameter_key(self.network, name)] = value
        self.couplings = Couplings()
        self.loaded: dict[str, int] = {}  # which instruction loaded J, h and terms
        self.allocated = False  # whether ALC or POP was executed
        self.seconds = {"compile": 0.0, "run": 0.0}
        self.state: State
        self.outputs: Outputs
        self.model: Any
        self._budget = _FIRST_BUDGET
        self._kernel: Kernel | None = None
        self._given_up = False  # whether the run was stopped while a kernel was compiled
        self._pool: ThreadPoolExecutor | None = None
        self._allocate(0)
        self.state.ctx[Ctx.FUEL] = fuel

    # --- allocation ---------------------------------------------------------------------------------

    def _allocate(self, n: int) -> None:
        """Make the state of n neurons; before ALC it is that of none."""
        before = getattr(self, "state", None)
        self.state = State(n, self.lanes, self.seed)
        noisy = [p.model for p in self.network.populations if p.model.noise_name]
        self.state.real[Real.NOISE] = (noisy or [self.spec])[0].noise_default
        network = self.network if n else without_neurons(self.network)
        if self.spec.kind == SPINS:
            self.model = Spins(self.state, network.populations[0].name, self.parameters)
        else:
            self.model = Populations(self.state, network, self.program, self.parameters)
        if before is not None:
            self._carry_over(before)
        else:
            self._bind_program()
        self.outputs = self._new_outputs()
        self.state.ctx[Ctx.PARALLEL] = int(self.threads > 1 and self.state.blocks > 1)

    def parameter(self, key: str) -> Parameter:
        """The parameter with a key of `parameters`."""
        head, _, name = key.partition(".")
        one = self.network.instance(head) if name else None
        found = (one.model if one else self.spec).parameter(name or key)
        assert found is not None
        return found

    @property
    def spec(self) -> Model:
        """The model of the first population."""
        return self.network.populations[0].model

    def _new_outputs(self) -> Outputs:
        outputs = Outputs(self.state, self.model.has_spikes, self.model.cells_of)
        before = getattr(self, "outputs", None)
        if before is not None:
            outputs.readings = before.readings
        return outputs

    def _carry_over(self, before: State) -> None:
        """What the program did before ALC: position, fuel, registers, noise, offset."""
        for slot in (Ctx.PC, Ctx.FUEL, Ctx.BUDGET):
            self.state.ctx[slot] = before.ctx[slot]
        for real in (Real.NOISE, Real.NOISE_SET, Real.OFFSET):
            self.state.real[real] = before.real[real]
        self._bind_program()
        self.state["VALUES"][:] = before["VALUES"]

    def allocate(self, n: int) -> None:
        """Serve ALC."""
        self.outputs.take_emitted(self.output_names)
        self.parameters |= fixed_parameters(self.program, self.network)
        self._allocate(n)
        self.allocated = True
        self._kernel = None

    # --- the program as the loop sees it ----------------------------------------------------------------

    def _bind_program(self) -> None:
        numbers: list[float] = [0.0] * limit("registers")
        code = np.zeros((len(self.program.instructions) + 1, 4), np.int64)
        for row, instruction in zip(code, self.program.instructions, strict=False):
            row[0] = instruction.row.opcode
            for at, operand in enumerate(instruction.operands, 1):
                row[at] = self._operand(instruction, operand, numbers)
        self.state.bind("CODE", code)
        self.state.bind("VALUES", np.array(numbers))
        self.state.ctx[Ctx.CODE_LENGTH] = len(self.program.instructions)

    def _operand(self, instruction: Instruction, operand: Operand, numbers: list[float]) -> int:
        """An operand as a number: a place in the values, a target, or the code of a name; 0 where only the host reads it."""
        if isinstance(operand, Register | Target):
            return operand.index
        if isinstance(operand, Quantity | ConstantRef):
            numbers.append(self.program.quantity(operand).value)
            return len(numbers) - 1
        if isinstance(operand, Name) and instruction.mnemonic == "GET":
            population, _, name = operand.text.rpartition(".")
            return self._population(population) if population else int(Scalar[name.upper()])
        if isinstance(operand, Name) and instruction.mnemonic == "PEEK":
            return int(self.model.variable(operand.text))
        return 0

    def _population(self, name: str) -> int:
        """The number by which GET reads the spikes of one population."""
        return OF_POPULATION + [p.name for p in self.network.populations].index(name)

    @cached_property
    def output_names(self) -> dict[int, str]:
        """What each OUT calls its number, by its place in the program."""
        names = {}
        for pc, instruction in enumerate(self.program.instructions):
            if instruction.mnemonic == "OUT":
                word = instruction.operands[1] if len(instruction.operands) > 1 else Name("value")
                names[pc] = word.text if isinstance(word, Name) else "value"
        return names

    def reading_names(self) -> frozenset[str]:
        """What results of RD and OUT can be called."""
        read = [i.operands for i in self.program.instructions if i.mnemonic == "RD"]
        words = (operands[0] if operands else Name("state") for operands in read)
        return frozenset(self.output_names.values()) | {word.text for word in words if isinstance(word, Name)}

    # --- checkpoints --------------------------------------------------------------------------------

    def live_arrays(self) -> dict[str, Array]:
        """The arrays that a run changes, by name, as they lie in memory: a checkpoint keeps them, and fills them again."""
        if self.model.stale:
            self.model.bind()
            self._kernel = None
        fields: dict[str, Array] = self.model.live()
        return self.state.live() | fields

    def chosen_values(self) -> dict[str, Array]:
        """What must be known before there are the arrays of `live_arrays`: clamps, and what a network was set to."""
        chosen: dict[str, Array] = self.model.chosen()
        return {"hold": self.model.held(), **chosen}

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
            self._kernel = None
        if self._kernel is None:
            began = time.perf_counter()
            self._kernel = self._compiled(self.model.family, self.model.storage, self.model.variant)
            self.state.ctx[Ctx.DYNAMICS_AT] = address_of(self._kernel)
            self.seconds["compile"] += time.perf_counter() - began
        return self._kernel

    @cached_property
    def _loop(self) -> Kernel:
        """The kernel that executes programs."""
        began = time.perf_counter()
        loop = self._compiled("machine", "", "")
        self.seconds["compile"] += time.perf_counter() - began
        return loop

    def _compiled(self, family: str, storage: str, variant: str) -> Kernel:
        try:
            return kernel(family, storage, variant, self.notice)
        except Abandoned:
            self._given_up = True
            raise

    def forget_kernel(self) -> None:
        """Let the next slice choose its kernel anew, after couplings, clamps or parameters changed."""
        self._kernel = None

    def run_slice(self) -> Status:
        """Run for about a twentieth of a second. Returns HALT, FUEL or SLICE; raises BioasmError for a fault."""
        ctx, began = self.state.ctx, time.perf_counter()
        ctx[Ctx.BUDGET] = self._budget
        status = Status.DRAIN
        while status not in (Status.HALT, Status.FUEL, Status.SLICE):
            status = self._turn()
            ctx = self.state.ctx
        self.outputs.drain()
        self.outputs.take_emitted(self.output_names)
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
            self.outputs.take_emitted(self.output_names)
            self.outputs.check_limits()
        elif status is Status.HOST:
            self._serve()
        elif status is Status.FAULT:
            self.outputs.take_emitted(self.output_names)
            raise self._fault()
        return status

    def _at_host_instruction(self) -> bool:
        ctx = self.state.ctx
        if ctx[Ctx.RUNNING] or ctx[Ctx.PC] >= ctx[Ctx.CODE_LENGTH]:
            return False
        return self.program.instructions[ctx[Ctx.PC]].mnemonic in HOST

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
        served = Served(self, int(ctx[Ctx.PC]))
        self.outputs.take_emitted(self.output_names)
        HOST[served.instruction.mnemonic](served)
        ctx = self.state.ctx
        ctx[Ctx.PC] += 1
        ctx[Ctx.FUEL] -= 1
        ctx[Ctx.BUDGET] -= 1
        return Status.HOST

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
        instruction = self.program.instructions[ctx[Ctx.PC]]
        text = _FAULTS[Fault(int(ctx[Ctx.FAULT]))]
        number = instruction.operands[-1]
        value = self.value(number) if isinstance(number, Register | Quantity | ConstantRef) else 0.0
        message = text.format(f"{value:g}", limit=limit("steps"), last=self.n - 1)
        return self.error("B402", message, instruction)

    def error(self, code: str, message: str, instruction: Instruction) -> BioasmError:
        """An error at an instruction."""
        return BioasmError(Diagnostic(code, message, instruction.span))

    def _check_finite(self) -> None:
        what = self.model.not_finite()
        if what is not None:
            when = f"{self.steps * self.step_length:g} {self.spec.clock.symbol}"
            raise BioasmError(Diagnostic("B407", f"{what} left the finite range before {when}"))

    # --- reading ------------------------------------------------------------------------------------

    def value(self, operand: Register | Quantity | ConstantRef) -> float:
        """The number that an operand stands for now."""
        if isinstance(operand, Register):
            return float(self.state["VALUES"][operand.index])
        return self.program.quantity(operand).value

    def data(self, operand: DataRef) -> Any:
        """The datum that an operand stands for."""
        return self.program.data[operand.index].value

    def _refreshed(self) -> bool:
        """Bring energies up to date; False where the run was stopped before their kernel was compiled."""
        if self._given_up and (self._kernel is None or self.model.stale):
            return False
        self._call(REFRESH)
        return True

    def energy(self) -> Array:
        """E of the present state, a lane each, with the offset; NaN where the run was stopped during a compilation."""
        if self.state.n == 0:
            return np.full(self.lanes, self.state.real[Real.OFFSET])
        if not self._refreshed():
            return np.full(self.lanes, np.nan)
        return np.asarray(self.state["ENERGY"][: self.lanes] + self.state.real[Real.OFFSET])

    def best_energy(self) -> Array:
        """The lowest energy seen, a lane each, with the offset; NaN where none was seen."""
        best = self.state["BEST_ENERGY"][: self.lanes]
        if self.state.n == 0:
            return np.full(self.lanes, np.nan)
        if self.state.ctx[Ctx.DIRTY] and not self.model.has_spikes:
            self._refreshed()  # spins that have not moved yet were seen too
        return np.where(np.isfinite(best), best + self.state.real[Real.OFFSET], np.nan)

    def best_state(self) -> Array:
        """The state of lowest energy seen, (lanes, n); where none was seen the present one."""
        if self.state.n == 0:
            return np.zeros((self.lanes, 0), np.int8)
        final: Array = self.model.final_as_best().astype(np.int8)
        first, n = self.model.landscape
        if n:
            seen = np.isfinite(self.state["BEST_ENERGY"][: self.lanes])
            best, own = self.state.from_cells(self.state["BEST"]), final[:, first : first + n]
            final[:, first : first + n] = np.where(seen[:, None], best, own)
        return final

    @property
    def step_length(self) -> float:
        """One step in the model's clock: seconds, or 1 sweep."""
        return float(self.state.real[Real.DT])
