"""Data model of neuron models, mechanisms and synapses: parameters and variables with units, equations, events, observables."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from bioasm.models.expression import Call, Expression, Number
from bioasm.models.heads import HEADS
from bioasm.units import NO_UNIT, Dimension, Exponents, Measured

METHODS = ("euler", "rk4", "exponential_euler", "cnexp", "implicit", "exact")
EVENT_DRIVEN = "event-driven"  # the method of an equation that is solved in closed form from one event to the next
NEURON, MECHANISM, SYNAPSE, SPINS = HEADS["model"], HEADS["mechanism"], HEADS["synapse"], "spins"
PRE, POST = "pre", "post"  # the two ends of a connection, and the events of a synapse
LAST_EVENT = "last_event"  # when the event-driven states of a connection were brought up to date


class Parameter(NamedTuple):
    """One parameter: its default in SI units and the range it may take.

    `structural` parameters decide how time is divided or which rule is run; they are scalars set before ALC.
    `words` are names for values, for a parameter that chooses between rules.
    `dimension` is what a program may write it in; `unit` is what the equations are checked with.
    """

    name: str
    default: float
    dimension: Measured
    summary: str
    low: float = -inf
    high: float = inf
    open_low: bool = False
    structural: bool = False
    words: tuple[tuple[str, float], ...] = ()
    unit: Exponents = NO_UNIT


class Variable(NamedTuple):
    """A value of each neuron that REC records and PEEK reads."""

    name: str
    dimension: Measured
    summary: str


class Observable(NamedTuple):
    """Something that RD reads. `shape` is `neurons`, `scalar`, `trace`, `events`; `register` says that GET reads it too.

    `variable` is the variable that an observable of shape `neurons` shows; empty where the machine makes it.
    """

    name: str
    shape: str
    summary: str
    dimension: Measured = Dimension.NONE
    register: bool = False
    variable: str = ""


class StateVariable(NamedTuple):
    """A state variable of each neuron and the expression of its initial value."""

    name: str
    initial: Expression
    unit: Exponents
    summary: str = ""


class Input(NamedTuple):
    """A variable that is summed up in every step: its default (SI), inputs from outside, and what mechanisms add."""

    name: str
    default: float
    unit: Exponents
    summary: str = ""


class Definition(NamedTuple):
    """A named expression, computed where it is read."""

    name: str
    expression: Expression
    unit: Exponents
    summary: str = ""


class Equation(NamedTuple):
    """d variable/dt = rate, integrated by one of METHODS.

    `noise` are the (name of a white noise, its factor): the right side without its noise is `rate`. A white noise has
    the unit s^-1/2. `frozen` equations are not integrated while the neuron is refractory.
    """

    variable: str
    rate: Expression
    method: str
    noise: tuple[tuple[str, Expression], ...] = ()
    frozen: bool = False


class Assignment(NamedTuple):
    """variable := value."""

    variable: str
    value: Expression


Stage = tuple[Equation | Assignment, ...]


class Threshold(NamedTuple):
    """The spike condition: `condition` holds after the step, and with `crossing` did not hold before it."""

    condition: Expression
    crossing: bool = False


class Event(NamedTuple):
    """An event of the text's own: where its condition holds after the equations of a step, or with a crossing has begun to
    hold, the statements are done as the last thing in the step. It can be recorded by its name."""

    name: str
    threshold: Threshold
    statements: tuple[Assignment, ...]
    summary: str = ""


class Refractory(NamedTuple):
    """Refractory time: for how long after a spike a neuron does not spike and frozen equations are not integrated.

    With `lasting`, `duration` is a condition: from a spike on, until it does not hold at the start of a step. Else the steps that start at less than `duration` after the step of the spike are within it; with `inclusive` also the
    step that starts at exactly that time.
    """

    duration: Expression
    inclusive: bool = False
    lasting: bool = False


class Port(NamedTuple):
    """A receptor port: an arriving spike adds factor * weight to each variable of `jumps`, in order. `unit` is that of weights."""

    name: str
    unit: Exponents
    jumps: tuple[tuple[str, Expression], ...]
    summary: str = ""


class Feedback(NamedTuple):
    """Dense feedback: target = J source + h, computed every `every` and scaled down as a whole to at most `within` (parameters)."""

    source: str
    target: str
    every: str
    within: str


class Use(NamedTuple):
    """A variable of the membrane, or of another mechanism on it, that a mechanism reads; of a synapse one of its two ends."""

    name: str
    unit: Exponents


class Addition(NamedTuple):
    """target += value, in every step: target is an input of the membrane or of another mechanism on it."""

    target: str
    value: Expression


class Send(NamedTuple):
    """A number that a synapse sends: the weight of the connection times it arrives at the projection's port in this step."""

    value: Expression


class Handler(NamedTuple):
    """The action of a spike of one end on a connection where it arrives: statements in order, each seeing those before it.

    `event` is `pre` or `post`; `name` tells several pathways of one event apart, each with a delay of its own.
    """

    event: str
    name: str
    statements: tuple[Assignment | Send, ...]

    @property
    def delay(self) -> str:
        """The name of this pathway's delay after `SET projection.`."""
        named = self.name or (POST if self.event == POST else "")
        return f"{named}_delay" if named else "delay"


ORDER = ("step", "spike", "receive", "reset")


@dataclass(frozen=True, slots=True)
class Model:
    """A neuron model, mechanism or synapse as data.

    `clock` is the dimension that RUN counts in (TIME or SWEEPS); `noise` that of SIG, with `noise_default` before
    any SIG, and `noise_name` its name in the equations. `clamp` is the variable that CLAMP holds and `clamp_values` the
    values it may take (any where empty). `abilities` are what it supports beyond the core: `inputs`, `kbody`, ...

    Within a stage all equations see the values from before it; then its assignments are done one after another. Stages
    follow each other. `definitions` stand in an order in which each needs only those before it. `order` is the order of
    what happens in a step. `text` is the model's text as it was written, from the first to the last line of its block.
    """

    name: str
    kind: str
    summary: str
    prose: str
    clock: Dimension
    noise: Measured
    noise_default: float
    noise_name: str
    parameters: tuple[Parameter, ...]
    variables: tuple[Variable, ...]
    observables: tuple[Observable, ...]
    clamp: str
    clamp_values: tuple[float, ...] = ()
    abilities: frozenset[str] = frozenset()
    source: str = ""
    states: tuple[StateVariable, ...] = ()
    inputs: tuple[Input, ...] = ()
    definitions: tuple[Definition, ...] = ()
    stages: tuple[Stage, ...] = ()
    threshold: Threshold | None = None
    reset: tuple[Assignment, ...] = ()
    refractory: Refractory | None = None
    events: tuple[Event, ...] = ()
    ports: tuple[Port, ...] = ()
    order: tuple[str, ...] = ORDER
    feedback: Feedback | None = None
    uses: tuple[Use, ...] = ()
    adds: tuple[Addition, ...] = ()
    handlers: tuple[Handler, ...] = ()
    text: str = ""

    @property
    def is_relay(self) -> bool:
        """Whether a model is memoryless: each step sets all states to constants, so it depends on that step's spikes only."""
        emptied = {item.variable for stage in self.stages for item in stage if _is_constant(item)}
        return self.threshold is not None and emptied >= {state.name for state in self.states}

    def parameter(self, name: str) -> Parameter | None:
        """The parameter called `name`, or None."""
        return next((p for p in self.parameters if p.name == name), None)

    def variable(self, name: str) -> Variable | None:
        """The variable called `name`, or None."""
        return next((v for v in self.variables if v.name == name), None)

    def observable(self, name: str) -> Observable | None:
        """The observable called `name`, or None."""
        return next((o for o in self.observables if o.name == name), None)

    def port(self, name: str) -> Port | None:
        """The port called `name` (the one without a name is ""), or None."""
        return next((p for p in self.ports if p.name == name), None)

    @property
    def changed(self) -> frozenset[str]:
        """The names that its equations, assignments and handlers change."""
        statements = [s for handler in self.handlers for s in handler.statements if isinstance(s, Assignment)]
        return frozenset(s.variable for s in (*statements, *(s for stage in self.stages for s in stage)))

    @property
    def acts(self) -> bool:
        """Whether a synapse has states or acts at spikes, and does not sum over connections alone."""
        return bool(self.states or self.handlers or self.stages)

    @property
    def sends(self) -> bool:
        """Whether a synapse sends something to the port of its projection."""
        return any(isinstance(statement, Send) for handler in self.handlers for statement in handler.statements)

    @property
    def delays(self) -> bool:
        """Whether a mechanism delays what it adds itself, by the delay of the projection to it."""
        return any(isinstance(n, Call) and n.function == "delayed" for addition in self.adds for n in addition.value.walk())

    @property
    def spikes(self) -> bool:
        """Whether its neurons spike."""
        return self.threshold is not None


def _is_constant(item: Equation | Assignment) -> bool:
    """Whether a statement assigns a number."""
    return isinstance(item, Assignment) and isinstance(item.value, Number)


def common_observables(clock: Dimension) -> tuple[Observable, ...]:
    """The observables that every model has."""
    return (
        Observable("energy", "scalar", "energy of the present state", register=True),
        Observable("best_energy", "scalar", "lowest energy seen", register=True),
        Observable("best_state", "neurons", "the state of lowest energy that was seen"),
        Observable("energy_trace", "trace", "energies over the run"),
        Observable("time", "scalar", "how long the dynamics ran", clock, register=True),
        Observable("steps", "scalar", "steps or sweeps that were run", register=True),
        Observable("noise", "scalar", "the present level of noise", register=True),
    )
