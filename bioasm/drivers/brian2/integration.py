"""Integration code of one kind of neuron, for models without an integrator in Brian2.

Of dx/dt = f with b = df/dx and z = b dt, each method but rk4 adds dt f phi(z) to x:

    euler               phi = 1
    exponential_euler   phi = (exp(z) - 1)/z        (exact is the same where its equation is not coupled to others)
    cnexp               phi = 1/(1 - z/2)           which is x_inf + (x - x_inf) (1 + z/2)/(1 - z/2) with x_inf = x - f/b
    implicit            phi = 1/(1 - z)
"""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.drivers.brian2.cell import FREE, Cell, Part, covered, identifier
from bioasm.drivers.brian2.derivative import derivative
from bioasm.drivers.brian2.exact import ExactSystem
from bioasm.drivers.brian2.flows import stands_still_elsewhere
from bioasm.drivers.brian2.printer import replaced, spell
from bioasm.models.base import Assignment, Equation
from bioasm.models.expression import Binary, Expression, Number, Symbol

_PHI = {
    "exponential_euler": "exprel({z})",
    "exact": "exprel({z})",
    "cnexp": "(1.0 / (1.0 - 0.5 * {z}))",
    "implicit": "(1.0 / (1.0 - {z}))",
}
Item = tuple[Part, Equation]


def step_code(cell: Cell, of: slice = slice(None)) -> str:
    """Stages of all parts, one statement a line. Within a stage all equations see the values from before it."""
    lines = [f"{cell.variable(p, n)} = randn()" for p, n in cell.noises] if cell.own_noise else []
    for stage in range(max(len(part.model.stages) for part in cell.parts))[of]:
        items = [(p, item) for p in cell.parts if stage < len(p.model.stages) for item in p.model.stages[stage]]
        lines += _equations(cell, [(p, i) for p, i in items if isinstance(i, Equation)], stage)
        lines += [_assigned(cell, p, i) for p, i in items if isinstance(i, Assignment)]
    return "\n".join(lines)


def _where_moving(cell: Cell, part: Part, item: Equation | Assignment, new: str, old: str) -> str:
    """Select `new` where the variable is integrated, `old` where it is clamped or refractory."""
    moves = []
    if isinstance(item, Equation) and item.frozen and cell.refractory is not None:
        moves.append(cell.moves)
    if cell.clamps and cell.is_clamp(part, item.variable):
        moves.append(f"{FREE} > 0.5")
    if stands_still_elsewhere(cell, part):
        moves.append(f"{covered(part)} > 0.0")
    return f"chosen({' and '.join(moves)}, {new}, {old})" if moves else new


def _equations(cell: Cell, items: list[Item], stage: int) -> Iterator[str]:
    yield from _runge_kutta(cell, [item for item in items if item[1].method == "rk4"])
    systems = [(part, system) for part, k, system in cell.exact_systems if k == stage]
    for part, system in systems:
        yield from _propagated(cell, part, system)
    together = {(part.name, name) for part, system in systems for name in system.names}
    for part, equation in items:
        if equation.method != "rk4" and (part.name, equation.variable) not in together:
            own = identifier(part, equation.variable)
            yield f"_new_{own} = {own} + {_increment(cell, part, equation)}"
    for part, equation in items:
        own = identifier(part, equation.variable)
        yield f"{own} = {_where_moving(cell, part, equation, f'_new_{own}', own)}"


def _propagated(cell: Cell, part: Part, system: ExactSystem) -> Iterator[str]:
    """Exact propagation of a system over a step; held states act on the others as constants."""
    states = [identifier(part, name) for name in system.names]
    factors = [*states, *(f"({cell.spelled(part, system.constant(name))})" for name in system.names)]
    for i, own in enumerate(states):
        new = ""
        for still, standing in system.variants.items():
            entries = [e for e in system.entries(still) if e.row == i]
            moved = " + ".join(f"{e.variable} * {factors[e.column]}" for e in entries)
            new = f"chosen({standing}, {moved}, {new})" if standing else moved
        yield f"_new_{own} = {new}"


def _increment(cell: Cell, part: Part, equation: Equation) -> str:
    rate = cell.spelled(part, equation.rate)
    increment = f"dt * ({rate})"
    if equation.method != "euler":
        slope = spell(derivative(cell.written_out(part, equation.rate), identifier(part, equation.variable)))
        increment += " * " + _PHI[equation.method].format(z=f"(({slope}) * dt)")
    for name, factor in equation.noise:
        increment += f" + sqrt(dt) * ({cell.spelled(part, factor)}) * {cell.variable(part, name)}"
    return increment


def _assigned(cell: Cell, part: Part, assignment: Assignment) -> str:
    own = identifier(part, assignment.variable)
    return f"{own} = {_where_moving(cell, part, assignment, cell.spelled(part, assignment.value), own)}"


def _runge_kutta(cell: Cell, items: list[Item]) -> Iterator[str]:
    """The classical Runge-Kutta method of order 4, jointly over all its equations of the stage."""
    names = [identifier(part, equation.variable) for part, equation in items]
    for k, (before, share) in enumerate(((0, 0.0), (1, 0.5), (2, 0.5), (3, 1.0)), 1):
        moved = names if before else []
        for own in moved:
            yield f"_at_{k}_{own} = {own} + {share} * dt * _slope_{before}_{own}"
        for own, (part, equation) in zip(names, items, strict=True):
            rate = spell(_moved(cell.written_out(part, equation.rate), moved, k, share))
            yield f"_rate_{k}_{own} = {rate}"
            yield f"_slope_{k}_{own} = {_where_moving(cell, part, equation, f'_rate_{k}_{own}', f'0 * _rate_{k}_{own}')}"
    for own in names:
        slopes = f"_slope_1_{own} + 2 * _slope_2_{own} + 2 * _slope_3_{own} + _slope_4_{own}"
        yield f"_new_{own} = {own} + dt * ({slopes}) / 6"


def _moved(expression: Expression, names: list[str], k: int, share: float) -> Expression:
    """The expression at a later point of the step: time advanced by a `share` of dt, and the variables in `names` along `k`."""
    time = Binary("+", Symbol("t"), Binary("*", Number(share), Symbol("dt")))

    def then(name: str) -> Expression:
        return time if name == "t" else Symbol(f"_at_{k}_{name}" if name in names else name)

    return replaced(expression, then, lambda call: call) if names else expression
