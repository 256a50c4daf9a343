"""The kernels of a machine: compiled for the couplings and parameters of the moment, called on several threads."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from bioasm.vm.background import Abandoned
from bioasm.vm.dynamics import CompiledDynamics
from bioasm.vm.kernel_cache import Kernel, Notice, address_of, kernel
from bioasm.vm.layout import REFRESH, Block, Ctx, Status

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


class KernelRunner:
    """Calls kernels on the State of some neurons. `seconds` counts the time to compile and to run."""

    def __init__(self, threads: int, notice: Notice | None) -> None:
        self.threads, self.notice = threads, notice
        self.samples_stay = True  # where kernels write them; not where they work on copies of those arrays
        self.seconds = {"compile": 0.0, "run": 0.0}
        self.model: CompiledDynamics
        self._kernel: tuple[tuple[str, str, str], Kernel] | None = None
        self._machine: Kernel | None = None
        self._given_up = False  # whether the run was stopped while a kernel was compiled or connections were made
        self._pool: ThreadPoolExecutor | None = None

    def take(self, model: CompiledDynamics) -> None:
        """Run these neurons from now on."""
        self.model, self._kernel = model, None
        model.refresh, model.combine, model.exchange_parts = self.refresh, self.combine, self.exchange
        model.resample_block = self.resample_block
        model.notice = self.notice or model.notice
        model.state.ctx[Ctx.PARALLEL] = int(self.threads > 1 and model.state.blocks > 1)

    def host_has_changed(self) -> None:
        """Note that the host has changed arrays of the State; kernels of this process work on these themselves."""

    # --- kernels --------------------------------------------------------------------------------------

    @property
    def dynamics(self) -> Kernel:
        """The kernel of the dynamics for the couplings and parameters of this moment, with its address in `ctx`."""
        if self.model.stale:
            self._bind()
        if self._kernel is None or self._kernel[0] != self.model.key:
            self._kernel = self.model.key, self._compiled(self.model.key)
            self.model.state.ctx[Ctx.DYNAMICS_AT] = address_of(self._kernel[1])
        return self._kernel[1]

    def _bind(self) -> None:
        try:
            self.model.bind()
        except Abandoned:
            self._given_up = True
            raise

    @property
    def machine(self) -> Kernel:
        """The kernel that executes programs."""
        self._machine = self._machine or self._compiled(("machine", "", ""))
        return self._machine

    def _compiled(self, key: tuple[str, str, str]) -> Kernel:
        began = time.perf_counter()
        try:
            return kernel(*key, self.notice)
        except Abandoned:
            self._given_up = True
            raise
        finally:
            self.seconds["compile"] += time.perf_counter() - began

    # --- calls ----------------------------------------------------------------------------------------

    def execute(self) -> Status:
        """Let the machine's kernel execute the program until it comes back; blocks that it asks for are advanced."""
        execute, _ = self.machine, self.dynamics  # compiled before the clock starts
        state, began = self.model.state, time.perf_counter()
        status = Status(execute(state.ctx.ctypes.data, state.real.ctypes.data, 0))
        if status is Status.PARALLEL:
            self._advance_blocks()
        self.seconds["run"] += time.perf_counter() - began
        return status

    def call(self, block: int) -> int:
        """Call the kernel of the dynamics for a block, or for REFRESH or PEEK_MEAN in place of one."""
        return self.dynamics(self.model.state.ctx.ctypes.data, self.model.state.real.ctypes.data, block)

    def _advance_blocks(self) -> None:
        """Bring all blocks to TARGET, on several threads; a block whose buffer is full comes back for another turn."""
        state = self.model.state
        behind = np.flatnonzero(state["BLOCK"][:, Block.STEP] < state.ctx[Ctx.TARGET])
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor  # most runs have one block and need no threads

            self._pool = ThreadPoolExecutor(self.threads, "bioasm")
        statuses = list(self._pool.map(self.call, behind.tolist()))
        if Status.DRAIN in statuses:
            self.model.outputs.drain()

    def refresh(self) -> bool:
        """Bring fields and energies up to date; False where the run was stopped before their kernel was there."""
        if self._given_up and (self.model.stale or self._kernel is None or self._kernel[0] != self.model.key):
            return False
        self.call(REFRESH)
        return True

    def combine(self) -> None:
        """Let the kernel of MERGE work on all lanes."""
        self._moves(("merge", *self.model.key[1:]), range(self.model.state.blocks))

    def resample_block(self) -> None:
        """Let the kernel of BLK work on all lanes."""
        self._moves(("blocks", "", ""), range(self.model.state.blocks))

    def exchange(self, phase: int) -> None:
        """Let the kernel of CXCH work on all pairs of lanes, in their order: a pass over the spins of each."""
        self._moves(("exchange", *self.model.key[1:]), (phase,))

    def _moves(self, key: tuple[str, str, str], arguments: Iterable[int]) -> None:
        """Call the kernel of an instruction with one number after another."""
        state, kernel_of = self.model.state, self._compiled(key)
        began = time.perf_counter()
        for argument in arguments:
            kernel_of(state.ctx.ctypes.data, state.real.ctypes.data, argument)
        self.seconds["run"] += time.perf_counter() - began

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
