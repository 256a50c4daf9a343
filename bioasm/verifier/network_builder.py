"""Static construction of a program's network from its initial POP, MECH, SYN, CON, VIA, POS and LDE, in program order."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any, ClassVar

from bioasm.diagnostics import did_you_mean
from bioasm.isa.findings import Finding, Found, unknown
from bioasm.isa.limits import limit
from bioasm.isa.modeltext import instance_fault
from bioasm.isa.program import ConstantRef, DataRef, Dense, Instruction, Name, Operand, Program, Quantity, Random, Target, Terms
from bioasm.models.base import MECHANISM, NEURON, PRE, SPINS, SYNAPSE, Model
from bioasm.network.layout import AXES, TABLE, Layout, read_layout
from bioasm.network.network import MATRIX, Instance, Mechanism, Population, Projection, candidates
from bioasm.network.subgroup import Subgroup, is_subgroup, spell_subgroup, split_subgroup, whole_wanted
from bioasm.network.wiring import CONDITION, RULES, Rule, check_count, condition_names, read_connection
from bioasm.verifier.catalogue import Catalogue
from bioasm.verifier.cells import add_cells, add_painted, cells_and_part, detector_refusal
from bioasm.verifier.elimination import check_elimination
from bioasm.verifier.network_parts import NetworkBuilder
from bioasm.verifier.operands import is_number

NETWORK = frozenset({"POP", "MECH", "SYN", "CON", "VIA", "POS", "LDE"})
_NAMING = NETWORK - {"CON", "VIA", "POS", "LDE"}  # they define a name; the others refer to defined names


def static_end(program: Program) -> int:
    """The index of the first instruction at which the network is fixed: RUN, HLT, a jump, a label that is jumped to."""
    targets = {o.index for i in program.instructions for o in i.operands if type(o) is Target}
    for index, instruction in enumerate(program.instructions):
        jumps = any(type(o) is Target for o in instruction.operands)
        if index in targets or jumps or instruction.row.mnemonic in ("RUN", "HLT"):
            return index
    return len(program.instructions)


def count(program: Program, operand: Operand | None) -> int:
    """The number of neurons in an operand; 0 where it is no number."""
    if isinstance(operand, ConstantRef):
        operand = program.constants.get(operand.name)
    if isinstance(operand, Quantity) and is_number(operand.value) and operand.value == int(operand.value):
        return max(0, int(operand.value))
    return 0


def build_network(
    program: Program, catalogue: Catalogue, flawed: Container[int], implicit: Population | None
) -> NetworkBuilder:
    """Build the network. `implicit` is the population that ALC makes, None where the program has POPs.

    Instructions in `flawed` have malformed operands: they define nothing.
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
    """Builder of a network from its instructions."""

    def __init__(self, program: Program, catalogue: Catalogue, implicit: Population | None) -> None:
        self.program, self.catalogue, self.implicit = program, catalogue, implicit
        self.builder = NetworkBuilder(implicit=implicit is not None)
        if implicit is not None:
            self.builder.add_population(implicit)
        self.allocated = implicit is None
        self.connected: set[str] = set()
        self.portless: dict[str, list[Finding]] = {}  # by projection: the finding that no spikes can arrive at its target
        self.cascades = False  # whether the present instruction refers to a rejected name

    def take(self, index: int, instruction: Instruction, *, broken: bool) -> None:
        """Process one instruction; where it is wrong, its name is marked as lost."""
        mnemonic, operands = instruction.row.mnemonic, instruction.operands
        name = operands[0].text if operands and isinstance(operands[0], Name) else ""
        self.cascades = broken
        if self.cascades or self.builder.add(index, self._check(mnemonic, operands)) or self.cascades:
            lost: dict[str, set[str]] = {"CON": self.connected, "VIA": self.builder.lost_synapses, "POS": set(), "LDE": set()}
            lost.get(mnemonic, self.builder.lost).add(name)
        elif mnemonic in _NAMING:
            self.builder.at.setdefault(name, index)
        elif mnemonic == "VIA":
            self.builder.via[name] = index

    def _check(self, mnemonic: str, operands: tuple[Any, ...]) -> Found:
        if not self.allocated and mnemonic != "POP":
            yield Finding("B101", f"{mnemonic} needs neurons, and none were allocated before it", "put `ALC n` before it")
        elif mnemonic in _NAMING and not self._is_free(operands[0].text):
            yield Finding("B008", f"the name {operands[0].text!r} stands for another part of the network already")
        elif mnemonic in _NAMING and (fault := instance_fault(operands[0].text)):
            yield Finding("B015", f"{operands[0].text!r} can't be a name here: {fault}")
        else:
            yield from self._takers[mnemonic](self, *operands)

    def _is_free(self, name: str) -> bool:
        return name not in self.builder.instances and name not in self.builder.projections

    # --- POP and MECH -------------------------------------------------------------------------------

    def _pop(self, name: Name, model: Name, size: Operand) -> Found:
        if model.text in self.catalogue.cells:
            yield from add_cells(self.builder, name.text, self.catalogue.cells[model.text], count(self.program, size))
            return
        found = self.catalogue.neuron(model.text)
        populations, n = self.builder.populations, count(self.program, size)
        first = populations[-1].first + populations[-1].n if populations else 0
        if found is None:
            yield unlisted(self.catalogue, NEURON, model.text)
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
        """Check a population against earlier ones: spins are the only population, and at most one has a feedback."""
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
            yield unlisted(self.catalogue, MECHANISM, mechanism.text)
        elif len(self.builder.mechanisms) >= limit("mechanisms"):
            yield Finding("B111", f"a program has at most {limit('mechanisms')} mechanisms")
        elif (split := cells_and_part(self.builder, population.text)) is not None:
            yield from add_painted(self.builder, name.text, found, *split)
        else:
            yield from self._check_population(population.text)
            on = self.builder.index(population.text)
            if on is not None and self.builder.populations[on].model.kind == SPINS:
                yield Finding("B123", "a mechanism can't stand on spins")
            elif on is not None and (detector := detector_refusal(self.builder, on)) is not None:
                yield detector
            elif on is not None:
                self.builder.add_mechanism(Mechanism(name.text, found, on))

    def _check_population(self, name: str) -> Found:
        if is_subgroup(name):
            yield whole_wanted(name)
        elif name in self.builder.instances and self.builder.index(name) is None:
            yield Finding("B120", f"{name} is a mechanism; a population is wanted here")
        elif self.builder.index(name) is None:
            yield from self._missing("population", name, [p.name for p in self.builder.populations])

    def _missing(self, what: str, name: str, names: list[str]) -> Found:
        if name.partition(".")[0] in self.builder.lost:
            self.cascades = True
        elif not names:
            yield Finding("B120", f"there is no {what} {name!r}: none was added before this line")
        else:
            yield unknown("B120", what, name, names)

    # --- SYN and CON --------------------------------------------------------------------------------

    def _syn(self, name: Name, pre: Name, target: Name) -> Found:
        sending, receiving = split_subgroup(pre.text), split_subgroup(target.text)
        sender, receiver = sending.word if sending else pre.text, receiving.word if receiving else target.text
        event = _event_of(self.builder.instances, sender)
        yield from [event] if event else self._check_population(sender)
        source = self.builder.index(sender)
        if source is None:
            return
        if len(self.builder.projections) >= limit("projections"):
            yield Finding("B111", f"a program has at most {limit('projections')} projections")
        else:
            head, _, port = receiver.partition(".")
            wrong = list(check_port(self.builder.instances, self.builder.lost, head, port))
            sources, targets = self._neurons(sender, sending), self._neurons(head, receiving)
            parts = [side for side in (sources, targets) if isinstance(side, Finding)]
            known = head in self.builder.instances  # a rejected name may have been defined since
            self.cascades = head in self.builder.lost and not known
            if not known or parts:
                yield from wrong + parts
                return
            assert not isinstance(sources, Finding) and not isinstance(targets, Finding)
            made = Projection(name.text, source, head, port, sources=sources, targets=targets)
            self.builder.projections[name.text] = made
            self.portless[name.text] = wrong

    # --- POS ----------------------------------------------------------------------------------------

    def _pos(self, name: Name, places: Operand, length: Operand | None = None) -> Found:
        yield from self._check_population(name.text)
        index = self.builder.index(name.text)
        if index is None:
            return
        if index in self.builder.layouts:
            yield Finding("B122", f"{name.text} has its positions from another POS already")
            return
        value = self.program.quantity(length).value if isinstance(length, Quantity | ConstantRef) else None
        n = self.builder.populations[index].n
        made = self._table(places, value, n) if isinstance(places, DataRef) else _words(places, value, n)
        if isinstance(made, Finding):
            yield made
        else:
            self.builder.layouts[index] = made

    def _table(self, places: DataRef, period: float | None, n: int) -> Layout | Finding:
        value = self.program.data[places.index].value
        if not isinstance(value, Dense) or len(value.shape) != 2 or not 1 <= value.shape[1] <= len(AXES):
            return Finding("B106", "positions are a dense matrix with a row for each neuron and 1 to 3 columns, in metres")
        if n and value.shape[0] != n:
            return Finding("B106", f"there are {n} neurons, and positions of {value.shape[0]}")
        if period is not None and not period > 0:
            return Finding("B014", "the period of positions must be more than 0")
        return Layout(TABLE, value.shape[1], (), period or 0.0, period is not None, places.index)

    def _lde(self, spins: DataRef) -> Found:
        population, value = self.builder.populations[0], self.program.data[spins.index].value
        if population.model.kind != SPINS:
            yield Finding("B114", f"model {population.model.name} has no spins that could be eliminated")
        elif self.builder.eliminated is not None:
            yield Finding("B122", "another LDE says already what was eliminated")
        else:
            wrong = list(check_elimination(value, population.n))
            yield from wrong
            if not wrong:
                self.builder.eliminated = spins.index

    def _neurons(self, name: str, part: Subgroup | None) -> range | Finding | None:
        """The neurons of a subgroup of a population or mechanism, None for all."""
        found = self.builder.instances.get(name)
        if part is None or found is None:
            return None
        return part.range(name, self.builder.populations[found.population].n)

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
        if isinstance(made, Finding):
            yield made
            return
        target = self.builder.instances[made.target]
        pre, post = self.builder.populations[made.pre], self.builder.populations[target.population]
        wrong = list(check_connection(self.program, made, pre, post))
        yield from wrong
        if not wrong:
            self.builder.projections[name.text] = made

    def _connection(self, projection: Projection, rule: Operand, number: Operand | None) -> Projection | Finding:
        value = self.program.quantity(number).value if isinstance(number, Quantity | ConstantRef) else None
        if isinstance(rule, DataRef):
            return projection._replace(rule=Rule(MATRIX), data=rule.index, number=value)
        layouts, post = self.builder.layouts, self.builder.instances[projection.target].population
        names = condition_names(layouts.get(projection.pre), layouts.get(post))
        read = read_connection(rule.text if isinstance(rule, Name) else "", names)
        return read if isinstance(read, Finding) else projection._replace(rule=read, number=value)

    def _via(self, name: Name, synapse: Name) -> Found:
        projection, found = self.builder.projections.get(name.text), self.catalogue.synapse(synapse.text)
        if projection is None:
            yield from self._missing("projection", name.text, list(self.builder.projections))
        elif found is None:
            yield unlisted(self.catalogue, SYNAPSE, synapse.text)
        elif projection.synapse is not None:
            yield Finding("B122", f"{name.text} has the synapse {projection.synapse.name} already, from another VIA")
        else:
            self.builder.projections[name.text] = projection._replace(synapse=found)

    def finish(self) -> None:
        """Add the findings that need the whole network: projections without a CON, spikes or a port."""
        for name in self.builder.projections.keys() - self.connected:
            hint = f"add `CON {name}, all`, another rule, or a matrix of weights"
            self.builder.add(self.builder.at[name], [Finding("B122", f"{name} is connected by no CON", hint)])
        for name, projection in self.builder.projections.items():
            self.builder.add(self.builder.at[name], self._check_spikes(projection))

    def _check_spikes(self, projection: Projection) -> Found:
        """Check that a projection has a source of spikes if it needs them, and a port if it sends."""
        sender, synapse = self.builder.populations[projection.pre], projection.synapse
        waits = synapse is None or any(handler.event == PRE for handler in synapse.handlers)
        if waits and not sender.model.spikes:
            yield Finding("B114", f"population {sender.name} sends no spikes: its model {sender.model.name} has none")
        if synapse is None or synapse.sends:
            yield from self.portless[projection.name]

    _takers: ClassVar[dict[str, Callable[..., Found]]] = {
        "POP": _pop,
        "MECH": _mech,
        "SYN": _syn,
        "CON": _con,
        "VIA": _via,
        "POS": _pos,
        "LDE": _lde,
    }


# --- what names stand for ---------------------------------------------------------------------------


def _event_of(instances: Mapping[str, Instance], word: str) -> Finding | None:
    """The finding that a word names an event, which can't be a source; None for any other word."""
    head, _, name = word.partition(".")
    if head not in instances or all(event.name != name for event in instances[head].model.events):
        return None
    text = f"{word} is an event; what SYN sends are the spikes of a population"
    return Finding("B120", text, f"let a model spike by this condition: {head}, or a population beside it")


_CALLED = {NEURON: "neuron model", MECHANISM: "mechanism", SYNAPSE: "synapse"}
_TAKEN_BY = {
    NEURON: "POP adds a population of a neuron model",
    MECHANISM: "MECH puts a mechanism on a population",
    SYNAPSE: "VIA gives a synapse to a projection",
}


def unlisted(catalogue: Catalogue, kind: str, name: str) -> Finding:
    """The finding that a name is of another kind or unknown, with a hint at the command that lists all."""
    other = catalogue.kind(name)
    if other is not None:
        return Finding("B103", f"{name} is a {_CALLED[other]}, not a {_CALLED[kind]}", _TAKEN_BY[other])
    hint = did_you_mean(name, catalogue.names(kind)) or "`bioasm models` lists them all"
    return Finding("B103", f"there is no {'model' if kind == NEURON else kind} {name!r}", hint)


def check_port(instances: Mapping[str, Instance], lost: Container[str], head: str, port: str) -> Found:
    """Check that a population or mechanism has a port for spikes."""
    instance = instances.get(head)
    if instance is None:
        if is_subgroup(head):
            yield whole_wanted(head)
        elif head not in lost:
            yield unknown("B120", "population or mechanism", head, instances)
        return
    ports = [p.name for p in instance.model.ports]
    if port in ports:
        return
    if not ports:
        put = "MECH puts a mechanism with a port there, and SYN and EVT name that"
        yield Finding("B108", f"{head} receives no spikes: {instance.model.name} has no port", put)
    elif not port:
        named = " or ".join(f"{head}.{p}" for p in ports)
        yield Finding("B108", f"{head} has no port without a name", f"its ports are {named}")
    else:
        named = ", ".join(f"{head}.{p}" if p else head for p in ports)
        yield Finding("B108", f"{head} has no port {port!r}; its ports are {named}", did_you_mean(port, ports))


def _words(places: Operand, length: float | None, n: int) -> Layout | Finding:
    """The words of POS for a layout."""
    if length is None or not length > 0:
        return Finding("B126", "the length must follow: between neighbours of `grid`, of the side of `random`; more than 0")
    return read_layout(places.text if isinstance(places, Name) else "", length, n)


# --- rules of connection ----------------------------------------------------------------------------


def check_connection(program: Program, made: Projection, pre: Population, post: Population) -> Found:
    """Check that a rule of CON can connect two populations (or a population and the mechanisms on the other)."""
    kind, among = made.rule.kind, candidates(made, pre, post)
    if kind == MATRIX:
        yield from _check_matrix(program, made, among.pre, among.post)
        return
    if kind == CONDITION:
        if made.number is not None:
            yield Finding("B126", "a condition takes no number beside it", "write `... and u < 0.1`")
        return
    wanted, known = RULES[kind].takes, among.pre and among.post
    if (wanted is None) != (made.number is None):
        yield Finding("B126", f"`{kind}` takes {wanted}" if wanted else f"`{kind}` takes no number")
    elif kind == "others" and pre.neurons != post.neurons:
        yield Finding("B126", f"`others` leaves out the neuron itself, and {pre.name} is not {post.name}", "write `all`")
    elif kind == "one_to_one" and known and among.pre != among.post:
        names = spell_subgroup(pre.name, made.sources), spell_subgroup(post.name, made.targets)
        text = f"one_to_one connects as many neurons as there are: {names[0]} has {among.pre}, {names[1]} {among.post}"
        yield Finding("B106", text)
    elif made.number is not None:
        yield from check_count(made.rule, made.number, among)


def _check_matrix(program: Program, made: Projection, pre: int, post: int) -> Found:
    assert made.data is not None
    value = program.data[made.data].value
    if isinstance(value, Terms | Random):
        what = "terms" if isinstance(value, Terms) else "random values"
        yield Finding("B004", f"the weights of a connection are a matrix, not {what}")
    elif made.number is not None:
        yield Finding("B126", "a matrix takes no number beside it")
    elif pre and post and value.shape != (pre, post):
        sides = " x ".join(map(str, value.shape))
        yield Finding("B106", f"the matrix of weights must be {pre} x {post} (sources x targets), not {sides}")
