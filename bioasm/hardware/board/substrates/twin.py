"""The substrate `twin`: the board's processor computes the neurons, on the machine that the driver `cpu` runs on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.link.messages import RunStatus
from bioasm.runtime.options import LaneSpan, with_formulas
from bioasm.verifier.gate import Verified
from bioasm.vm.layout import Ctx, Real, Status
from bioasm.vm.machine import Machine

Array = NDArray[Any]

_MOST_FUEL = 1 << 62  # what the machine counts down from at most
_WAIT = 0.01  # s for which a slice is waited for before the link is looked at again


class TwinRun:
    """One run of a program on the machine. Slices run on a thread of their own, so that the link is served meanwhile.

    `energies` (lane, first entry, values) and `spikes` (times in s, neurons) are told of what is new after each slice.
    """

    def __init__(
        self,
        verified: Verified,
        seed: int,
        lanes: int,
        fuel: int,
        parameters: Mapping[str, float],
        energies: Callable[[int, int, Array], None],
        spikes: Callable[[Array, Array], None],
    ) -> None:
        own = with_formulas(verified.program, LaneSpan(0, lanes, lanes))
        self.machine = Machine(verified, seed, lanes, 1, min(fuel, _MOST_FUEL), parameters, lane_values=own)
        self._worker = ThreadPoolExecutor(1, "bioasm-twin")
        self._slice: Future[Status] | None = None
        self._energies, self._spikes = energies, spikes
        self._told_entries, self._told_spikes = [0] * self.machine.state.blocks, 0
        self._interrupted = False
        self.best_energy = float("nan")  # the lowest in any lane after the last slice; NaN where none was seen
        self.status: RunStatus | None = None

    def slice(self) -> bool:
        """Run a time slice; False where the run is over. Raises BioasmError for a fault in the run."""
        self._slice = self._slice or self._worker.submit(self.machine.run_slice)
        try:
            status = self._slice.result(_WAIT)
        except StillRunning:
            return True
        self._slice = None
        if status is Status.HALT:
            self.status = RunStatus.FINISHED
        elif status is Status.FUEL:
            self.status = RunStatus.OUT_OF_FUEL
        elif self._interrupted:
            self.status = RunStatus.INTERRUPTED
        self._tell()
        return self.status is None

    def interrupt(self) -> None:
        """Request the end of the run after the present slice."""
        self._interrupted = True

    @property
    def at_rest(self) -> bool:
        """Whether no slice is under way."""
        return self._slice is None

    def close(self) -> None:
        """Stop the thread."""
        self._worker.shutdown(wait=True, cancel_futures=True)
        self.machine.close()

    @property
    def step(self) -> int:
        """Steps or sweeps done."""
        return self.machine.steps

    @property
    def place(self) -> int:
        """The index of the present instruction."""
        return int(self.machine.state.ctx[Ctx.PC])

    @property
    def run_end(self) -> int:
        """Where the present RUN ends."""
        return self.machine.run_end

    # --- telling ----------------------------------------------------------------------------------------

    def _tell(self) -> None:
        outputs = self.machine.outputs
        self.best_energy = self._lowest()
        if len(self._told_entries) != self.machine.state.blocks:
            self._told_entries = [0] * self.machine.state.blocks
        lane = 0
        for block, pieces in enumerate(outputs.trace):
            new = _tail(pieces, self._told_entries[block])
            for column in range(new.shape[1] if new.size else 0):
                if lane + column < self.machine.lanes:
                    self._energies(lane + column, self._told_entries[block], new[:, column])
            self._told_entries[block] += len(new)
            lane += pieces[0].shape[1] if pieces else 0
        if self.machine.lanes == 1:
            self._tell_spikes()

    def _lowest(self) -> float:
        """The lowest energy seen in any lane, NaN where none was."""
        if not self.machine.state.n:
            return float("nan")
        lowest = float(self.machine.state["BEST_ENERGY"][: self.machine.lanes].min())
        return lowest + float(self.machine.state.real[Real.OFFSET]) if np.isfinite(lowest) else float("nan")

    def _tell_spikes(self) -> None:
        pieces = [piece.T for piece in self.machine.outputs.spikes.pieces]
        new = _tail(pieces, self._told_spikes)
        if new.size:
            self._spikes(new[:, 1] * self.machine.step_length, new[:, 0])
            self._told_spikes += len(new)


def _tail(pieces: list[Array], told: int) -> Array:
    """The rows of pieces after the first `told`."""
    total = sum(len(piece) for piece in pieces)
    found: list[Array] = []
    for piece in reversed(pieces):
        total -= len(piece)
        if total + len(piece) <= told:
            break
        found.append(piece[max(0, told - total) :])
    return np.concatenate(found[::-1]) if found else np.zeros((0, 0))
