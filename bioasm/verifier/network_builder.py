"""How a program's network is found before it runs: POP, MECH, SYN and CON, one after another from its start."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bioasm.diagnostics import did_you_mean
from bioasm.isa.findings import Finding, Found, unknown
from bioasm.isa.limits import limit
from bioasm.isa.modeltext import instance_fault
from bioasm.isa.program import ConstantRef, DataRef, Instruction, Name, Operand, Program, Quantity, Target, Terms
from bioasm.models.base import SPINS, Model
from bioasm.network.network import MATRIX, Instance, Mechanism, Network, Population, Projection
from bioasm.units import spell_number
from bioasm.verifier.catalogue import Catalogue
from bioasm.verifier.operands import is_number

NETWORK = frozenset({"POP", "MECH", "SYN", "CON"})
# What each rule of CON takes as its number; None where it takes none.
RULES: dict[str, str | None] = {
    "all": None,
    "others": None,
    "one_to_one": None,
    "probability": "a probability from 0 to 1",
    "indegree": "a whole number of sources for each target",
    "outdegree": "a whole number of targets for each source",
}


@dataclass(slots=True)
class NetworkBuilder:
    """The network of a program, what was found wrong at which instruction, and names whose definition was refused."""

    populations: list[Population] = field(default_factory=list)
    mechanisms: list[Mechanism] = field(default_factory=list)
    projections: dict[str, Projection] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    implicit: bool = True
    found: dict[int, list[Finding]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    at: dict[str, int] = field(default_factory=dict)

    def network(self) -> Network:
        """What was found of the network."""
        return Network(tuple(self.populations), tuple(self.mechanisms), tuple(self.projections.values()), self.implicit)

    def add_population(self, population: Population) -> None:
        """One more population."""
        self.instances[population.name] = Instance(population.name, population.model, len(self.populations))
        self.populations.append(population)

    def add_mechanism(self, mechanism: Mechanism) -> None:
        """One more mechanism on a population that there is."""
        self.instances[mechanism.name] = Instance(*mechanism)
        self.mechanisms.append(mechanism)

    def index(self, name: str) -> int | None:
        """The index of the population called `name`, or None."""
        found = self.instances.get(name)
        return found.population if found and self.populations[found.population].name == name else None

    def add(self, index: int, found: Iterable[Finding]) -> bool:
        """Keep what is wrong at an instruction; true where that was anything."""
        several = list(found)
        self.found.setdefault(index, []).extend(several)
        return bool(several)


def static_end(program: Program) -> int:
    """The index of the first instruction at which the network is fixed: RUN, HLT, a jump, a label that is jumped to."""
    targets = {o.index for i in program.instructions for o in i.operands if type(o) is Target}
    for index, instruction in enumerate(program.instructions):
        jumps = any(type(o) is Target for o in instruction.operands)
        if index in targets or jumps or instruction.row.mnemonic in ("RUN", "HLT"):
            return index
    return len(program.instructions)


def count(program: Program, operand: Operand | None) -> int:
    """The number of neurons that an operand says; 0 where it says none."""
    if isinstance(operand, ConstantRef):
        operand = program.constants.get(operand.name)
    if isinstance(operand, Quantity) and is_number(operand.value) and operand.value == int(operand.value):
        return max(0, int(operand.value))
    return 0


def build_network(
    program: Program, catalogue: Catalogue, flawed: Container[int], implicit: Population | None
) -> NetworkBuilder:
    """Find the network. `implicit` is the population that ALC makes, None where the program has POPs.

    Instructions in `flawed` have operands that do not fit the instruction table: they define nothing.
    """
    builder = _Builder(program, catalogue, implicit)
    end = static_end(program)
    for index, instruction in enumerate(program.instructions):
        mnemonic = instruction.row.mnemonic
        if mnemonic in NETWORK:
            late = [_late(mnemonic)] if index >= end else []
            builder.take(index, instruction, broken=index in flawed or builder.builder.add(index, late))
        elif mnemonic == "ALC" and index < end:
            builder.allocated = True
    builder.finish()
    return builder.builder


def _late(mnemonic: str) -> Finding:
    hint = "move it up, before the first RUN, jump and label that is jumped to"
    return Finding("B119", f"{mnemonic} stands where the network is fixed already", hint)


class _Builder:
    """Takes in the instructions that say what the network is."""

    def __init__(self, program: Program, catalogue: Catalogue, implicit: Population | None) -> None:
        self.program, self.catalogue, self.implicit = program, catalogue, implicit
        self.builder = NetworkBuilder(implicit=implicit is not None)
        if implicit is not None:
            self.builder.add_population(implicit)
        self.allocated = implicit is None
        self.connected: set[str] = set()
        self.cascades = False  # whether the present instruction names something that was refused

    def take(self, index: int, instruction: Instruction, *, broken: bool) -> None:
        """Take one instruction in; where it is wrong, its name is known to be lost."""
        mnemonic, operands = instruction.row.mnemonic, instruction.operands
        name = operands[0].text if operands and isinstance(operands[0], Name) else ""
        self.cascades = broken
        if self.cascades or self.builder.add(index, self._check(mnemonic, operands)) or self.cascades:
            (self.connected if mnemonic == "CON" else self.builder.lost).add(name)
        elif mnemonic != "CON":
            self.builder.at.setdefault(name, index)

    def _check(self, mnemonic: str, operands: tuple[Any, ...]) -> Found:
        if not self.allocated and mnemonic != "POP":
            yield Finding("B101", f"{mnemonic} needs neurons, and none were allocated before it", "put `ALC n` before it")
        elif mnemonic != "CON" and not self._is_free(operands[0].text):
            yield Finding("B008", f"the name {operands[0].text!r} stands for another part of the network already")
        elif mnemonic != "CON" and (fault := instance_fault(operands[0].text)):
            yield Finding("B015", f"{operands[0].text!r} can't be a name here: {fault}")
        else:
            yield from self._takers[mnemonic](self, *operands)

    def _is_free(self, name: str) -> bool:
        return name not in self.builder.instances and name not in self.builder.projections

    # --- POP and MECH -------------------------------------------------------------------------------

    def _pop(self, name: Name, model: Name, size: Operand) -> Found:
        found = self.catalogue.neuron(model.text)
        populations, n = self.builder.populations, count(self.program, size)
        first = populations[-1].first + populations[-1].n if populations else 0
        if found is None:
            yield unknown_model(self.catalogue, model.text)
        elif len(populations) >= limit("populations"):
            yield Finding("B111", f"a program has at most {limit('populations')} populations")
        elif first + n > limit("neurons"):
            yield Finding("B111", f"with this population there are {first + n} neurons; the limit is {limit('neurons')}")
        else:
            wrong = list(self._apart(found))
            yield from wrong
            if not wrong:
                self.builder.add_population(Population(name.text, found, n, first))

    def _apart(self, model: Model) -> Found:
        """Whether a population of a model fits the ones before it: one clock, one population of spins."""
        for other in self.builder.populations:
            if SPINS in (model.kind, other.model.kind):
                yield Finding("B127", f"population {other.name} is there already, and spins stand alone")
                return
            if model.feedback and other.model.feedback:
                yield Finding("B127", f"population {other.name} has a feedback already; one population can have one")
                return

    def _mech(self, name: Name, mechanism: Name, population: Name) -> Found:
        found = self.catalogue.mechanism(mechanism.text)
        if found is None:
            yield unknown_mechanism(self.catalogue, mechanism.text)
        elif len(self.builder.mechanisms) >= limit("mechanisms"):
            yield Finding("B111", f"a program has at most {limit('mechanisms')} mechanisms")
        else:
            yield from self._check_population(population.text)
            on = self.builder.index(population.text)
            if on is not None and self.builder.populations[on].model.kind == SPINS:
                yield Finding("B123", "a mechanism can't stand on spins")
            elif on is not None:
                self.builder.add_mechanism(Mechanism(name.text, found, on))

    def _check_population(self, name: str) -> Found:
        if name in self.builder.instances and self.builder.index(name) is None:
            yield Finding("B120", f"{name} is a mechanism; a population is wanted here")
        elif self.builder.index(name) is None:
            yield from self._missing("population", name, [p.name for p in self.builder.populations])

    def _missing(self, what: str, name: str, names: list[str]) -> Found:
        if name in self.builder.lost:
            self.cascades = True
        elif not names:
            yield Finding("B120", f"there is no {what} {name!r}: none was added before this line")
        else:
            yield unknown("B120", what, name, names)

    # --- SYN and CON --------------------------------------------------------------------------------

    def _syn(self, name: Name, pre: Name, target: Name) -> Found:
        yield from self._check_population(pre.text)
        source = self.builder.index(pre.text)
        if source is None:
            return
        model = self.builder.populations[source].model
        if not model.spikes:
            yield Finding("B114", f"population {pre.text} sends no spikes: its model {model.name} has none")
        elif len(self.builder.projections) >= limit("projections"):
            yield Finding("B111", f"a program has at most {limit('projections')} projections")
        else:
            head, _, port = target.text.partition(".")
            wrong = list(check_port(self.builder.instances, self.builder.lost, head, port))
            yield from wrong
            self.cascades = head in self.builder.lost
            if not wrong and not self.cascades:
                self.builder.projections[name.text] = Projection(name.text, source, head, port)

    def _con(self, name: Name, rule: Operand, number: Operand | None = None) -> Found:
        projection = self.builder.projections.get(name.text)
        if projection is None:
            yield from self._missing("projection", name.text, list(self.builder.projections))
            return
        if name.text in self.connected:
            yield Finding("B122", f"{name.text} is connected by another CON already")
            return
        self.connected.add(name.text)
        made = self._connection(projection, rule, number)
        target = self.builder.instances[made.target]
        pre, post = self.builder.populations[made.pre], self.builder.populations[target.population]
        wrong = list(check_connection(self.program, made, pre, post))
        yield from wrong
        if not wrong:
            self.builder.projections[name.text] = made

    def _connection(self, projection: Projection, rule: Operand, number: Operand | None) -> Projection:
        value = self.program.quantity(number).value if isinstance(number, Quantity | ConstantRef) else None
        if isinstance(rule, DataRef):
            return projection._replace(rule=MATRIX, data=rule.index, number=value)
        return projection._replace(rule=rule.text if isinstance(rule, Name) else "", number=value)

    def finish(self) -> None:
        """What can be said when all instructions were seen: projections that were never connected."""
        for name in self.builder.projections.keys() - self.connected:
            hint = f"add `CON {name}, all`, another rule, or a matrix of weights"
            self.builder.add(self.builder.at[name], [Finding("B122", f"{name} is connected by no CON", hint)])

    _takers: ClassVar[dict[str, Callable[..., Found]]] = {"POP": _pop, "MECH": _mech, "SYN": _syn, "CON": _con}


# --- what names stand for ---------------------------------------------------------------------------


def unknown_model(catalogue: Catalogue, name: str) -> Finding:
    """The finding that no neuron model is called `name`."""
    if catalogue.is_mechanism(name):
        return Finding("B103", f"{name} is a mechanism, not a neuron model", "MECH puts a mechanism on a population")
    return _unlisted("model", name, catalogue.names(mechanisms=False))


def unknown_mechanism(catalogue: Catalogue, name: str) -> Finding:
    """The finding that no mechanism is called `name`."""
    if catalogue.is_mechanism(name) is False:
        return Finding("B103", f"{name} is a neuron model, not a mechanism", "POP adds a population of a neuron model")
    return _unlisted("mechanism", name, catalogue.names(mechanisms=True))


def _unlisted(what: str, name: str, known: Iterable[str]) -> Finding:
    """The finding that a name is none of those that a command lists better than a message could."""
    return Finding("B103", f"there is no {what} {name!r}", did_you_mean(name, known) or "`bioasm models` lists them all")


def check_port(instances: Mapping[str, Instance], lost: Container[str], head: str, port: str) -> Found:
    """Whether spikes can be sent to the port of a population or mechanism."""
    instance = instances.get(head)
    if instance is None:
        if head not in lost:
            yield unknown("B120", "population or mechanism", head, instances)
        return
    ports = [p.name for p in instance.model.ports]
    if port in ports:
        return
    if not ports:
        yield Finding("B108", f"{head} receives no spikes: {instance.model.name} has no port")
    elif not port:
        named = " or ".join(f"{head}.{p}" for p in ports)
        yield Finding("B108", f"{head} has no port without a name", f"its ports are {named}")
    else:
        named = ", ".join(f"{head}.{p}" if p else head for p in ports)
        yield Finding("B108", f"{head} has no port {port!r}; its ports are {named}", did_you_mean(port, ports))


# --- rules of connection ----------------------------------------------------------------------------


def check_connection(program: Program, made: Projection, pre: Population, post: Population) -> Found:
    """Whether a rule of CON can connect two populations (or a population and the mechanisms on the other)."""
    if made.rule == MATRIX:
        yield from _check_matrix(program, made, pre.n, post.n)
    elif made.rule not in RULES:
        yield unknown("B126", "rule of connection", made.rule, RULES)
    elif (RULES[made.rule] is None) != (made.number is None):
        wanted = RULES[made.rule]
        yield Finding("B126", f"`{made.rule}` takes {wanted}" if wanted else f"`{made.rule}` takes no number")
    elif made.rule == "others" and pre is not post:
        yield Finding("B126", f"`others` leaves out the neuron itself, and {pre.name} is not {post.name}", "write `all`")
    elif made.rule == "one_to_one" and 0 < pre.n != post.n > 0:
        yield Finding("B106", f"one_to_one connects as many neurons as there are: {pre.name} has {pre.n}, {post.name} {post.n}")
    elif made.number is not None:
        yield from _check_number(made, made.number, pre, post)


def _check_matrix(program: Program, made: Projection, pre: int, post: int) -> Found:
    assert made.data is not None
    value = program.data[made.data].value
    if isinstance(value, Terms):
        yield Finding("B004", "the weights of a connection are a matrix, not terms")
    elif made.number is not None:
        yield Finding("B126", "a matrix takes no number beside it")
    elif pre and post and value.shape != (pre, post):
        sides = " x ".join(map(str, value.shape))
        yield Finding("B106", f"the matrix of weights must be {pre} x {post} (sources x targets), not {sides}")


def _check_number(made: Projection, number: float, pre: Population, post: Population) -> Found:
    if made.rule == "probability":
        if number > 1:
            yield Finding("B126", f"a probability is 0 to 1, not {spell_number(number)}")
        return
    side = pre if made.rule == "indegree" else post
    if number != int(number):
        yield Finding("B126", f"`{made.rule}` takes {RULES[made.rule]}, not {spell_number(number)}")
    elif side.n and number > side.n:
        yield Finding("B126", f"`{made.rule}` of {spell_number(number)} is more than the {side.n} neurons of {side.name}")
