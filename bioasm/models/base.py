"""Data model of neuron models, mechanisms and synapses: parameters and variables with units, equations, events, observables."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from bioasm.models.expression import Call, Expression, Number
from bioasm.models.heads import HEADS
from bioasm.units import NO_UNIT, Dimension, Exponents, Measured

METHODS = ("euler", "rk4", "exponential_euler", "cnexp", "implicit", "exact")
EVENT_DRIVEN = "event-driven"  # the method of an equation that is solved in closed form between events
NEURON, MECHANISM, SYNAPSE, SPINS = HEADS["model"], HEADS["mechanism"], HEADS["synapse"], "spins"
PRE, POST = "pre", "post"  # the two ends of a connection, and the events of a synapse
LAST_EVENT = "last_event"  # the time of the last update of a connection's event-driven states


class Parameter(NamedTuple):
    """One parameter: its default in SI units and the range it may take.

    `structural` parameters fix the time step or the rule; they are scalars set before ALC.
    `words` are names for values, for a parameter that chooses between rules.
    `dimension` is that of values in programs; `unit` is used in checks of the equations.
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
    """A quantity of each neuron that REC records and PEEK reads."""

    name: str
    dimension: Measured
    summary: str


class Observable(NamedTuple):
    """An observable of RD. `shape` is `neurons`, `scalar`, `trace`, `events`; with `register` GET reads it too.

    `variable` is the variable of an observable of shape `neurons`; empty where the machine computes it.
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
    """A variable that is a sum in every step: its default (SI), external inputs, and the additions of mechanisms."""

    name: str
    default: float
    unit: Exponents
    summary: str = ""


class Definition(NamedTuple):
    """A named expression, substituted where it is read."""

    name: str
    expression: Expression
    unit: Exponents
    summary: str = ""


class Equation(NamedTuple):
    """d variable/dt = rate, integrated by one of METHODS.

    `rate` is the drift; `noise` are pairs (name of a white noise, its factor). A white noise has the unit s^-1/2. `frozen`
    equations are not integrated while the neuron is refractory.
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
    """A custom event: its statements are executed at the end of a step in which its condition holds, or with `crossing` begins
    to hold, after the equations. It can be recorded by its name."""

    name: str
    threshold: Threshold
    statements: tuple[Assignment, ...]
    summary: str = ""


class Refractory(NamedTuple):
    """Refractory period, in which a neuron does not spike and frozen equations are not integrated.

    With `lasting`, `duration` is a condition: the period ends with the first step at whose start it does not hold. Else it
    contains the steps that start less than `duration` (s) after the step of the spike; with `inclusive` also one at that time.
    """

    duration: Expression
    inclusive: bool = False
    lasting: bool = False


class Port(NamedTuple):
    """A receptor port: a spike adds factor * weight to each variable of `jumps`, in order. `unit` is that of weights."""

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
    """A variable that a mechanism reads from the membrane or another mechanism on it, or a synapse from one of its ends."""

    name: str
    unit: Exponents


class Addition(NamedTuple):
    """target += value, in every step: target is an input of the membrane or of another mechanism on it."""

    target: str
    value: Expression


class Send(NamedTuple):
    """An output of a synapse: value * weight of the connection arrives at the projection's port in this step."""

    value: Expression


class Handler(NamedTuple):
    """A spike handler of a connection: statements in order, each seeing the effects of those before it.

    `event` is `pre` or `post`; `name` distinguishes pathways of one event, each with a delay of its own.
    """

    event: str
    name: str
    statements: tuple[Assignment | Send, ...]

    @property
    def delay(self) -> str:
        """The name of this pathway's delay in `SET projection.NAME`."""
        named = self.name or (POST if self.event == POST else "")
        return f"{named}_delay" if named else "delay"


ORDER = ("step", "spike", "receive", "reset")


@dataclass(frozen=True, slots=True)
class Model:
    """A neuron model, mechanism or synapse as data.

    `clock` is the dimension of RUN (TIME or SWEEPS); `noise` that of SIG, with `noise_default` before
    any SIG, and `noise_name` its name in the equations. `clamp` is the variable that CLAMP holds and `clamp_values` the
    values it may take (any where empty). `abilities` are those beyond the core that it supports: `inputs`, `kbody`, ...

    Within a stage all equations see the values from before it (Jacobi); then its assignments are executed in sequence. Stages
    follow each other. `definitions` are topologically sorted. `order` is the order of the phases of a step. `text` is the
    model's text verbatim, from the first to the last line of its block.
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
        """Whether a synapse has states or spike handlers, besides sums over connections."""
        return bool(self.states or self.handlers or self.stages)

    @property
    def sends(self) -> bool:
        """Whether a synapse sends something to the port of its projection."""
        return any(isinstance(statement, Send) for handler in self.handlers for statement in handler.statements)

    @property
    def delays(self) -> bool:
        """Whether a mechanism reads delayed values, by the delay of the projection to it."""
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
