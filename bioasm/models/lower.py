"""Lowering: a checked syntax tree becomes a Model."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

from bioasm.models.base import (
    NEURON,
    SPINS,
    Assignment,
    Definition,
    Handler,
    Input,
    Model,
    Observable,
    Parameter,
    Stage,
    StateVariable,
    Use,
    Variable,
    common_observables,
)
from bioasm.models.dependency_order import definition_order, order_of
from bioasm.models.dimensions import SECOND
from bioasm.models.events import check_repeats, check_sections, check_seen, event_of, feedback_of, order_of_step, port_of
from bioasm.models.expression import Expression, Place, symbols
from bioasm.models.findings import Findings
from bioasm.models.methods import Methods, check_noise, check_sizes
from bioasm.models.names import Scope, check_names
from bioasm.models.synapses import check_event_driven, check_start, check_synapse
from bioasm.models.syntax_tree import RawEquation, RawModel, RawParameter, RawValue, Word, place_of
from bioasm.models.unit_check import Units, check_units
from bioasm.models.values import fold
from bioasm.units import NO_UNIT, Dimension, Exponents, dimension_of

STEP = Parameter("dt", 1e-4, Dimension.TIME, "time step", low=0, open_low=True, structural=True, unit=SECOND)


def lower(parsed: RawModel, text: str, findings: Findings) -> Model:
    """The Model of a checked syntax tree. Raises BioasmError with all findings if there are any."""
    check_sections(parsed, findings)
    check_repeats(parsed, findings)
    check_synapse(parsed, findings)
    scope = Scope(parsed, findings)
    check_names(parsed, scope)
    order, circular = order_of(parsed, findings)
    check_sizes(parsed, order, findings)
    check_noise(parsed, findings)
    units = check_units(parsed, [name for name in order if name not in circular], scope.excused, findings)
    lowering = _Lowering(parsed, scope, units, findings)
    sound = not circular and not findings
    stages = lowering.stages() if sound else ()
    return lowering.model(text, stages)


class _Lowering:
    def __init__(self, parsed: RawModel, scope: Scope, units: Units, findings: Findings) -> None:
        self.parsed, self.scope, self.units, self.findings = parsed, scope, units, findings

    def model(self, text: str, stages: tuple[Stage, ...]) -> Model:
        parsed, findings = self.parsed, self.findings
        check_seen(parsed, self.scope, findings)
        ports = tuple(port_of(raw, findings) for raw in parsed.ports)
        events = tuple(filter(None, (event_of(raw, findings) for raw in parsed.events)))
        order = order_of_step(parsed, findings)
        feedback = feedback_of(parsed, self.scope, findings)
        parameters = self.parameters()
        noise = self.constant(parsed.noise.value) if parsed.noise else 0.0
        inputs = self.inputs()
        clamp_values = tuple(self.constant(value) for value in parsed.clamp.values) if parsed.clamp else ()
        self.check_clock()
        findings.stop()
        strings = [*parsed.strings, ""]
        spins = parsed.spins is not None
        model = Model(
            name=parsed.name,
            kind=SPINS if spins else parsed.kind,
            summary=strings[0],
            prose="\n\n".join(strings[1:-1]),
            clock=Dimension.SWEEPS if spins else Dimension.TIME,
            noise=dimension_of(self.unit(parsed.noise.name)) if parsed.noise else Dimension.NONE,
            noise_default=noise,
            noise_name=parsed.noise.name if parsed.noise else "",
            parameters=parameters,
            variables=self.variables(),
            observables=self.observables(),
            clamp=self.clamp(),
            clamp_values=clamp_values or ((-1.0, 1.0) if spins else ()),
            abilities=self.abilities(),
            states=tuple(StateVariable(s.name, s.value, self.unit(s.name), s.summary) for s in parsed.states),
            inputs=inputs,
            definitions=self.definitions(),
            stages=stages,
            threshold=parsed.threshold,
            reset=tuple(parsed.reset),
            refractory=parsed.refractory,
            events=events,
            ports=ports,
            order=order,
            feedback=feedback,
            uses=tuple(Use(u.name, u.unit or NO_UNIT) for u in parsed.uses),
            adds=tuple(parsed.adds),
            handlers=tuple(Handler(str(h.event), str(h.name), tuple(h.statements)) for h in parsed.handlers),
            text=text,
        )
        others: dict[str, Any] = {name: tuple(said) if isinstance(said, list) else said for name, said in parsed.others.items()}
        return replace(model, **others)

    def unit(self, word: Word) -> Exponents:
        """The unit inferred for a name."""
        return self.units.get(word) or NO_UNIT

    def constant(self, expression: Expression) -> float:
        """The value of a constant expression; a finding for any other."""
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
        """The parameters; a neuron model without `dt` gets the default one."""
        listed = tuple(self.parameter(raw) for raw in self.parsed.parameters)
        stepping = self.parsed.kind == NEURON and not self.parsed.spins
        return listed if not stepping or any(p.name == "dt" for p in listed) else (*listed, STEP)

    def parameter(self, raw: RawParameter) -> Parameter:
        """One parameter, with a finding for a default outside its range."""
        unit = self.unit(raw.name)
        words = tuple((word, self.constant(value)) for word, value in raw.words)
        low, high, open_low = self.bounds(raw)
        if words:
            low, high = min(value for _, value in words), max(value for _, value in words)
        default = self.default(raw, dict(words))
        if raw.name == "dt" and not raw.fixed:
            self.findings.add("B032", "dt is the same for all neurons: write `fixed`", raw.name.at)
        agree = not any(place_of(bound.value) in self.findings.found for bound in raw.bounds)
        if agree and (not low <= default <= high or (open_low and default == low)):
            self.findings.add("B032", f"the default of `{raw.name}` is out of its range", raw.name.at)
        structural = raw.fixed or bool(words)
        return Parameter(raw.name, default, dimension_of(unit), raw.summary, low, high, open_low, structural, words, unit)

    def default(self, raw: RawParameter, words: dict[str, float]) -> float:
        """The default: a number, or one of the words."""
        if isinstance(raw.default, Word):
            if raw.default not in words:
                self.findings.add("B032", f"the default `{raw.default}` is none of the words", raw.default.at)
            return words.get(raw.default, next(iter(words.values())))
        return self.constant(raw.default)

    def bounds(self, raw: RawParameter) -> tuple[float, float, bool]:
        """The range: lowest and highest value, and whether the lowest is excluded."""
        low, high, open_low = -inf, inf, False
        sides: set[str] = set()
        for bound in raw.bounds:
            side = bound.operator[0]
            if bound.operator == "<" or side not in "<>":
                self.findings.add("B032", "a range is written >= low, > low or <= high", bound.at)
            elif side in sides:
                self.findings.add("B026", f"the range of `{raw.name}` has this side twice", bound.at)
            elif side == ">":
                low, open_low = self.constant(bound.value), bound.operator == ">"
            else:
                high = self.constant(bound.value)
            sides.add(side)
        return low, high, open_low

    def inputs(self) -> tuple[Input, ...]:
        """The inputs with their defaults."""
        return tuple(
            Input(i.name, self.constant(i.default) if i.default else 0.0, i.unit or NO_UNIT, i.summary)
            for i in self.parsed.inputs
        )

    def definitions(self) -> tuple[Definition, ...]:
        """The definitions in topological order."""
        raw: dict[str, RawValue] = {d.name: d for d in self.parsed.definitions}
        names = definition_order({name: d.value for name, d in raw.items()})
        return tuple(Definition(n, raw[n].value, self.unit(raw[n].name), raw[n].summary) for n in names)

    def stages(self) -> tuple[Stage, ...]:
        """The stages of a step."""
        definitions: dict[str, Expression] = {d.name: d.value for d in self.parsed.definitions}
        methods = Methods(self.parsed, definitions, self.findings)
        check_event_driven(self.parsed, definitions, self.findings)
        check_start(self.parsed, definitions, self.findings)
        return tuple(self.stage(stage, methods) for stage in self.parsed.stages)

    def stage(self, raw: list[RawEquation | Assignment], methods: Methods) -> Stage:
        """One stage: its equations, and then its assignments."""
        equations = [item for item in raw if isinstance(item, RawEquation)]
        exact = {str(item.name) for item in equations if item.method == "exact"}
        lowered = tuple(filter(None, (methods.equation(item, exact) for item in equations)))
        methods.check_coupled(equations)
        return (*lowered, *(item for item in raw if isinstance(item, Assignment)))

    # --- what can be seen ---------------------------------------------------------------------------

    def variables(self) -> tuple[Variable, ...]:
        """The variables that can be recorded: states, definitions, inputs, and the number of spikes."""
        parsed = self.parsed
        raw = [(r.name, r.summary) for r in (*parsed.states, *parsed.definitions)]
        raw += [(r.name, r.summary) for r in parsed.inputs]
        if parsed.spins:
            raw = [(parsed.spins.name, parsed.spins.summary)]
        listed = [Variable(name, dimension_of(self.unit(name)), summary) for name, summary in raw]
        return (*listed, *([Variable("spike_count", Dimension.NONE, "spikes so far")] if parsed.threshold else []))

    def observables(self) -> tuple[Observable, ...]:
        """The observables of RD: the state, every state variable, those of `observe:`, spikes, and those of all models."""
        parsed = self.parsed
        if parsed.kind != NEURON:
            return ()
        if parsed.spins:
            name, summary = parsed.spins.name, parsed.spins.summary
            seen = {"state": (name, summary), "spins": (name, summary)}
        else:
            seen = {"state": (self.parsed.states[0].name, self.parsed.states[0].summary)}
            seen |= {s.name: (s.name, s.summary) for s in parsed.states}
        seen |= {o.name: (o.variable, o.summary) for o in parsed.observables}
        shown = [
            Observable(name, "neurons", summary, dimension_of(self.unit(word)), variable=word)
            for name, (word, summary) in seen.items()
        ]
        spikes = _SPIKES if parsed.threshold else ()
        return (*shown, *spikes, *common_observables(Dimension.SWEEPS if parsed.spins else Dimension.TIME))

    def clamp(self) -> str:
        """The variable that CLAMP holds."""
        parsed = self.parsed
        if parsed.clamp:
            return parsed.clamp.variable
        first = [parsed.spins.name] if parsed.spins else [s.name for s in parsed.states]
        return first[0] if first and parsed.kind == NEURON else ""

    def abilities(self) -> frozenset[str]:
        """The abilities beyond the core that a program can use."""
        parsed = self.parsed
        having = {
            "record": bool(parsed.states or parsed.spins or parsed.definitions or parsed.inputs),
            "clamp": parsed.kind == NEURON,
            "inputs": bool(parsed.inputs or parsed.ports),
            "kbody": bool(parsed.feedback or parsed.spins),
        }
        return frozenset(name for name, has in having.items() if has)

    def check_clock(self) -> None:
        """Check that `clock:` agrees with the kind of model."""
        word, counts = self.parsed.clock, "sweeps" if self.parsed.spins else "time"
        if word and word != counts:
            self.findings.add("B031", f"this model counts in {counts}", word.at)


def _no_number(expression: Expression) -> tuple[str, Place, str | None]:
    """Message, place and hint of the finding for an expression that is not constant."""
    if not symbols(expression):
        return "this has no finite value", place_of(expression), None
    hint = "relations between parameters stand under `definitions:`"
    return "a number is wanted here, not a value that changes", place_of(expression), hint


_SPIKES = (
    Observable("spikes", "events", "times and neurons of all spikes so far"),
    Observable("spike_count", "neurons", "number of spikes of each neuron", register=True, variable="spike_count"),
)
