"""Code of values that change less often than every step: sums of inputs, prepared numbers, the next change of inputs."""

from __future__ import annotations

from collections.abc import Iterable

from bioasm.vm.codegen.frame import CTX, REAL, B, Frame, cells, neurons
from bioasm.vm.codegen.lower import STEP
from bioasm.vm.codegen.plan import Plan
from bioasm.vm.codegen.schedule import WIDTH, schedule
from bioasm.vm.codegen.spikes import next_event
from bioasm.vm.codegen.statements import Assign, Do, Function, Let, Put, Return, Statement
from bioasm.vm.codegen.types import Type
from bioasm.vm.codegen.values import Value, apply, as_value, field, named, read

FAR = 1 << 62  # a step that is never reached


def add_inputs(frame: Frame) -> None:
    """Add the functions that sum inputs, and those that return until which step the sums are valid."""
    frame.functions.append(_hold(frame))
    frame.functions += [_next_change(frame.plan), _next_arrival(frame.plan)]


def add_prepare(frame: Frame) -> None:
    """Add `prepare`: values hoisted out of the loop over steps, which depend on parameters and the noise level only."""
    each = [steps.prepare() for steps in (*frame.steps, *frame.wires)]
    if not frame.merged:
        frame.functions.append(_prepare("prepare", (put for puts in each for put in puts)))
        return
    several = [_prepare(f"prepare_{at}", puts) for at, puts in enumerate(each) if puts]
    calls = tuple(Do(function.name, (CTX, REAL)) for function in several)
    frame.functions += [*several, Function("prepare", (CTX, REAL), calls)]


def _prepare(name: str, puts: Iterable[Put]) -> Function:
    made = schedule(puts, as_value(0))
    return Function(name, (CTX, REAL), (*made.before, *made.turn))


def fed_input(plan: Plan, p: int) -> str | None:
    """The qualified name of the input of the feedback, if it belongs to this population."""
    population = plan.systems[p].population
    feedback = population.model.feedback
    return population.qualified(feedback.target) if feedback is not None and plan.coupled == p else None


def _hold(frame: Frame) -> Function:
    body: list[Statement] = []
    for p, steps in enumerate(frame.steps):
        body += _sums(frame.plan, p)
        if steps.hoisting.hoisted:
            frame.add_loop(f"hold_{p}", p, steps.hold())
            body.append(Do(f"hold_{p}", (CTX, REAL, B, as_value(0), cells(p), STEP)))
    return Function("hold", (CTX, REAL, B, STEP), tuple(body))


def _sums(plan: Plan, p: int) -> list[Statement]:
    """Sum the external parts of inputs, where there are several."""
    body: list[Statement] = []
    for name in plan.systems[p].inputs:
        fed = name == fed_input(plan, p)
        if not fed and name not in plan.played:
            continue
        held, base = (field(f"{name}{end}", p, "f8", "cell") for end in ("#", "#base"))
        at = neurons(p) * read("block", "LANE0")
        body.append(Do("copy_cells", (held, base, at, cells(p))))
        if fed:
            body.append(Do("add_feedback", (CTX, held, at, cells(p))))
        if name in plan.played:
            rows = field(f"wave:{name}", p, "f8", "wave")
            alone = Do("add_wave", (held, at, cells(p), WIDTH, STEP, rows, *_wave(name)))
            body.append(
                Do("add_waves", (held, at, WIDTH, STEP, *_waves(name, p), rows)) if name in plan.played_apart else alone
            )
    return body


def _wave(name: str) -> list[Value]:
    return [read("whole", f"wave_{part}:{name}") for part in ("rows", "columns", "period", "start")]


def _waves(name: str, p: int) -> list[Value]:
    return [field(f"waves:{name}", p, "i8", "wave"), read("whole", f"waves:{name}")]


def _next_change(plan: Plan) -> Function:
    played = [(p, name) for p, system in enumerate(plan.systems) for name in system.inputs if name in plan.played]
    changes = [
        apply("next_waves_change", STEP, *_waves(name, p))
        if name in plan.played_apart
        else apply("next_wave_change", STEP, *_wave(name))
        for p, name in played
    ]
    return Function("next_change", (CTX, STEP), _earliest(changes))


def _next_arrival(plan: Plan) -> Function:
    return Function("next_arrival", (CTX, B), _earliest([next_event(target) for target in plan.events]))


def _earliest(steps: list[Value]) -> tuple[Statement, ...]:
    """Return the minimum of several steps, FAR for none."""
    earliest = named("earliest", Type.I64)
    found = [Assign(earliest, apply("min", earliest, step)) for step in steps]
    return (Let(earliest, as_value(FAR), mutable=True), *found, Return(earliest))
