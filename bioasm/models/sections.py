"""The table of the model language: its kinds of texts, and all that is to say about each of their sections.

Scanner, grammar, parser, hints, checks and the table in docs/model-language.md are made from it. A new section is a row and a
reader, and a field of the Model for what it means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from bioasm.models import statements as read
from bioasm.models.base import MECHANISM, NEURON, SPINS
from bioasm.models.dimensions import SECOND, WHITE_NOISE
from bioasm.models.syntax_tree import Evaluated, RawEquation, RawModel, RawPort, RawWeight, Word
from bioasm.models.tree_reader import TreeReader


class Kind(NamedTuple):
    """A kind of model: what messages call it, why it can't have a section, and a hint where one has a section of its own."""

    called: str
    reason: str = ""
    own: str | None = None


KINDS = {
    NEURON: Kind("a neuron model"),
    MECHANISM: Kind("a mechanism", own="mechanisms use and add to the variables of the neuron that they are put on"),
    SPINS: Kind("a model of spins", reason="; the machine knows their dynamics"),
}


class Form(NamedTuple):
    """One form of a section's lines: its production in the grammar and the reader of that, an example and what it says."""

    production: str
    reader: Callable[[TreeReader, list[Any]], Any]
    example: str
    says: str


class Section(NamedTuple):
    """One section.

    `kinds` may have it; `field` of the RawModel (or Model) gets what it says; `hint` is its form in messages. `once`: it says
    one thing; `several`: a hint for who wants more than one; `repeats`: it may stand several times; `labelled`: a word may follow its name. `declares` is what the names are
    that it introduces. `begin` is done at its header, `put` with each statement, and `evaluated` are the expressions of all
    its statements.
    """

    name: str
    kinds: frozenset[str]
    field: str
    forms: tuple[Form, ...]
    hint: str
    once: bool = False
    repeats: bool = False
    labelled: bool = False
    several: str | None = None
    declares: str = ""
    begin: Callable[[RawModel, Word], None] | None = None
    put: Callable[[RawModel, Any], None] | None = None
    evaluated: Callable[[RawModel], Iterator[Evaluated]] | None = None

    def add(self, model: RawModel, said: Any) -> None:
        """Put what a statement says into the model."""
        if self.put:
            self.put(model, said)
        elif self.once:
            model[self.field] = said
        else:
            model[self.field] = [*(model[self.field] or ()), said]


# --- where statements go, and what they evaluate ----------------------------------------------------


def _first_stage(model: RawModel, label: Word) -> None:
    model.stages.append([])


def _next_stage(model: RawModel, label: Word) -> None:
    if not model.stages:
        model.stages.append([])  # nothing happens in the first stage
    model.stages.append([])


def _to_stage(model: RawModel, said: Any) -> None:
    model.stages[-1].append(said)


def _port(model: RawModel, label: Word) -> None:
    model.ports.append(RawPort(label))


def _to_port(model: RawModel, said: Any) -> None:
    port = model.ports[-1]
    if isinstance(said, str):
        port.summary = said
    elif isinstance(said, RawWeight):
        port.weights.append(said)
    else:
        port.jumps.append(said)


def _steps(model: RawModel) -> Iterator[Evaluated]:
    noise = (("xi", WHITE_NOISE),) if model.kind == NEURON else ()
    for item in model.step():
        if isinstance(item, RawEquation):
            yield Evaluated(f"d{item.name}/dt", item.rate, item.name, rate=True, names=noise)
        else:
            yield Evaluated(f"`{item.variable}`", item.value, item.variable)


def _resets(model: RawModel) -> Iterator[Evaluated]:
    return (Evaluated(f"`{item.variable}`", item.value, item.variable) for item in model.reset)


def _jumps(model: RawModel) -> Iterator[Evaluated]:
    for port in model.ports:
        for jump in port.jumps:
            yield Evaluated(f"`{jump.variable}`", jump.value, jump.variable, names=(("weight", port.unit),))


def _additions(model: RawModel) -> Iterator[Evaluated]:
    units = {use.name: use.unit for use in model.uses}
    for one in model.adds:
        yield Evaluated(f"`{one.target}`", one.value, unit=units.get(Word(one.target)), functions=("held", "delayed"))


def _threshold(model: RawModel) -> Iterator[Evaluated]:
    if model.threshold:
        yield Evaluated("a threshold", model.threshold.condition, condition=True)


def _refractory(model: RawModel) -> Iterator[Evaluated]:
    if model.refractory:
        lasting = model.refractory.lasting
        yield Evaluated("a refractory time", model.refractory.duration, unit=None if lasting else SECOND, condition=lasting)


# --- the table --------------------------------------------------------------------------------------

_ALL = frozenset({NEURON, MECHANISM, SPINS})
_DYNAMICS = frozenset({NEURON, MECHANISM})
_CELLS = frozenset({NEURON, SPINS})
_NEURONS = frozenset({NEURON})
_MECHANISMS = frozenset({MECHANISM})

_TEXT = (Form("STRING", read.text, '"where it is from"', "printed on the model's page"),)
_STAGE = (
    Form(
        'NAME "/" NAME "=" expression ("using" NAME)? UNLESS?',
        read.equation,
        "dv/dt = expression using METHOD unless refractory",
        "a differential equation of the first stage of a time step (`step:`) or of a further one (each `then:`; without `step:` the first `then:` is the second stage)",
    ),
    Form(
        'NAME ":=" expression',
        read.assignment,
        "x := expression",
        "an assignment in each step, after the equations of its stage",
    ),
)
_STAGE_HINT = "an equation is `dNAME/dt = expression using METHOD`, an assignment `NAME := expression`"

ROWS = (
    Section("", _ALL, "strings", _TEXT, 'before the first section stand texts in quotes: "what the model is"'),
    Section("source", _ALL, "source", _TEXT, 'source: "where the model is from"', once=True),
    Section(
        "parameters",
        _ALL,
        "parameters",
        (
            Form(
                'NAME "=" sum range* FIXED? STRING?',
                read.parameter,
                'tau = 20 ms > 0 fixed "summary"',
                "a parameter: its default with unit, and the range that it may be set in (`>= a`, `> a`, `<= b`)",
            ),
            Form(
                'NAME "=" words FIXED? STRING?',
                read.choice,
                "rule = a of a = 0, b = 1 fixed",
                "a parameter that takes one of several named values",
            ),
        ),
        'a parameter is `NAME = 20 mV > 0 mV fixed "summary"`',
        declares="parameter",
    ),
    Section(
        "noise",
        _CELLS,
        "noise",
        (Form('NAME "=" sum STRING?', read.value, "sigma = 2 mV", "the noise amplitude that `SIG` sets, and its default"),),
        "the noise is `noise: NAME = 2 mV`",
        once=True,
        declares="noise",
    ),
    Section(
        "state",
        _DYNAMICS,
        "states",
        (
            Form(
                'NAME "=" sum STRING?',
                read.value,
                'v = E "summary"',
                "a state variable and its initial value, an expression of parameters, definitions and other states",
            ),
        ),
        'a state is `NAME = initial value "summary"`',
        declares="state",
    ),
    Section(
        "inputs",
        _DYNAMICS,
        "inputs",
        (
            Form(
                'NAME ":" unit ("=" sum)? STRING?',
                read.declaration,
                'I : A = 1 pA "summary"',
                "a variable that is driven from outside: its unit, and its value without any input (0 where none is given)",
            ),
        ),
        'an input is `NAME : unit "summary"`',
        declares="input",
    ),
    Section(
        "definitions",
        _DYNAMICS,
        "definitions",
        (
            Form(
                'NAME "=" expression STRING?',
                read.value,
                "m_inf = 1/(1 + exp(-v/(5 mV)))",
                "a named expression, as Brian2's subexpressions; they stand in any order",
            ),
        ),
        'a definition is `NAME = expression "summary"`',
        declares="definition",
    ),
    Section("step", _DYNAMICS, "stages", _STAGE, _STAGE_HINT, begin=_first_stage, put=_to_stage, evaluated=_steps),
    Section("then", _DYNAMICS, "stages", _STAGE, _STAGE_HINT, repeats=True, begin=_next_stage, put=_to_stage),
    Section(
        "spike",
        _NEURONS,
        "threshold",
        (
            Form(
                "expression",
                read.condition,
                "v > Vt",
                "the threshold: a neuron spikes where the condition holds after the step",
            ),
            Form(
                'sum "crosses" sum',
                read.crossing,
                "v crosses 20 mV",
                "a threshold that counts upward crossings: v is at least 20 mV after the step and was below it before",
            ),
        ),
        "a threshold is `spike: v > Vt` or `spike: v crosses 20 mV`",
        once=True,
        several="a neuron has one kind of spike: join conditions with `or`, as in `spike: v > Vt or u > 1`",
        evaluated=_threshold,
    ),
    Section(
        "reset",
        _NEURONS,
        "reset",
        (Form('NAME ":=" expression', read.assignment, "v := Vr", "an assignment after a spike"),),
        "a line of `reset:` is `NAME := expression`",
        evaluated=_resets,
    ),
    Section(
        "refractory",
        _NEURONS,
        "refractory",
        (
            Form(
                "sum INCLUSIVE?",
                read.refractory,
                "2 ms inclusive",
                "the refractory time: no spikes, and equations with `unless refractory` are not integrated; `inclusive`, "
                "which may be left out, adds the step at its very end (see [below](#what-happens-in-a-step))",
            ),
            Form(
                "condition",
                read.lasting,
                "v > -50 mV",
                "refractory from a spike on, until the condition does not hold at the start of a step",
            ),
        ),
        "a refractory time is `refractory: 2 ms`, `refractory: 2 ms inclusive` or a condition, `refractory: v > -50 mV`",
        once=True,
        evaluated=_refractory,
    ),
    Section(
        "receive",
        _DYNAMICS,
        "ports",
        (
            Form(
                'NAME ":" unit',
                read.weight,
                "weight : V",
                "the unit of the weights of connections to this port (a pure number without this line)",
            ),
            Form(
                'NAME "+=" expression',
                read.assignment,
                "v += factor*weight",
                "what an arriving spike adds, as in Brian2's `on_pre`; lines act in order, each on what those before it left",
            ),
            Form("STRING", read.text, '"summary"', "what the port is, for the model's page"),
        ),
        "a line of `receive:` is `weight : unit` or `NAME += weight`",
        repeats=True,
        labelled=True,
        begin=_port,
        put=_to_port,
        evaluated=_jumps,
    ),
    Section(
        "observe",
        _CELLS,
        "observables",
        (
            Form(
                'NAME ("=" NAME)? STRING?',
                read.observable,
                'state = w "summary"',
                "a name under which `RD` reads a variable; without a line for `state` that is the first state variable",
            ),
        ),
        'a line of `observe:` is `NAME = VARIABLE "summary"`',
    ),
    Section(
        "clamp",
        _CELLS,
        "clamp",
        (
            Form(
                'NAME ("in" sum ("," sum)*)?',
                read.clamp,
                "s in -1, 1",
                "the variable that `CLAMP` fixes (the first state variable without this section), and the values allowed (without `in` any; of spins -1 and 1)",
            ),
        ),
        "`clamp: NAME`, or `clamp: NAME in -1, 1`",
        once=True,
    ),
    Section(
        "feedback",
        _NEURONS,
        "feedback",
        (
            Form(
                'NAME "=" NAME NAME SIGN NAME "every" NAME "within" NAME',
                read.feedback,
                "I = J s + h every interval within I_max",
                "the dense feedback of `LDJ`, `LDH`, `LDT` (below)",
            ),
        ),
        "the feedback is `feedback: NAME = J NAME + h every NAME within NAME`",
        once=True,
    ),
    Section(
        "order",
        _NEURONS,
        "order",
        (
            Form(
                'NAME ("," NAME)*',
                read.names,
                "step, spike, receive, reset",
                "the order of the parts of a step, with the reset after the threshold; this one without the section",
            ),
        ),
        "`order: step, spike, receive, reset`",
        once=True,
    ),
    Section(
        "uses",
        _MECHANISMS,
        "uses",
        (
            Form(
                'NAME ":" unit STRING?',
                read.declaration,
                "V : V",
                "a variable that the mechanism reads: of its neuron, or of another mechanism on it",
            ),
        ),
        "a line of `uses:` is `NAME : unit`",
        declares="use",
    ),
    Section(
        "adds",
        _MECHANISMS,
        "adds",
        (
            Form(
                'NAME "+=" expression',
                read.addition,
                "I += expression",
                "a current (or other summand) into an input of its neuron, or of another mechanism on it",
            ),
        ),
        "a line of `adds:` is `NAME += expression`",
        evaluated=_additions,
    ),
    Section(
        "spins",
        _CELLS,
        "spins",
        (
            Form(
                "NAME STRING?",
                read.spins,
                "s",
                "spins of -1 and +1, updated by the machine's own single-spin dynamics; `RUN` counts in sweeps",
            ),
        ),
        "`spins: NAME`",
        once=True,
        declares="state",
    ),
    Section(
        "clock",
        _CELLS,
        "clock",
        (Form("NAME", read.name, "time", "`time`, or `sweeps` for spins; may be left out"),),
        "`clock: time` or `clock: sweeps`",
        once=True,
    ),
)
SECTIONS = {row.name: row for row in ROWS}
NAMES = tuple(row.name for row in ROWS if row.name)


def evaluated(model: RawModel) -> Iterator[Evaluated]:
    """The expressions that are evaluated while the model runs, section by section."""
    return (one for row in ROWS if row.evaluated for one in row.evaluated(model))
