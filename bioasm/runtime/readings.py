"""Readings into registers and their output: GET and PEEK, with reductions over lanes, and OUT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import Name, Register
from bioasm.network.references import Resolved, RunRef, VariableRef
from bioasm.results.piece import LOWEST, MEAN, SUM
from bioasm.runtime.instructions import neurons
from bioasm.runtime.observables import observe, seen
from bioasm.runtime.run import Run

Array = NDArray[Any]


def _mean(values: Array) -> float:
    """The mean, summed in the order of the lanes, as the compiled machine does."""
    return float(np.add.accumulate(values)[-1]) / len(values)


# Reductions over lanes. The lowest is NaN only where no lane has seen an energy.
COMBINED: dict[int, Callable[[Array], float]] = {
    LOWEST: lambda values: float(np.fmin.reduce(values)),
    SUM: lambda values: float(values.sum()),
    MEAN: _mean,
}


def per_lane(run: Run, instruction: Resolved) -> tuple[int, Array]:
    """The reduction of a reading over lanes, and the values (lanes,) that it reduces."""
    what = instruction.operands[1]
    assert isinstance(what, RunRef | VariableRef)
    if isinstance(what, RunRef):
        return LOWEST, np.asarray(observe(run, what), np.float64)
    if instruction.mnemonic == "GET":
        return SUM, np.asarray(observe(run, what).sum(axis=1), np.float64)
    (which,) = neurons(run, instruction, 2, run.dynamics.neurons_of(what) if what.part is None else len(what.part))
    return MEAN, np.asarray(seen(run, what)[:, which], np.float64)


def reduce_lanes(run: Run, instruction: Resolved) -> None:
    """PEEK, or a GET over lanes: reduce a reading over lanes into a register."""
    way, values = per_lane(run, instruction)
    run.set_register(destination(instruction), COMBINED[way](values))


def alike(run: Run, instruction: Resolved) -> float:
    """The value of a GET that is the same in all lanes: the time, steps, the level of the noise."""
    what = instruction.operands[1]
    assert isinstance(what, RunRef)
    return float(observe(run, what))


def destination(instruction: Resolved) -> int:
    """The register that an instruction writes."""
    to = instruction.operands[0]
    assert isinstance(to, Register)
    return to.index


def output_name(instruction: Resolved) -> str:
    """The name that an OUT gives its number."""
    word = instruction.operands[1] if len(instruction.operands) > 1 else None
    return word.text if isinstance(word, Name) else "value"
