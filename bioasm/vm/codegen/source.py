"""Generation of a network's step as a program of typed statements: loops of populations, and the order of their calls."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bioasm.vm.codegen.check import check
from bioasm.vm.codegen.frame import Frame
from bioasm.vm.codegen.inputs import add_inputs, add_prepare
from bioasm.vm.codegen.layout import Layout
from bioasm.vm.codegen.merging import Merging
from bioasm.vm.codegen.observables import add_observables
from bioasm.vm.codegen.phases import add_phases
from bioasm.vm.codegen.plan import Plan
from bioasm.vm.codegen.python_printer import print_python
from bioasm.vm.codegen.spikes import Spikes
from bioasm.vm.codegen.statements import Function, Program, values_of
from bioasm.vm.codegen.values import Place

_CALLS_WITHIN = 20_000


@dataclass
class Generated:
    """A generated step: its statements, their Python source, and the layout of its values.

    `noises` are the numbers of white noises of populations. With `keeps` the noise buffer has room for all chunks of all of
    them, so that those of an odd step are preserved; else for one chunk. With `separate` a cell's step reads nothing of other
    cells, and there is no loop of a single iteration.
    """

    program: Program
    source: str
    layout: Layout
    noises: tuple[int, ...]
    keeps: bool
    separate: bool


def generate(plan: Plan, frames: type[Frame] = Frame) -> Generated:
    """The functions of a network: `prepare`, `hold`, `steps` or `many` or `careful`, `value_of`, `next_change`, ...

    `frames` is the Frame class, which chooses the versions of a step.
    """
    with _deeper():
        frame = built(plan, frames)
        layout, functions = _merged(frame)
        flags = {"FAST": frame.fast, "ALONE": frame.alone, "CAREFUL": not frame.fast or bool(plan.events)}
        program = Program({name: max(1, n) for name, n in layout.sizes.items()} | flags, functions)
        check(program)
        noises = tuple(len(s.noises) for s in plan.systems)
        separate = not (plan.links or plan.cables or plan.single or plan.coupled is not None)
        return Generated(program, print_python(program, layout), layout, noises, not frame.fast, separate)


def built(plan: Plan, frames: type[Frame] = Frame) -> Frame:
    """A frame with all functions, each population and projection with its own."""
    frame = frames(plan)
    add_phases(frame)
    add_inputs(frame)
    add_observables(frame)
    add_prepare(frame)
    return frame


def _merged(frame: Frame) -> tuple[Layout, tuple[Function, ...]]:
    """The memory layout of the numbers and arrays that the functions read, and the functions, merged where some are alike."""
    layout = Layout()
    if not frame.merged:
        place_all(layout, frame)
        return layout, tuple(frame.functions)
    merging = Merging(frame.functions)
    merging.place(layout)
    place_all(layout, frame)
    return layout, merging.functions(layout)


def place_all(layout: Layout, frame: Frame) -> None:
    """Place all that the functions read before they are merged."""
    for p in range(len(frame.steps)):
        layout.place("whole", f"n:{p}")
        layout.place("whole", f"first:{p}")
    for p in range(len(frame.steps)):
        for names in Spikes(frame).arrivals(p).values():
            for name in names:
                layout.place("whole", f"slots:{name}")
    for steps in frame.wires:
        layout.place("whole", f"edges:{steps.link.name}")
    for function in frame.functions:
        _find_places(layout, function)


def _find_places(layout: Layout, function: Function) -> None:
    for value in values_of(function):
        if isinstance(value.data, Place):
            layout.place(value.data.table, value.data.name, value.data.made)


@contextmanager
def _deeper() -> Iterator[None]:
    """Raise the recursion limit: derivatives are several times as deep as the deepest expressions."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(max(usual, _CALLS_WITHIN))
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)
