"""The text of the program of a NIR graph: populations by layers, projections, biases, inputs, results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from bioasm.frameworks import write
from bioasm.frameworks.names import free_name
from bioasm.frameworks.nir.graph import CELLS, Graph
from bioasm.frameworks.nir.layers import Layers, layers_of
from bioasm.frameworks.nir.paths import Arriving, Path, arriving
from bioasm.isa.table import BY_MNEMONIC
from bioasm.units import spell_number

_NEVER = "1e15"  # a latency in steps, beyond the end of every run


@dataclass
class Plan:
    """Plan of the program to write: inputs of each population, their layers, and the relays that hold spikes back."""

    graph: Graph
    arriving: dict[str, Arriving]
    layers: Layers
    relays: dict[str, list[str]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)  # names of populations, projections and data, in lower case

    @property
    def sums(self) -> list[str]:
        """The outputs that are populations of their own, for a linear map leads to them."""
        return [name for name in self.arriving if self.graph.kinds[name] == "Output"]

    def sender(self, path: Path, name: str) -> str:
        """The population from which a path's spikes come in time for a node."""
        waits = max(0, self.layers.waits(path.source, name))
        return self.relays[path.source][waits - 1] if waits else self.graph.names[path.source]


def program(graph: Graph) -> str:
    """The text of a program that runs the graph, with random spikes in its inputs. Raises BioasmError B304."""
    plan = _plan(graph)
    inputs = graph.of_kind("Input")
    lines = list(write.head(_title(graph), graph.source, _notes(plan), _constants(bool(inputs))))
    lines += [f"    POP {graph.names[name]}, relay, {graph.size(name)}" for name in inputs]
    for name in (*graph.of_kind(*CELLS), *plan.sums):
        lines += _population(plan, name)
    lines += _relays(plan)
    data: list[str] = []
    for name in plan.arriving:
        lines += _projections(plan, name, data)
    for name, found in plan.arriving.items():
        if found.offset is not None and np.any(found.offset):
            lines += write.constant_input(f"{graph.names[name]}.I", found.offset)
    lines += [f"    RATE {graph.names[name]}, rate, 1   ; or EVT {graph.names[name]}, TRAIN, 1" for name in inputs]
    lines += ["    RUN duration", *_tail(plan), *_results(plan)]
    return "\n".join([*lines, *data, ""])


# --- planning -----------------------------------------------------------------------------------------


def _plan(graph: Graph) -> Plan:
    found = {name: arriving(graph, name) for name in graph.of_kind(*CELLS, "Output")}
    kept = {name: got for name, got in found.items() if graph.kinds[name] != "Output" or _is_sum(got)}
    _check_spiking(graph, kept)
    order = [name for name in graph.nodes if name in kept or graph.kinds[name] == "Input"]
    sources = {name: [path.source for path in kept[name].paths] if name in kept else [] for name in order}
    _name(graph, order)
    plan = Plan(graph, kept, layers_of(sources))
    _plan_relays(plan)
    return plan


def _name(graph: Graph, populations: list[str]) -> None:
    """Names that a program can have: letters, digits and underscores, each once."""
    taken = {mnemonic.lower() for mnemonic in BY_MNEMONIC}
    for name in populations:
        graph.names[name] = free_name(name, taken)


def _is_sum(got: Arriving) -> bool:
    return got.offset is not None or any(path.weights is not None for path in got.paths)


def _check_spiking(graph: Graph, kept: dict[str, Arriving]) -> None:
    for name, got in kept.items():
        for path in got.paths:
            if not graph.spikes(path.source):
                hint = f"end the graph with node {path.source!r}, or make its neurons spike"
                raise graph.flaw(f"node {path.source!r} does not spike, and its values lead to node {name!r}", hint)


def _plan_relays(plan: Plan) -> None:
    """Chains of relays behind the nodes whose spikes skip layers: each relay holds them back by one step."""
    plan.taken |= {name.lower() for name in plan.graph.names.values()}
    for name, got in plan.arriving.items():
        for path in got.paths:
            chain = plan.relays.setdefault(path.source, [])
            while len(chain) < plan.layers.waits(path.source, name):
                chain.append(free_name(f"{plan.graph.names[path.source]}_late{len(chain) + 1}", plan.taken))


# --- the head -----------------------------------------------------------------------------------------


def _title(graph: Graph) -> str:
    return f"NIR graph: {sum(graph.size(name) for name in graph.of_kind(*CELLS))} neurons"


def _notes(plan: Plan) -> Iterator[str]:
    yield "A spike is a current of its weight for one time step. A layer computes one step after the layer before it, and"
    yield "begins as many steps later; the run goes on until the last layer is done."
    yield "Another time step: bioasm run FILE --set dt=1ms"
    names = plan.graph.names
    for name in plan.graph.of_kind("IF"):
        yield f"r of {names[name]} counts in time steps, as in frameworks. In seconds, as NIR's equation has it:"
        yield f"  bioasm run FILE --set {names[name]}.time_unit=second"
    for start, end in sorted(plan.layers.back, key=lambda ends: (names[ends[0]], names[ends[1]])):
        if (late := -plan.layers.waits(start, end)) > 0:
            steps = f"{late} step{'s' * (late > 1)}"
            way = f"from {names[start]} back to {names[end]}"
            yield f"What goes {way} comes {steps} later than in frameworks, whose layers share a step."


def _constants(driven: bool) -> Iterator[str]:
    yield ".const duration = 100 ms"
    if driven:
        yield ".const rate = 100 Hz             ; of the random spikes in each input"


# --- populations --------------------------------------------------------------------------------------


def _population(plan: Plan, name: str) -> Iterator[str]:
    graph, kind = plan.graph, plan.graph.kinds[name]
    label, n = graph.names[name], graph.size(name)
    yield f"    POP {label}, {CELLS[kind].model if kind in CELLS else 'nir_sum'}, {n}"
    for parameter in CELLS[kind].parameters if kind in CELLS else ():
        yield from write.setting(f"{label}.{parameter}", _parameter(graph, name, parameter), CELLS[kind].model)
    if plan.layers.layer[name]:
        yield f"    SET {label}.latency, {plan.layers.layer[name]}"


def _parameter(graph: Graph, name: str, parameter: str) -> write.Floats:
    n = graph.size(name)
    values = graph.numbers(name, parameter).ravel()
    if values.size not in (1, n):
        raise graph.flaw(f"node {name!r} has {n} neurons and {values.size} values of {parameter}")
    if parameter.startswith("tau") and np.any(values <= 0):
        raise graph.flaw(f"node {name!r}: {parameter} has a value that can't be used")
    return np.broadcast_to(values, (n,))


def _relays(plan: Plan) -> Iterator[str]:
    for source, chain in plan.relays.items():
        for before, label in zip((plan.graph.names[source], *chain), chain, strict=False):
            yield f"    POP {label}, relay, {plan.graph.size(source)}"
            yield from _one_to_one(_wire(plan, before, label), before, label)


# --- projections --------------------------------------------------------------------------------------


def _projections(plan: Plan, name: str, data: list[str]) -> Iterator[str]:
    """SYN and CON of all paths to a node; their matrices are added to `data`."""
    for path in plan.arriving[name].paths:
        pre, post = plan.sender(path, name), plan.graph.names[name]
        wire = _wire(plan, pre, post)
        if path.weights is None:
            yield from _one_to_one(wire, pre, post)
        else:
            yield from write.connection(wire, pre, post)
            data += write.matrix(wire, path.weights.T)
        if path.delay:
            yield f"    SET {wire}.delay, {spell_number(path.delay)} s"


def _wire(plan: Plan, pre: str, post: str) -> str:
    """A free name for a projection, whose weights have a free name as well."""
    name = f"{pre}_to_{post}"
    numbered = (f"{name}_{k}" if k else name for k in count())
    wire = next(one for one in numbered if plan.taken.isdisjoint(_names(one)))
    plan.taken.update(_names(wire))
    return wire


def _names(wire: str) -> tuple[str, str]:
    return wire.lower(), f"{wire}_weights".lower()


def _one_to_one(wire: str, pre: str, post: str) -> Iterator[str]:
    yield f"    SYN {wire}, {pre}, {post}"
    yield f"    CON {wire}, one_to_one"
    yield f"    SET {wire}.weight, 1"


# --- the end ------------------------------------------------------------------------------------------


def _tail(plan: Plan) -> Iterator[str]:
    """RUN of the steps that later layers need to see what came last, in which the layers before them stand still."""
    if not plan.layers.last:
        return
    yield "    GET r0, time"
    yield "    GET r1, steps"
    yield "    MAX r1, r1, 1"
    yield "    DIV r0, r0, r1               ; the time step"
    yield from (f"    RATE {plan.graph.names[name]}, 0, 1" for name in plan.graph.of_kind("Input"))
    for done in range(plan.layers.last):
        ended = [plan.graph.names[name] for name in plan.arriving if plan.layers.layer[name] == done]
        yield from (f"    SET {name}.latency, {_NEVER}" for name in ended)
        yield f"    RUN r0                       ; layer {done} is done"


def _results(plan: Plan) -> Iterator[str]:
    """RD instructions for the outputs, for all neurons where there is none; and for all spikes."""
    shown: list[str] = []
    for name in plan.graph.of_kind("Output"):
        shown += [name] if name in plan.sums else [path.source for path in arriving(plan.graph, name).paths]
    cells = [name for name in dict.fromkeys(shown) if plan.graph.kinds[name] != "Input"]
    for name in cells or plan.graph.of_kind(*CELLS):
        yield f"    RD {plan.graph.names[name]}.{_observable(plan.graph, name)}"
    yield "    RD spikes"


def _observable(graph: Graph, name: str) -> str:
    if graph.kinds[name] == "Output":
        return "total"
    return "spike_count" if graph.spikes(name) else "v"
