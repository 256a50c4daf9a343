"""The table of the model language: its kinds of texts and their sections, from which the tools are generated.

Scanner, grammar, parser, hints, checks and the table in docs/model-language.md are made from it. A new section is a row and a
reader, and a field of the Model for what it means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from bioasm.models import section_actions as act
from bioasm.models import statements as read
from bioasm.models.base import MECHANISM, NEURON, SPINS, SYNAPSE
from bioasm.models.syntax_tree import Evaluated, RawModel, Word
from bioasm.models.tree_reader import TreeReader


class Kind(NamedTuple):
    """A kind of model: its noun in messages, the reason why it can't have a section, and a hint for sections of other kinds."""

    called: str
    reason: str = ""
    own: str | None = None


KINDS = {
    NEURON: Kind("a neuron model"),
    MECHANISM: Kind("a mechanism", own="mechanisms use and add to the variables of the neuron that they are put on"),
    SPINS: Kind("a model of spins", reason="; the machine knows their dynamics"),
    SYNAPSE: Kind("a synapse"),
}


class Form(NamedTuple):
    """One form of a section's lines: its production in the grammar, the reader of its tree, an example and its meaning."""

    production: str
    reader: Callable[[TreeReader, list[Any]], Any]
    example: str
    says: str


class Section(NamedTuple):
    """One section.

    `kinds` may have it; `field` of the RawModel (or Model) gets its statements; `hint` is its form in messages. `once`: it has
    one statement; `several`: the hint for more than one; `repeats`: it may occur several times; `labels`: the number of words
    after its name, as in `heads`. `declares` is the kind of the names that it introduces. `begin` is called at its header,
    `put` with each statement, and `evaluated` gives the expressions of all its statements.
    """

    name: str
    kinds: frozenset[str]
    field: str
    forms: tuple[Form, ...]
    hint: str
    once: bool = False
    repeats: bool = False
    labels: int = 0
    heads: tuple[str, ...] = ()
    several: str | None = None
    declares: str = ""
    begin: Callable[[RawModel, tuple[Word, ...]], None] | None = None
    put: Callable[[RawModel, Any], None] | None = None
    evaluated: Callable[[RawModel], Iterator[Evaluated]] | None = None

    def add(self, model: RawModel, said: Any) -> None:
        """Add the node of a statement to the model."""
        if self.put:
            self.put(model, said)
        elif self.once:
            model[self.field] = said
        else:
            model[self.field] = [*(model[self.field] or ()), said]


# --- the table --------------------------------------------------------------------------------------

_ALL = frozenset({NEURON, MECHANISM, SPINS, SYNAPSE})
_STATEFUL = frozenset({NEURON, MECHANISM, SYNAPSE})
_DYNAMICS = frozenset({NEURON, MECHANISM})
_GUESTS = frozenset({MECHANISM, SYNAPSE})
_SYNAPSES = frozenset({SYNAPSE})
_CELLS = frozenset({NEURON, SPINS})
_NEURONS = frozenset({NEURON})

_TEXT = (Form("STRING", read.text, '"where it is from"', "printed on the model's page"),)
_STAGE = (
    Form(
        'NAME "/" NAME "=" expression ("using" NAME | EVENT_DRIVEN)? UNLESS?',
        read.equation,
        "dv/dt = expression using METHOD unless refractory",
        "a differential equation of the first stage of a time step (`step:`) or of a further one (each `then:`; without `step:` "
        "the first `then:` is the second stage); of a synapse also `event-driven` in place of `using METHOD`",
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
                "a parameter: its default with unit, and its allowed range (`>= a`, `> a`, `<= b`)",
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
        (Form('NAME "=" sum STRING?', read.value, "sigma = 2 mV", "the noise amplitude set by `SIG`, and its default"),),
        "the noise is `noise: NAME = 2 mV`",
        once=True,
        declares="noise",
    ),
    Section(
        "state",
        _STATEFUL,
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
                "a variable driven from outside: its unit, and its value without any input (default 0)",
            ),
        ),
        'an input is `NAME : unit "summary"`',
        declares="input",
    ),
    Section(
        "definitions",
        _STATEFUL,
        "definitions",
        (
            Form(
                'NAME "=" expression STRING?',
                read.value,
                "m_inf = 1/(1 + exp(-v/(5 mV)))",
                "a named expression, like Brian2's subexpressions; in any order",
            ),
        ),
        'a definition is `NAME = expression "summary"`',
        declares="definition",
    ),
    Section("step", _STATEFUL, "stages", _STAGE, _STAGE_HINT, begin=act.first_stage, put=act.to_stage, evaluated=act.steps),
    Section("then", _DYNAMICS, "stages", _STAGE, _STAGE_HINT, repeats=True, begin=act.next_stage, put=act.to_stage),
    Section(
        "spike",
        _NEURONS,
        "threshold",
        (
            Form(
                "expression",
                read.condition,
                "v > Vt",
                "the threshold: a neuron spikes if the condition holds after the step",
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
        evaluated=act.threshold,
    ),
    Section(
        "reset",
        _NEURONS,
        "reset",
        (Form('NAME ":=" expression', read.assignment, "v := Vr", "an assignment after a spike"),),
        "a line of `reset:` is `NAME := expression`",
        evaluated=act.resets,
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
                "the refractory period: no spikes, and equations with `unless refractory` are not integrated; optional "
                "`inclusive` adds the step at its very end (see [below](#what-happens-in-a-step))",
            ),
            Form(
                "condition",
                read.lasting,
                "v > -50 mV",
                "refractory from a spike until the condition no longer holds at the start of a step",
            ),
        ),
        "a refractory time is `refractory: 2 ms`, `refractory: 2 ms inclusive` or a condition, `refractory: v > -50 mV`",
        once=True,
        evaluated=act.refractory,
    ),
    Section(
        "event",
        _DYNAMICS,
        "events",
        (
            Form(
                "expression",
                read.condition,
                "v > Vw",
                "a custom event: it occurs in each step after whose equations the condition holds",
            ),
            Form('sum "crosses" sum', read.crossing, "v crosses Vw", "the same for an upward crossing, as in `spike:`"),
            Form(
                'NAME ":=" expression',
                read.assignment,
                "w := w + 1",
                "an assignment when the event occurs, executed last in the step, in order",
            ),
            Form('NAME "+=" expression', read.increase, "w += 1", "the same for a sum"),
            Form("STRING", read.text, '"summary"', "what the event is, for the model's page"),
        ),
        "an event is `event NAME: v > Vw`, and its lines are `NAME := expression` or `NAME += expression`",
        repeats=True,
        labels=1,
        heads=("event NAME",),
        declares="event",
        begin=act.event,
        put=act.to_event,
        evaluated=act.happenings,
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
                "effect of an arriving spike, as in Brian2's `on_pre`; lines are executed in order, each seeing the changes "
                "of those before it",
            ),
            Form("STRING", read.text, '"summary"', "what the port is, for the model's page"),
        ),
        "a line of `receive:` is `weight : unit` or `NAME += weight`",
        repeats=True,
        labels=1,
        begin=act.port,
        put=act.to_port,
        evaluated=act.jumps,
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
                "a name under which `RD` reads a variable; `state` defaults to the first state variable",
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
                "the variable held by `CLAMP` (default: the first state variable), and the allowed values (default: any; for "
                "spins -1 and 1)",
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
                "the order of the parts of a step, with the reset after the threshold; this is the default",
            ),
        ),
        "`order: step, spike, receive, reset`",
        once=True,
    ),
    Section(
        "uses",
        _GUESTS,
        "uses",
        (
            Form(
                'NAME ":" unit STRING?',
                read.declaration,
                "V : V",
                "a variable that the mechanism reads, of its neuron or of another mechanism on it; in a synapse `NAME_pre` or "
                "`NAME_post`, of the pre- or postsynaptic neuron",
            ),
        ),
        "a line of `uses:` is `NAME : unit`",
        declares="use",
    ),
    Section(
        "adds",
        _GUESTS,
        "adds",
        (
            Form(
                'NAME "+=" expression',
                read.addition,
                "I += expression",
                "a contribution to an input of its neuron or of another mechanism on it; in a synapse to `I_post` or `I_pre`",
            ),
        ),
        "a line of `adds:` is `NAME += expression`",
        evaluated=act.additions,
    ),
    Section(
        "on",
        _SYNAPSES,
        "handlers",
        (
            Form(
                'NAME ":=" expression',
                read.assignment,
                "w := clip(w + apost, 0, w_max)",
                "effect of an arriving spike of the presynaptic (`on pre:`) or postsynaptic neuron (`on post:`), in order",
            ),
            Form('NAME "+=" expression', read.increase, "g_post += w", "the same for a sum"),
            Form(
                '"send" expression',
                read.sending,
                "send w",
                "a number, multiplied by the connection's weight and delivered to the projection's port",
            ),
        ),
        "a line of `on pre:` is `NAME := expression`, `NAME += expression` or `send expression`",
        repeats=True,
        labels=2,
        heads=("on pre", "on post", "on pre NAME", "on post NAME"),
        begin=act.handler,
        put=act.to_handler,
        evaluated=act.handled,
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
        (Form("NAME", read.name, "time", "`time`, or `sweeps` for spins; optional"),),
        "`clock: time` or `clock: sweeps`",
        once=True,
    ),
)
SECTIONS = {row.name: row for row in ROWS}
NAMES = tuple(row.name for row in ROWS if row.name)


def evaluated(model: RawModel) -> Iterator[Evaluated]:
    """The expressions that are evaluated while the model runs, section by section."""
    return (one for row in ROWS if row.evaluated for one in row.evaluated(model))
