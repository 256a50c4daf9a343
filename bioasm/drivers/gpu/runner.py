"""Execution of a machine's dynamics on a device: synchronous launches of about 50 ms in place of compiled kernels."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import EXIT_DEVICE, error
from bioasm.drivers.gpu.device import Device, DeviceError, RefusedError
from bioasm.drivers.gpu.memory import DeviceMemory
from bioasm.vm.codegen.c_file import Share, ising_file, network_file
from bioasm.vm.dynamics import CompiledDynamics
from bioasm.vm.ising_state import Spins
from bioasm.vm.kernel_cache import PROTOTYPE, Kernel, Notice, address_of
from bioasm.vm.kernel_runner import KernelRunner
from bioasm.vm.layout import PEEK_MEAN, REFRESH, Block, Ctx, Real, Status
from bioasm.vm.network_state import Populations

Array = NDArray[Any]
T = TypeVar("T")

_LAUNCH_SECONDS = 0.05
_FIRST_STEPS = 64


class DeviceRunner(KernelRunner):
    """Calls kernels of a device on copies of a State. Between calls the State has all that a checkpoint needs."""

    def __init__(self, device: Device, notice: Notice | None) -> None:
        super().__init__(threads=1, notice=notice, packs_spins=False)
        self.device, self.samples_stay = device, False
        self._key: tuple[str, str, str] | None = None
        self._kernels: Any = None
        self._memory: DeviceMemory | None = None
        self._changed = True
        self._fault: BaseException | None = None
        self._steps = _FIRST_STEPS  # steps of one launch
        self._entry: Kernel = PROTOTYPE(self._called)

    def take(self, model: CompiledDynamics) -> None:
        """Run other neurons from now on."""
        super().take(model)
        model.state.ctx[Ctx.PARALLEL] = 1  # the loop returns for the device to advance all lanes
        self._key, self._changed = None, True
        self._memory = DeviceMemory(self.device, model.state, model.outputs)

    def host_has_changed(self) -> None:
        """Note that an instruction has changed arrays of the State."""
        self._changed = True

    # --- kernels --------------------------------------------------------------------------------------

    @property
    def dynamics(self) -> Kernel:
        """The callback of the loop for energies and means; the present kernels are built."""
        if self.model.stale:
            self._bind()
            self._changed = True
        if self._key != self.model.key:
            self._kernels, self._key = self._made(), self.model.key
            self.model.state.ctx[Ctx.DYNAMICS_AT] = address_of(self._entry)
        return self._entry

    def _made(self) -> Any:
        if self.notice is not None:
            self.notice(f"compiling the dynamics for {self.device.name}")
        self.memory.parts = parts(self.model, self.device.items)
        began, text = time.perf_counter(), device_text(self.model, self.device.dialect, self.memory.parts)
        try:
            return self._guarded(lambda: self.device.kernels(text))
        except RefusedError as fault:
            raise error("B503", f"{self.device.name} can't compile the dynamics of this program: {fault}") from fault
        finally:
            self.seconds["compile"] += time.perf_counter() - began

    def _guarded(self, work: Callable[[], T]) -> T:
        """Run work on the device. Raises BioasmError B504 where it fails."""
        try:
            return work()
        except DeviceError as fault:
            self.device.lost = True
            raise error("B504", f"{self.device.name}: {fault}", exit_code=EXIT_DEVICE) from fault

    # --- calls ----------------------------------------------------------------------------------------

    def execute(self) -> Status:
        """Execute the program in the loop until it returns, and advance the lanes on its request."""
        status = super().execute()
        self._raise_fault()
        return status

    def _called(self, ctx: int, real: int, what: int) -> int:
        """Callback of the loop. An exception can't propagate through it, and is raised after the loop has returned."""
        try:
            return self._call(what)
        except BaseException as fault:
            self._fault = fault
            return int(Status.DONE)

    def _raise_fault(self) -> None:
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def call(self, block: int) -> int:
        """Compute energies (REFRESH) or the mean of a variable (PEEK_MEAN)."""
        _ = self.dynamics
        return self._call(block)

    def _call(self, what: int) -> int:
        if what == REFRESH:
            self._guarded(self._refresh)
        elif what == PEEK_MEAN:
            self._guarded(self._peek)
        return int(Status.DONE)

    def refresh(self) -> bool:
        """Recompute energies; False where the device is lost or the run was stopped before its kernels were built."""
        return not self.device.lost and super().refresh()

    # --- launches -------------------------------------------------------------------------------------

    @property
    def memory(self) -> DeviceMemory:
        """The present State on the device."""
        assert self._memory is not None
        return self._memory

    def _launch(self, name: str, items: int, *more: int) -> None:
        self.device.launch(self._kernels, name, items, self.memory.buffer, *more)

    def _ready(self) -> None:
        """Upload what has changed, and run `prepare` on the device (values that depend on parameters)."""
        if self.memory.lay_out():
            self._launch("where", 1)
            self.memory.find_base()
            self._changed = True
        if self.memory.write(self._changed):
            self._launch("ready", 1)
        self._changed = False

    def _fetch(self) -> None:
        """Download the changes of a launch."""
        columns = self.model.state.columns
        live = [name.removeprefix("array.").removeprefix("field.") for name in self.model.state.live() | self.model.live()]
        self.memory.read(dict.fromkeys(columns.get(name, name) for name in live))

    def _refresh(self) -> None:
        ctx = self.model.state.ctx
        spins = isinstance(self.model, Spins)
        if bool(ctx[Ctx.DIRTY]) if spins else bool(self.model.storage):
            self._ready()
            self._launch("refresh", self.memory.items)
            self.memory.read_rows()
            self._fetch()
        ctx[Ctx.DIRTY] = 0

    def _peek(self) -> None:
        state = self.model.state
        self._ready()
        asked = [int(state.ctx[slot]) for slot in (Ctx.PEEKED_VARIABLE, Ctx.PEEKED_NEURON)]
        self._launch("peek", self.memory.items, self.memory.address(" peeked"), *asked)
        found = self.memory.read_peeked()[: state.lanes]
        state.real[Real.PEEKED] = np.add.accumulate(found)[-1] / float(state.lanes)  # sequential summation, as on the CPU

    def _advance_blocks(self) -> None:
        """Advance all lanes to TARGET, or to the step at which a buffer of energies or samples is full."""
        self._raise_fault()
        self._guarded(self._advance)
        self.model.outputs.drain()

    def _advance(self) -> None:
        state, until = self.model.state, time.perf_counter() + _LAUNCH_SECONDS
        target, step = int(state.ctx[Ctx.TARGET]), int(state["BLOCK"][0, Block.STEP])
        self._ready()
        while step < target:
            began, goal = time.perf_counter(), min(target, step + self._steps)
            self.memory.put_word(Ctx.TARGET, goal)
            step = self._to(goal)
            self._adapt(time.perf_counter() - began)
            if step < goal:  # a buffer is to be drained
                break
            if time.perf_counter() >= until:
                state.ctx[Ctx.TARGET] = step  # the slice ends here, so that observers and signals are served
                break
        self._fetch()

    def _to(self, goal: int) -> int:
        """Advance all lanes to a step, and drain spikes of full lanes; returns the step that all have reached."""
        while True:
            before = self.memory.steps
            self._launch("go_on", self.memory.items)
            steps = self.memory.read_rows()[:, Block.STEP]
            if not self.memory.take_spikes() and (steps == before).all() or (steps >= goal).all():
                return int(steps.min())

    def _adapt(self, seconds: float) -> None:
        """Adapt the steps of the next launch to the time of this one."""
        factor = min(4.0, max(0.25, _LAUNCH_SECONDS / max(seconds, 1e-6)))
        self._steps = max(1, min(1 << 40, int(self._steps * factor)))


def parts(model: CompiledDynamics, items: int) -> int:
    """The number of work items for a lane's neurons, a power of 2, to occupy a device with `items` concurrent ones.

    It is 1 where neurons depend on one another within a step: a work item then processes a whole lane.
    """
    if not isinstance(model, Populations) or not model.generated.separate:
        return 1
    most = min(max(p.n for p in model.network.populations), -(-items // model.state.places))
    return 1 << (most - 1).bit_length()


def device_text(model: CompiledDynamics, dialect: Any, parts: int = 1) -> str:
    """The source text of some neurons' dynamics for a device."""
    share = Share(model.state.width, parts)
    if isinstance(model, Spins):
        return ising_file(model.storage, model.variant == "whole", dialect, share)
    assert isinstance(model, Populations)
    return network_file(model.generated, model.storage, dialect, share)
