"""Integration methods: whether each fits its equation, and the white noise split off the right sides."""

from __future__ import annotations

from collections.abc import Mapping

from bioasm.diagnostics import did_you_mean
from bioasm.models.algebra import linear_in
from bioasm.models.base import EVENT_DRIVEN, METHODS, Equation
from bioasm.models.complexity import ONE, TreeSize, tree_size
from bioasm.models.expression import Expression, Place, expanded, symbols
from bioasm.models.findings import Findings
from bioasm.models.limits import MOST_COUPLED
from bioasm.models.linear_systems import coupled, linear_row
from bioasm.models.sections import evaluated
from bioasm.models.syntax_tree import RawEquation, RawModel, RawValue, place_of


def check_sizes(parsed: RawModel, order: list[str], findings: Findings) -> None:
    """Findings for expressions that are too large or deep after substitution of definitions, each of which can double the size.

    `order` has the names of definitions and states in topological order.
    """
    values: dict[str, RawValue] = {raw.name: raw for raw in (*parsed.definitions, *parsed.states)}
    definitions = {raw.name for raw in parsed.definitions}
    at_start: dict[str, TreeSize] = {}
    in_step: dict[str, TreeSize] = {}
    for raw in (values[name] for name in order if name in values):
        name = raw.name
        at_start[name] = _checked(f"`{name}`", tree_size(raw.value, at_start), raw.name.at, findings)
        if name in definitions and at_start[name] != ONE:
            in_step[name] = tree_size(raw.value, in_step)
    for one in evaluated(parsed):
        _checked("this expression", tree_size(one.value, in_step), place_of(one.value), findings)


def _checked(what: str, found: TreeSize, at: Place, findings: Findings) -> TreeSize:
    """The size, or 1 after a finding, so that expressions that need this one give no further findings."""
    if found.fault is None:
        return found
    findings.add("B111", f"{what} {found.fault}", at)
    return ONE


def check_noise(parsed: RawModel, findings: Findings) -> None:
    """Findings for equations that are not linear in their white noise."""
    for item in parsed.step():
        if isinstance(item, RawEquation) and _apart(item.rate) is None:
            text = "white noise can only be added, with a factor that holds no noise"
            findings.add("B030", text, place_of(item.rate), "... + sigma*sqrt(2/tau)*xi")


def _apart(rate: Expression) -> tuple[Expression, tuple[tuple[str, Expression], ...]] | None:
    """Split a right side into its drift and the factor of each white noise; None where it is not linear in the noise."""
    names = sorted(n for n in symbols(rate) if n == "xi" or n.startswith("xi_"))
    noise = []
    for name in names:
        parts = linear_in(rate, name)
        if parts is None or symbols(parts[1]) & {*names}:
            return None
        rate = parts[0]
        noise.append((name, parts[1]))
    return rate, tuple(noise)


class Methods:
    """Lowers equations: their method checked, their noise split off. `definitions` must contain no cycle."""

    def __init__(self, parsed: RawModel, definitions: Mapping[str, Expression], findings: Findings) -> None:
        self.definitions, self.findings = definitions, findings
        self.states = {raw.name for raw in parsed.states}
        self.constants = {raw.name for raw in parsed.parameters} | {"dt"}

    def equation(self, raw: RawEquation, together: set[str]) -> Equation | None:
        """The equation with its noise split off; None after a finding. `together` are the states of its stage's exact equations."""
        method = raw.method or "euler"
        if method == EVENT_DRIVEN:
            return Equation(raw.name, raw.rate, method)
        if method not in METHODS:
            hint = did_you_mean(method, METHODS) or f"the methods are {', '.join(METHODS)}"
            self.findings.add("B029", f"there is no method `{method}`", raw.method.at, hint)
            return None
        apart = _apart(raw.rate)
        assert apart is not None
        rate, noise = apart
        if noise and method != "euler":
            text = f"an equation with noise is integrated by euler (Euler-Maruyama), not by {method}"
            self.findings.add("B029", text, raw.method.at)
            return None
        if method == "cnexp":
            self._check_linear(raw, rate)
        elif method == "exact":
            self._check_exact(raw, rate, together)
        return Equation(raw.name, rate, method, noise, raw.frozen)

    def _check_linear(self, raw: RawEquation, rate: Expression) -> None:
        if linear_in(expanded(rate, self.definitions), raw.name) is None:
            self._not_linear(raw, raw.name)

    def _not_linear(self, raw: RawEquation, name: str) -> None:
        text = f"{raw.method} needs an equation that is linear in `{name}`, written as a sum or product"
        self.findings.add("B029", text, raw.method.at, "implicit and exponential_euler take any equation")

    def _check_exact(self, raw: RawEquation, rate: Expression, together: set[str]) -> None:
        whole = expanded(rate, self.definitions)
        others = sorted(symbols(whole) & self.states - together)
        if others:
            text = f"exact needs coefficients that do not change in a step; this equation reads {', '.join(others)}"
            hint = "states of the same stage whose equations are exact too are solved together; cnexp takes others from the step's start"
            self.findings.add("B029", text, raw.method.at, hint)
            return
        row = linear_row(whole, together)
        if isinstance(row, str):
            self._not_linear(raw, row)

    def check_coupled(self, equations: list[RawEquation]) -> None:
        """Findings for exact integration of coupled equations whose coefficients do not depend on parameters only."""
        exact = {str(raw.name): raw for raw in equations if raw.method == "exact"}
        rates = {name: expanded(raw.rate, self.definitions) for name, raw in exact.items()}
        for system in coupled(rates):
            if len(system) > MOST_COUPLED:
                text = f"{len(system)} equations are coupled; exact solves at most {MOST_COUPLED} together"
                self.findings.add("B111", text, exact[system[0]].method.at)
            for name in system:
                self._check_coefficients(exact[name], rates[name], system)

    def _check_coefficients(self, raw: RawEquation, rate: Expression, system: list[str]) -> None:
        row = linear_row(rate, system)
        factors = {} if isinstance(row, str) else row.coefficients
        moving = sorted({name for factor in factors.values() for name in symbols(factor)} - self.constants)
        if moving:
            text = f"coupled equations need coefficients made of parameters; here `{moving[0]}` is a factor of a state"
            self.findings.add("B029", text, raw.method.at, "exact solves them together once for each set of parameters")
