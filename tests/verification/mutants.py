"""Compiled machines that are wrong in one small way each: kernels of models that were changed, or results that were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bioasm.drivers.cpu import CpuDriver
from bioasm.models.base import Assignment, Equation, Model
from bioasm.models.expression import Binary, Call, Expression, Number, Symbol
from bioasm.results import Result, Spikes
from bioasm.runtime.options import Observer, RunOptions
from bioasm.verifier.gate import Verified


def replaced(expression: Expression, old: Expression, new: Expression) -> Expression:
    """The expression with one part in place of another."""
    if expression == old:
        return new
    if isinstance(expression, Binary):
        return Binary(expression.operator, replaced(expression.left, old, new), replaced(expression.right, old, new))
    if isinstance(expression, Call):
        return Call(expression.function, tuple(replaced(a, old, new) for a in expression.arguments))
    return expression


def in_step(model: Model, old: Expression, new: Expression) -> Model:
    """The model with a part of its equation changed, in the rate and in the factor of the noise."""
    ((equation,),) = model.stages
    assert isinstance(equation, Equation)
    noise = tuple((name, replaced(factor, old, new)) for name, factor in equation.noise)
    return replace(model, stages=((equation._replace(rate=replaced(equation.rate, old, new), noise=noise),),))


def times(name: str, factor: float) -> Binary:
    """A name times a factor."""
    return Binary("*", Number(factor), Symbol(name))


def threshold(model: Model, operator: str) -> Model:
    """The model with another comparison at its threshold."""
    assert model.threshold is not None
    return replace(model, threshold=model.threshold._replace(condition=replace(model.threshold.condition, operator=operator)))


MODELS: dict[str, Callable[[Model], Model]] = {
    "tau off by 0.1 %": lambda m: in_step(m, Symbol("tau"), times("tau", 1.001)),
    "tau off by a millionth": lambda m: in_step(m, Symbol("tau"), times("tau", 1.000001)),
    "noise off by 0.1 %": lambda m: in_step(m, Symbol("sigma"), times("sigma", 1.001)),
    "threshold >=": lambda m: threshold(m, ">="),
    "no reset": lambda m: replace(m, reset=(Assignment("v", Symbol("v")),)),
    "jumps of spikes off": lambda m: replace(m, ports=(m.ports[0]._replace(jumps=(("v", Number(0.999)),)),)),
}


def spikes_late(result: Result) -> Result:
    """All spikes a step later."""
    spikes = result.spikes
    return replace(result, spikes=Spikes(spikes.t + result.seconds_per_step, spikes.i, spikes.lane))


RESULTS: dict[str, Callable[[Result], Result]] = {
    "spikes a step late": spikes_late,
    "one spike lost": lambda r: replace(r, spikes=Spikes(r.spikes.t[1:], r.spikes.i[1:], r.spikes.lane[1:])),
    "trace without its last entry": lambda r: replace(r, energy_trace=r.energy_trace[:, :-1]),
    "energy without the offset": lambda r: replace(r, energy=r.energy - 1e-6),
    "best state of another energy": lambda r: replace(r, best_state=1 - r.best_state),
    "a reading lost": lambda r: replace(r, results=r.results[:-1]),
    "a count too many": lambda r: replace(r, spike_count=r.spike_count + np.eye(1, r.n, dtype=int)),
    "a step too few": lambda r: replace(r, steps=r.steps - 1),
    "another status": lambda r: replace(r, status="out of fuel"),
}


class Mutant(CpuDriver):
    """The compiled machine with the change called `name`."""

    options = {"name": "which change"}

    def __init__(self, name: str) -> None:
        self.change = name

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        if self.change in MODELS:
            network = verified.network
            populations = tuple(p._replace(model=MODELS[self.change](p.model)) for p in network.populations)
            verified = replace(verified, network=replace(network, populations=populations))
        if self.change == "other seed":
            options = replace(options, seed=options.seed + 1)
        result = super()._run(verified, options, observer)
        return RESULTS[self.change](result) if self.change in RESULTS else result
