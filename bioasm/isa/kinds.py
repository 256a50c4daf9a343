"""Operand kinds: the accepted forms of an operand, its dimensions and its range."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, DataRef, Name, Quantity, Register, Target
from bioasm.units import Dimension, Measured

FORMS: dict[type, str] = {
    Register: "register",
    Quantity: "number",
    ConstantRef: "number",
    DataRef: "data",
    Target: "label",
    Name: "name",
}


class Kind(NamedTuple):
    """One operand kind.

    `forms` are the accepted classes of operands; a number may be in any of `dimensions` or bare, lies in [low, high],
    and is whole where `whole` is set. The range of a register's value is checked when the program runs. Where `drawn` is set,
    data may be random values.
    """

    name: str
    summary: str
    forms: tuple[str, ...]
    dimensions: tuple[Measured, ...] = (Dimension.NONE,)
    low: float = -inf
    high: float = inf
    whole: bool = False
    drawn: bool = False


class _AnyMeasure(tuple[Measured, ...]):
    """A container of all dimensions: iterates over those with names, and contains every other."""

    __slots__ = ()

    def __contains__(self, _: object) -> bool:
        return True


_ANY = _AnyMeasure(Dimension)

COUNT = Kind("count", "a whole number of neurons", ("number",), low=1, high=limit("neurons"), whole=True)
MATRIX = Kind("matrix", "a square matrix, dense or sparse", ("data",))
VECTOR = Kind("vector", "one number per neuron", ("data",))
STATES = Kind("states", "one number per neuron, or a matrix with a row for each lane", ("data",), drawn=True)
TERMS = Kind("terms", "weighted products of neurons' states", ("data",))
TABLE = Kind("table", "a matrix of numbers", ("data",))
SCALAR = Kind("scalar", "a number", ("number", "register"))
NOISE = Kind("noise", "noise level: volts or temperature", ("number", "register"), (Dimension.NONE, Dimension.VOLTAGE), low=0)
DURATION = Kind(
    "duration",
    "a time or a number of sweeps",
    ("number", "register"),
    (Dimension.NONE, Dimension.TIME, Dimension.SWEEPS),
    low=0,
)
PERIOD = Kind("period", "a time or a number of sweeps", ("number",), (Dimension.NONE, Dimension.TIME, Dimension.SWEEPS), low=0)
CURRENT = Kind(
    "current",
    "amperes: one number, or one per neuron",
    ("number", "register", "data"),
    (Dimension.NONE, Dimension.CURRENT),
    drawn=True,
)
RATE = Kind(
    "rate",
    "spikes per second: one number, or one per neuron",
    ("number", "register", "data"),
    (Dimension.NONE, Dimension.FREQUENCY),
    low=0,
    drawn=True,
)
JUMP = Kind(
    "jump",
    "volts that a spike adds: one number, or one per neuron",
    ("number", "register", "data"),
    (Dimension.NONE, Dimension.VOLTAGE),
    drawn=True,
)
NEURONS = Kind(
    "neurons",
    "the index of a neuron (from 0), or a vector of indices",
    ("number", "register", "data"),
    low=0,
    high=limit("neurons") - 1,
    whole=True,
)
HELD = NEURONS._replace(
    summary=f"{NEURONS.summary}, over all populations; or a population or a part of one, `cells[0:800]`",
    forms=(*NEURONS.forms, "name"),
)
INDEX = Kind(
    "index",
    "the index of a neuron (from 0)",
    ("number", "register"),
    low=0,
    high=limit("neurons") - 1,
    whole=True,
)
SUBSET = Kind("subset", "a vector of neuron indices", ("data",))
SHIFT = Kind("shift", "how many lanes on", ("number", "register"), low=0, high=limit("lanes") - 1, whole=True)
PHASE = Kind("phase", "0 for the pairs of lanes 0 and 1, 2 and 3, ...; 1 for 1 and 2, 3 and 4, ...", ("number", "register"),
             low=0, high=1, whole=True)  # fmt: skip
PARTS_OF_LANES = Kind("how", "`components`, `mirrored` or `whole`", ("name",))
PLAN = Kind(
    "plan", "a vector of spins in the order in which they are visited, each block but the last with -1 behind it", ("data",)
)
BLOCK = Kind(
    "block",
    "which block of the plan, from 0; behind the last comes the first again",
    ("number", "register"),
    low=0,
    high=2**53 - 1,
    whole=True,
)
VALUE = Kind(
    "value", "a number, a vector, or a word that the parameter knows", ("number", "register", "data", "name"), _ANY, drawn=True
)
LEVEL = Kind("level", "a number, or one per given neuron", ("number", "register", "data"), _ANY, drawn=True)
AMPLITUDE = Kind("amplitude", "amperes of a pulse", ("number", "register"), (Dimension.NONE, Dimension.CURRENT), low=0)
WIDTH = Kind("width", "seconds of a phase", ("number", "register"), (Dimension.NONE, Dimension.TIME), low=0)
SOURCE = Kind("source", "a register or a number in any unit", ("register", "number"), _ANY)
DESTINATION = Kind("destination", "the register that is written", ("register",))
LABEL = Kind("label", "jump target", ("label",))
TABLE_OF_INPUT = Kind("table", "a matrix of numbers in the SI unit of the input", ("data",))
INPUT_VALUE = Kind(
    "value", "a number, or one per neuron, in the input's unit", ("number", "register", "data"), _ANY, drawn=True
)
WEIGHT = Kind(
    "weight", "a number, or one per neuron, in the unit of the port's weights", ("number", "register", "data"), _ANY, drawn=True
)
WIRING = Kind(
    "rule",
    "`all`, `others`, `one_to_one`, `probability`, `indegree`, `outdegree`, `total`, a condition, or a matrix of weights",
    ("data", "name"),
)
DEGREE = Kind("number", "a probability, or a number of connections", ("number",), low=0)
ELIMINATED = Kind(
    "spins", "a matrix with a row for each eliminated spin: its number, h, and three pairs of a spin and J", ("data",)
)
PLACES = Kind("places", "`grid`, `random`, or a matrix with a row for each neuron, in metres", ("data", "name"))
LENGTH = Kind(
    "length",
    "between neighbours of a grid, the side of a box, or the period",
    ("number",),
    (Dimension.NONE, Dimension.LENGTH),
    low=0,
)
POPULATION_NAME = Kind("population", "the name of a population", ("name",))
SYNAPSE_NAME = Kind("synapse", "the name of a synapse, built in or defined by `.synapse`", ("name",))
MECHANISM_NAME = Kind("mechanism", "the name of a mechanism, built in or defined by `.mechanism`", ("name",))
PROJECTION_NAME = Kind("projection", "the name of a projection", ("name",))
INSTANCE_NAME = Kind("name", "a new name, without dots", ("name",))
_TO = "where spikes arrive: a population or mechanism `x`, its port `x.port`, or that of a part, `x[0:800].port`"
TARGET_NAME = Kind("target", _TO, ("name",))
SENDERS = Kind("population", "the name of a population, or a part of it: `cells[0:800]`", ("name",))
INPUT_NAME = Kind(
    "input", "the name of an input: `V`, with its population or mechanism `x.V`, or of a part `x[0:800].V`", ("name",)
)
HOW = Kind("how", "`add`, `set` or `scale`", ("name",))
MODEL_NAME = Kind("model", "the name of a neuron model", ("name",))
PARAMETER_NAME = Kind(
    "parameter",
    "the name of a parameter or state: `tau`, with its population, mechanism or projection `x.tau`, or of a part `x[0:800].tau`",
    ("name",),
)
VARIABLE_NAME = Kind(
    "variable", "the name of a variable: `v`, with its population or mechanism `x.v`, or of a part `x[0:800].v`", ("name",)
)
OBSERVABLE_NAME = Kind("observable", "what to read: state, spins, spikes, energy, ...", ("name",))
OUTPUT_NAME = Kind("output", "the name that the result is given", ("name",))
