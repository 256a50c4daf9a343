"""Whether the method of each equation fits it, and what of its right side is noise."""

from __future__ import annotations

from collections.abc import Mapping

from bioasm.diagnostics import did_you_mean
from bioasm.models.algebra import linear_in, substitute
from bioasm.models.base import METHODS, Equation
from bioasm.models.draft import Draft, RawEquation
from bioasm.models.expression import Expression, symbols
from bioasm.models.findings import Findings
from bioasm.models.limits import LARGEST
from bioasm.models.syntax import place_of


def expanded(expression: Expression, definitions: Mapping[str, Expression]) -> Expression:
    """The expression with all definitions put in; they need each other in no circle."""
    while found := symbols(expression) & definitions.keys():
        expression = substitute(expression, {name: definitions[name] for name in found})
    return expression


def check_sizes(draft: Draft, order: list[str], findings: Findings) -> None:
    """Note definitions that are too large once those that they need are put in, which can double at each."""
    values = {raw.name.text: raw for raw in draft.definitions}
    sizes: dict[str, int] = {}
    for name in (n for n in order if n in values):
        raw = values[name]
        sizes[name] = sum(sizes.get(getattr(node, "name", ""), 1) for node in raw.value.walk())
        if sizes[name] > LARGEST:
            text = f"`{name}` has more than {LARGEST} parts once the definitions that it needs are put in"
            findings.add("B111", text, raw.name.at)
            sizes[name] = 1


def check_noise(draft: Draft, findings: Findings) -> None:
    """Note equations in which white noise is more than added with a factor."""
    for item in (item for stage in draft.stages for item in stage):
        if isinstance(item, RawEquation) and _apart(item.rate) is None:
            text = "white noise can only be added, with a factor that holds no noise"
            findings.add("B030", text, place_of(item.rate), "... + sigma*sqrt(2/tau)*xi")


def _apart(rate: Expression) -> tuple[Expression, tuple[tuple[str, Expression], ...]] | None:
    """A right side without its noise, and the factor of each white noise; None where it can't be set apart."""
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
    """Makes Equations of the raw ones. `definitions` have to be free of circles."""

    def __init__(self, draft: Draft, definitions: Mapping[str, Expression], findings: Findings) -> None:
        self.definitions, self.findings = definitions, findings
        self.states = {raw.name.text for raw in draft.states}

    def equation(self, raw: RawEquation) -> Equation | None:
        """The equation with its noise set apart; None where something is wrong, which is noted."""
        method = raw.method.text or "euler"
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
        self._check_linear(raw, rate, method)
        return Equation(raw.name.text, rate, method, noise, raw.frozen)

    def _check_linear(self, raw: RawEquation, rate: Expression, method: str) -> None:
        if method not in ("cnexp", "exact"):
            return
        name = raw.name.text
        parts = linear_in(expanded(rate, self.definitions), name)
        if parts is None:
            hint = "implicit and exponential_euler take any equation"
            text = f"{method} needs an equation that is linear in `{name}`, written as a sum or product"
            self.findings.add("B029", text, raw.method.at, hint)
        elif method == "exact":
            others = sorted((symbols(parts[0]) | symbols(parts[1])) & self.states - {name})
            if others:
                text = f"exact needs coefficients that do not change in a step; this equation reads {', '.join(others)}"
                self.findings.add("B029", text, raw.method.at, "cnexp takes them from the beginning of the step")
