"""Definitions shared by all functions of a step: parameters, sizes of populations, and the functions over cells by name."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cached_property

from bioasm.models.base import ORDER
from bioasm.vm.codegen.check import check_loop
from bioasm.vm.codegen.connections import ConnectionSteps
from bioasm.vm.codegen.loop import FIRED, SPIKES, Loop, over_cells
from bioasm.vm.codegen.lower import STEP
from bioasm.vm.codegen.passes import Numbering
from bioasm.vm.codegen.plan import Plan, Target
from bioasm.vm.codegen.schedule import COUNT, FIRST, WIDTH
from bioasm.vm.codegen.statements import Function, Let, Return
from bioasm.vm.codegen.steps import StepBuilder
from bioasm.vm.codegen.types import Rate, Space, Type
from bioasm.vm.codegen.values import Value, apply, as_value, named, read

CTX, REAL, B = named("ctx", Type.I8), named("real", Type.F8), named("b", Type.I64)
BLOCK, K, TOTAL = named("block", Type.I8), named("k", Type.I64), named("total", Type.I64)
FLAGS = Let(FIRED, apply("fired_cells", CTX, BLOCK))
ALL_CELLS = Let(TOTAL, read("ctx", "N") * WIDTH)
_SEVERAL = 4  # populations of a model from which on they share code: in a loop over two, steps took a tenth longer
OVER_CELLS = (CTX, REAL, B, FIRST, COUNT, STEP)  # the parameters of a function over a range of cells


def neurons(p: int) -> Value:
    """The number of neurons of a population."""
    return read("whole", f"n:{p}", Rate.UNIFORM)


def cells(p: int) -> Value:
    """The number of a population's cells in a block."""
    return neurons(p) * WIDTH


def first_cell(p: int) -> Value:
    """The index of a population's first cell in a block."""
    return read("whole", f"first:{p}", Rate.UNIFORM) * WIDTH


def is_late(order: tuple[str, ...]) -> bool:
    """Whether a step has the default order, in which equations come first."""
    return order == ORDER


class Frame:
    """Builder context: the functions of a network so far, and the builders of its populations' loops."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.functions: list[Function] = []
        numbering = Numbering()
        self.steps = [StepBuilder(s, p, numbering, plan.clamped, plan.heard) for p, s in enumerate(plan.systems)]
        self.arriving: dict[Target, list[str]] = {}  # what `Spikes` has found, by port
        wires = [link for link in plan.links if link.synapse is not None]
        self.wires = [ConnectionSteps(link, plan.systems, numbering, plan.clamped) for link in wires]

    def add_loop(self, name: str, p: int, loop: Loop, noises: int = 0, more: tuple[Value, ...] = ()) -> None:
        """Add a function with the loop over a range of cells that returns the number of spikes; `more` are its parameters."""
        drawn = tuple(named(f"z{at}", Type.F4, Space.CELL) for at in range(noises))
        made = loop.scheduled()
        before = (*made.before, *made.each_step, Let(SPIKES, as_value(0), mutable=True))
        for single in {False, p in self.plan.single}:
            body = (*before, *over_cells(made.turn, single), Return(SPIKES))
            function = Function(name, (*OVER_CELLS, *drawn, *more), body)
            check_loop("batching of exponentials" if single else "scheduling", function)
        self.functions.append(function)

    # --- which way a step goes ------------------------------------------------------------------------

    @cached_property
    def fast(self) -> bool:
        """Whether cells are independent in steps without external spikes: two steps are then fused.

        Models with events, which are rare, are stepped phase by phase.
        """
        orders = {s.population.model.order for s in self.plan.systems}
        noisy = any(s.noises for s in self.plan.systems)
        worth_it = noisy or not self.plan.events  # two versions of a step take twice as long to compile
        eventful = any(steps.events for steps in self.steps)
        return worth_it and not self.plan.links and not eventful and all(map(is_late, orders))

    @cached_property
    def merged(self) -> bool:
        """Whether populations of one model share their functions, and loops over these populations call them."""
        models = Counter(id(s.population.model) for s in self.plan.systems)
        return max(models.values(), default=0) >= _SEVERAL

    @cached_property
    def alone(self) -> bool:
        """Whether there is one population without noise and external spikes: many steps are then one loop."""
        return self.fast and len(self.steps) == 1 and not self.plan.events and not self.plan.systems[0].noises


class PhaseFrame(Frame):
    """A frame with steps phase by phase only: for a back end that runs all cells of a phase in parallel."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(replace(plan, single=frozenset()))
        self.fast = self.alone = self.merged = False
