"""From a Draft that was found to be sound to the Model that it says."""

from __future__ import annotations

from math import inf

from bioasm.models.base import (
    MECHANISM,
    NEURON,
    SPINS,
    Addition,
    Assignment,
    Definition,
    Equation,
    Input,
    Model,
    Observable,
    Parameter,
    Refractory,
    Stage,
    StateVariable,
    Threshold,
    Use,
    Variable,
    common_observables,
)
from bioasm.models.dependency_order import definition_order, order_of
from bioasm.models.dimensions import SECOND, dimension_of
from bioasm.models.draft import Draft, RawAssignment, RawEquation, RawParameter, Word
from bioasm.models.events import check_repeats, check_sections, check_seen, feedback_of, order_of_step, port_of
from bioasm.models.expression import Expression, Place, symbols
from bioasm.models.findings import Findings
from bioasm.models.methods import Methods, check_noise, check_sizes
from bioasm.models.names import Scope, check_names
from bioasm.models.syntax import place_of
from bioasm.models.unit_check import Units, check_units
from bioasm.models.values import fold
from bioasm.units import NO_UNIT, Dimension, Exponents

STEP = Parameter("dt", 1e-4, Dimension.TIME, "time step", low=0, open_low=True, structural=True, unit=SECOND)


def build(draft: Draft, text: str, findings: Findings) -> Model:
    """The model. Raises BioasmError with all findings where there is one."""
    check_sections(draft, findings)
    check_repeats(draft, findings)
    scope = Scope(draft, findings)
    check_names(draft, scope)
    order, circular = order_of(draft, findings)
    check_sizes(draft, order, findings)
    check_noise(draft, findings)
    units = check_units(draft, [name for name in order if name not in circular], scope.excused, findings)
    builder = _Builder(draft, scope, units, findings)
    sound = not circular and not findings
    stages = builder.stages() if sound else ()
    return builder.model(text, stages)


class _Builder:
    def __init__(self, draft: Draft, scope: Scope, units: Units, findings: Findings) -> None:
        self.draft, self.scope, self.units, self.findings = draft, scope, units, findings

    def model(self, text: str, stages: tuple[Stage, ...]) -> Model:
        draft, findings = self.draft, self.findings
        check_seen(draft, self.scope, findings)
        ports = tuple(port_of(raw, findings) for raw in draft.ports)
        order = order_of_step(draft, findings)
        feedback = feedback_of(draft, self.scope, findings)
        parameters = self.parameters()
        noise = self.constant(draft.noise.value) if draft.noise else 0.0
        inputs = self.inputs()
        clamp_values = tuple(self.constant(value) for value in draft.clamp[1]) if draft.clamp else ()
        self.check_clock()
        findings.stop()
        strings = [*draft.strings, ""]
        spins = draft.spins is not None
        return Model(
            name=draft.name.text,
            kind=SPINS if spins else NEURON if draft.kind == NEURON else MECHANISM,
            summary=strings[0],
            prose="\n\n".join(strings[1:-1]),
            clock=Dimension.SWEEPS if spins else Dimension.TIME,
            noise=dimension_of(self.unit(draft.noise.name)) if draft.noise else Dimension.NONE,
            noise_default=noise,
            noise_name=draft.noise.name.text if draft.noise else "",
            parameters=parameters,
            variables=self.variables(),
            observables=self.observables(),
            clamp=self.clamp(),
            clamp_values=clamp_values or ((-1.0, 1.0) if spins else ()),
            abilities=self.abilities(),
            source=draft.source,
            states=tuple(StateVariable(s.name.text, s.value, self.unit(s.name), s.summary) for s in draft.states),
            inputs=inputs,
            definitions=self.definitions(),
            stages=stages,
            threshold=Threshold(*draft.spike[:2]) if draft.spike else None,
            reset=tuple(Assignment(a.name.text, a.value) for a in draft.reset),
            refractory=Refractory(*draft.refractory[:2]) if draft.refractory else None,
            ports=ports,
            order=order,
            feedback=feedback,
            uses=tuple(Use(u.name.text, u.unit or NO_UNIT) for u in draft.uses),
            adds=tuple(Addition(a.name.text, a.value) for a in draft.adds),
            text=text,
        )

    def unit(self, word: Word) -> Exponents:
        """The unit of a name that was found to have one."""
        return self.units.get(word.text) or NO_UNIT

    def constant(self, expression: Expression) -> float:
        """The value of an expression of numbers; anything else is noted."""
        value = fold(expression)
        if value is not None:
            return value
        known = len(self.findings.found)
        self.scope.check(expression)
        if len(self.findings.found) == known and not symbols(expression) & self.scope.excused:
            self.findings.add("B032", *_no_number(expression))
        return 1.0

    # --- declarations -------------------------------------------------------------------------------

    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters; neurons that name no time step have the usual one."""
        listed = tuple(self.parameter(raw) for raw in self.draft.parameters)
        stepping = self.draft.kind == NEURON and not self.draft.spins
        return listed if not stepping or any(p.name == "dt" for p in listed) else (*listed, STEP)

    def parameter(self, raw: RawParameter) -> Parameter:
        """One parameter; its default is held to its range."""
        unit = self.unit(raw.name)
        words = tuple((word.text, self.constant(value)) for word, value in raw.words)
        low, high, open_low = self.bounds(raw)
        if words:
            low, high = min(value for _, value in words), max(value for _, value in words)
        default = self.default(raw, dict(words))
        if raw.name.text == "dt" and not raw.fixed:
            self.findings.add("B032", "dt is the same for all neurons: write `fixed`", raw.name.at)
        agree = not any(place_of(bound.value) in self.findings.found for bound in raw.bounds)
        if agree and (not low <= default <= high or (open_low and default == low)):
            self.findings.add("B032", f"the default of `{raw.name.text}` is out of its range", raw.name.at)
        structural = raw.fixed or bool(words)
        return Parameter(raw.name.text, default, dimension_of(unit), raw.summary, low, high, open_low, structural, words, unit)

    def default(self, raw: RawParameter, words: dict[str, float]) -> float:
        """The default: a number, or one of the words."""
        if isinstance(raw.default, Word):
            if raw.default.text not in words:
                self.findings.add("B032", f"the default `{raw.default.text}` is none of the words", raw.default.at)
            return words.get(raw.default.text, next(iter(words.values())))
        return self.constant(raw.default)

    def bounds(self, raw: RawParameter) -> tuple[float, float, bool]:
        """The lowest and highest value, and whether the lowest is outside."""
        low, high, open_low = -inf, inf, False
        sides: set[str] = set()
        for bound in raw.bounds:
            side = bound.operator[0]
            if bound.operator == "<" or side not in "<>":
                self.findings.add("B032", "a range is written >= low, > low or <= high", bound.at)
            elif side in sides:
                self.findings.add("B026", f"the range of `{raw.name.text}` has this side twice", bound.at)
            elif side == ">":
                low, open_low = self.constant(bound.value), bound.operator == ">"
            else:
                high = self.constant(bound.value)
            sides.add(side)
        return low, high, open_low

    def inputs(self) -> tuple[Input, ...]:
        """The inputs with their defaults."""
        return tuple(
            Input(i.name.text, self.constant(i.default) if i.default else 0.0, i.unit or NO_UNIT, i.summary)
            for i in self.draft.inputs
        )

    def definitions(self) -> tuple[Definition, ...]:
        """The definitions, each after those that it needs."""
        raw = {d.name.text: d for d in self.draft.definitions}
        names = definition_order({name: d.value for name, d in raw.items()})
        return tuple(Definition(n, raw[n].value, self.unit(raw[n].name), raw[n].summary) for n in names)

    def stages(self) -> tuple[Stage, ...]:
        """The stages of a step."""
        definitions = {d.name.text: d.value for d in self.draft.definitions}
        methods = Methods(self.draft, definitions, self.findings)
        return tuple(self.stage(stage, methods) for stage in self.draft.stages)

    def stage(self, raw: list[RawEquation | RawAssignment], methods: Methods) -> Stage:
        """One stage: its equations, and then its assignments."""
        ordered = sorted(raw, key=lambda item: isinstance(item, RawAssignment))
        return tuple(filter(None, (self.change(item, methods) for item in ordered)))

    @staticmethod
    def change(item: RawEquation | RawAssignment, methods: Methods) -> Equation | Assignment | None:
        """An equation or assignment; None where something is wrong with it."""
        if isinstance(item, RawEquation):
            return methods.equation(item)
        return Assignment(item.name.text, item.value)

    # --- what can be seen ---------------------------------------------------------------------------

    def variables(self) -> tuple[Variable, ...]:
        """All that can be recorded: states, definitions, inputs, and the number of spikes."""
        draft = self.draft
        raw = [(r.name, r.summary) for r in (*draft.states, *draft.definitions)]
        raw += [(r.name, r.summary) for r in draft.inputs]
        if draft.spins:
            raw = [draft.spins]
        listed = [Variable(name.text, dimension_of(self.unit(name)), summary) for name, summary in raw]
        return (*listed, *([Variable("spike_count", Dimension.NONE, "spikes so far")] if draft.spike else []))

    def observables(self) -> tuple[Observable, ...]:
        """What RD reads: the state, every state variable, what `observe:` lists, spikes, and what every model has."""
        draft = self.draft
        if draft.kind != NEURON:
            return ()
        if draft.spins:
            name, summary = draft.spins
            seen = {"state": (name, summary), "spins": (name, summary)}
        else:
            seen = {"state": (self.draft.states[0].name, self.draft.states[0].summary)}
            seen |= {s.name.text: (s.name, s.summary) for s in draft.states}
        seen |= {o.name.text: (o.variable, o.summary) for o in draft.observables}
        shown = [
            Observable(name, "neurons", summary, dimension_of(self.unit(word)), variable=word.text)
            for name, (word, summary) in seen.items()
        ]
        spikes = _SPIKES if draft.spike else ()
        return (*shown, *spikes, *common_observables(Dimension.SWEEPS if draft.spins else Dimension.TIME))

    def clamp(self) -> str:
        """The variable that CLAMP holds."""
        draft = self.draft
        if draft.clamp:
            return draft.clamp[0].text
        first = [draft.spins[0]] if draft.spins else [s.name for s in draft.states]
        return first[0].text if first and draft.kind == NEURON else ""

    def abilities(self) -> frozenset[str]:
        """What the model supports beyond the core."""
        draft = self.draft
        having = {
            "record": bool(draft.states or draft.spins or draft.definitions or draft.inputs),
            "clamp": draft.kind == NEURON,
            "inputs": bool(draft.inputs or draft.ports),
            "kbody": bool(draft.feedback or draft.spins),
        }
        return frozenset(name for name, has in having.items() if has)

    def check_clock(self) -> None:
        """What a model counts in follows from what it is; a line that says so must say it rightly."""
        word, counts = self.draft.clock, "sweeps" if self.draft.spins else "time"
        if word and word.text != counts:
            self.findings.add("B031", f"this model counts in {counts}", word.at)


def _no_number(expression: Expression) -> tuple[str, Place, str | None]:
    """What is wrong with an expression that is to be a number, where, and a hint."""
    if not symbols(expression):
        return "this has no finite value", place_of(expression), None
    hint = "relations between parameters stand under `definitions:`"
    return "a number is wanted here, not a value that changes", place_of(expression), hint


_SPIKES = (
    Observable("spikes", "events", "times and neurons of all spikes so far"),
    Observable("spike_count", "neurons", "number of spikes of each neuron", register=True, variable="spike_count"),
)
