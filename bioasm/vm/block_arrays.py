"""Arrays of the kernel of BLK: the coupling graph in CSR form, and scratch for the widest block so far."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.runtime.blocks import Measure, check_width, measure
from bioasm.runtime.random import STREAM_BLOCKS, lane_key
from bioasm.vm.layout import LEAST_WIDTH, WIDE, Ctx, Real
from bioasm.vm.state import State

Array = NDArray[Any]


class BlockArrays:
    """Arrays bound into a State whose couplings are loaded; blocks are measured once each."""

    def __init__(self, state: State, storage: str) -> None:
        self.state = state
        n = state.n
        self.start, self.column, values = _rows(state, storage)
        self.size = np.abs(values)
        self._measured: dict[tuple[int, int], tuple[Array, Measure]] = {}
        state.ctx[Ctx.PLAN_WHOLE] = int(state["FIELD"].dtype == np.int32)
        for name, array in (("ROW", self.start), ("COLUMN", self.column), ("J", values), ("H", state["H"].astype(np.float64))):
            state.bind(f"PLAN_{name}", array)
        state.bind("PLAN_KEY", np.stack(lane_key(state.seed, state.numbers, STREAM_BLOCKS)))
        state.bind("PLAN_KNOWN", np.zeros(3 * n, np.int32))
        state.bind("PLAN_MET", np.zeros(2 * (n + 1), np.int32))
        state.bind("PLAN_COST", np.zeros(n + 1))
        state.bind("PLAN_WORD", np.zeros(2 * (n + WIDE), np.uint32))
        for name in ("JOIN", "TABLE", "CHOICE"):
            state.bind(f"PLAN_{name}", np.zeros(0, np.uint8))

    def prepare(self, order: Array) -> None:
        """Bind a block for the kernel. Raises TooWide before its scratch is allocated."""
        state, found = self.state, self._measure(order)
        check_width(found, len(order))
        entries = 1 << max(found.width, LEAST_WIDTH)
        needed = {"JOIN": 16 * len(order), "TABLE": 8 * entries, "CHOICE": 2 * len(order) * (entries // 8)}
        for name, size in needed.items():
            if state[f"PLAN_{name}"].nbytes < size:
                state.bind(f"PLAN_{name}", np.zeros(-(-size // 8), np.int64))
        state.bind("PLAN_ORDER", order)
        state.ctx[[Ctx.PLAN_COUNT, Ctx.PLAN_WIDTH]] = len(order), found.width
        state.real[Real.PLAN_SPREAD] = found.spread

    def _measure(self, order: Array) -> Measure:
        key = order.ctypes.data, len(order)  # the array is kept alive, so that its address is not reused
        if key not in self._measured:
            self._measured[key] = order, measure(order, self.start, self.column, self.size)
        return self._measured[key][1]


def _rows(state: State, storage: str) -> tuple[Array, Array, Array]:
    """CSR arrays (starts, columns, float64 values) of the nonzero entries of J, in units of fields."""
    n = state.n
    if storage == "none":
        return np.zeros(n + 1, np.int64), np.zeros(0, np.int32), np.zeros(0)
    if storage.startswith("dense"):
        row, column = np.nonzero(state["J"].reshape(n, n))
        start = np.searchsorted(row, np.arange(n + 1)).astype(np.int64)
        return start, column.astype(np.int32), state["J"].reshape(n, n)[row, column].astype(np.float64)
    start, column, value = state["J_ROW"], state["J_COLUMN"], state["J"].astype(np.float64)
    if value.all():
        return start, column, value
    kept = np.flatnonzero(value)
    return np.searchsorted(kept, start).astype(np.int64), column[kept], value[kept]
