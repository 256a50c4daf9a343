"""Execution of a machine's kernels: compiled for the present couplings and parameters, called on a thread pool."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from bioasm.vm.background import Abandoned
from bioasm.vm.dynamics import CompiledDynamics
from bioasm.vm.kernel_cache import Kernel, Notice, address_of, kernel
from bioasm.vm.layout import REFRESH, Block, Ctx, Status
from bioasm.vm.packing import blocks_of_a_pack

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


class KernelRunner:
    """Calls kernels on the State of some neurons. `seconds` are the times of compiling and of running."""

    def __init__(self, threads: int, notice: Notice | None, packs_spins: bool = True) -> None:
        """`packs_spins` says whether there are kernels of packed spins: of those that are printed as C there are none."""
        self.threads, self.notice, self.packs_spins = threads, notice, packs_spins
        self.samples_stay = True  # where kernels write them; not where they work on copies of those arrays
        self.seconds = {"compile": 0.0, "run": 0.0}
        self.model: CompiledDynamics
        self._kernel: tuple[tuple[str, str, str], Kernel] | None = None
        self._machine: Kernel | None = None
        self._given_up = False  # whether the run was stopped while a kernel was compiled or connections were made
        self._pool: ThreadPoolExecutor | None = None

    def take(self, model: CompiledDynamics) -> None:
        """Run other neurons from now on."""
        self.model, self._kernel = model, None
        model.refresh, model.combine, model.exchange_parts = self.refresh, self.combine, self.exchange
        model.resample_block = self.resample_block
        model.notice = self.notice or model.notice
        model.state.ctx[Ctx.PACK] = blocks_of_a_pack(model.state, self.threads) if self.packs_spins else 0
        model.state.ctx[Ctx.PARALLEL] = int(self.threads > 1 and model.state.blocks > 1)

    def host_has_changed(self) -> None:
        """Hook after the host has changed arrays of the State; kernels of this process work on the same arrays."""

    # --- kernels --------------------------------------------------------------------------------------

    @property
    def dynamics(self) -> Kernel:
        """The kernel of the dynamics for the present couplings and parameters; its address is put into `ctx`."""
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
        """Execute the program in the machine's kernel until it returns; blocks are advanced on its request."""
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
        """Advance all blocks to TARGET on a thread pool, until each is there or its buffer is full."""
        state = self.model.state
        behind = np.flatnonzero(state["BLOCK"][:, Block.STEP] < state.ctx[Ctx.TARGET])
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor  # most runs have one block and need no threads

            self._pool = ThreadPoolExecutor(self.threads, "bioasm")
        statuses = list(self._pool.map(self.call, behind.tolist()))
        if Status.DRAIN in statuses:
            self.model.outputs.drain()

    def refresh(self) -> bool:
        """Recompute fields and energies; False where the run was stopped before their kernel was compiled."""
        if self._given_up and (self.model.stale or self._kernel is None or self._kernel[0] != self.model.key):
            return False
        self.call(REFRESH)
        return True

    def combine(self) -> None:
        """Call the kernel of MERGE on all lanes."""
        self._moves(("merge", self.model.storage, self.model.fields), range(self.model.state.blocks))

    def resample_block(self) -> None:
        """Call the kernel of BLK on all lanes."""
        self._moves(("blocks", "", ""), range(self.model.state.blocks))

    def exchange(self, phase: int) -> None:
        """Call the kernel of CXCH on all pairs of lanes, in order."""
        self._moves(("exchange", self.model.storage, self.model.fields), (phase,))

    def _moves(self, key: tuple[str, str, str], arguments: Iterable[int]) -> None:
        """Call the kernel of an instruction for each argument in turn."""
        state, kernel_of = self.model.state, self._compiled(key)
        began = time.perf_counter()
        for argument in arguments:
            kernel_of(state.ctx.ctypes.data, state.real.ctypes.data, argument)
        self.seconds["run"] += time.perf_counter() - began

    def close(self) -> None:
        """Shut the thread pool down."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
