"""Relocation of a machine's memory: its named arrays, and masks of the words that are addresses of others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.vm.layout import Block, Ctx, Recorder
from bioasm.vm.outputs import Outputs
from bioasm.vm.state import State

Array = NDArray[Any]
_POINTERS: dict[str, list[int]] = {
    "BLOCK": [Block.SPIKE_STEP_AT, Block.SPIKE_ID_AT, Block.TRACE_AT],
    "RECORDER": [Recorder.NEURON_AT, Recorder.SOURCE_AT, Recorder.VALUE_AT],
}
_OF_THE_LOOP = ("CODE", "VALUES", "OUT_VALUE", "OUT_PC")


def arrays_of(state: State, outputs: Outputs) -> dict[str, Array]:
    """All arrays of the dynamics by name; the tables `ctx` and `real` come first."""
    fields = {name: array for name, array in state.fields.items() if name not in state.columns}
    arrays = {"ctx": state.ctx, "real": state.real, **state.arrays, **fields, **outputs.buffers()}
    return {name: array for name, array in arrays.items() if name not in _OF_THE_LOOP}


def pointers_in(name: str, array: Array) -> Array:
    """The mask of the 64-bit words of an array that are addresses."""
    if name == "ctx":
        return np.array([slot for slot in Ctx if slot.name.endswith("_AT")])
    if name == "ADDRESS":
        return np.arange(array.size)
    if name in _POINTERS and array.ndim == 2:
        rows: Array = np.arange(len(array))[:, None] * array.shape[1]
        return np.asarray((rows + np.array(_POINTERS[name])).ravel())
    return np.zeros(0, np.int64)
