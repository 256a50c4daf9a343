"""The network of a program as nodes and edges of NIR: the inverse of import, for populations of its models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

import numpy as np

from bioasm.diagnostics import EXIT_USAGE, BioasmError, Span, error
from bioasm.frameworks.names import free_name
from bioasm.frameworks.nir.graph import CELLS
from bioasm.frameworks.write import Floats
from bioasm.isa.program import ConstantRef, DataRef, Dense, Instruction, Name, Program, Quantity, Sparse
from bioasm.isa.table import BY_MNEMONIC
from bioasm.memory import memory

KINDS = {cell.model: kind for kind, cell in CELLS.items()}
RELAY, SUM = "relay", "nir_sum"
_MODELS = (RELAY, *KINDS, SUM)


@dataclass
class Wire:
    """A projection: its ends, its weights (sources, targets), None for each to its own, and its delay in s."""

    pre: str
    post: str
    weights: Floats | None = None
    delay: float = 0.0


@dataclass
class Network:
    """Network of a program: models and sizes of populations, their parameters and constant inputs, projections, results."""

    models: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    parameters: dict[tuple[str, str], Floats] = field(default_factory=dict)
    biases: dict[str, Floats] = field(default_factory=dict)
    wires: dict[str, Wire] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)

    @property
    def held_back(self) -> dict[str, str]:
        """The relays that hold spikes back by a step, and the population whose spikes they are."""
        return {wire.post: wire.pre for wire in self.wires.values() if self.models.get(wire.post) == RELAY}

    @property
    def inputs(self) -> list[str]:
        """The relays that spikes come to from outside."""
        held_back = self.held_back
        return [name for name, model in self.models.items() if model == RELAY and name not in held_back]

    def sender(self, name: str) -> str:
        """The population whose spikes a population sends on, or itself."""
        held_back = self.held_back
        for _ in range(len(held_back)):
            name = held_back.get(name, name)
        return name


def no_place(what: str, span: Span | None, hint: str | None = None) -> BioasmError:
    """That a NIR graph can't hold something, as B315."""
    return error("B315", f"the program can't be written as nir: {what}", span=span, hint=hint, exit_code=EXIT_USAGE)


# --- the network of a program -------------------------------------------------------------------------


def network_of(program: Program) -> Network:
    """The network that the instructions of a verified program build. Raises BioasmError B315 at what is no node of NIR.

    Instructions that build nothing are left to the comparison of programs.
    """
    for model in program.models:
        raise no_place(f"its {model.kind} {model.name} is none of NIR's", model.span, _hint())
    network = Network()
    for instruction in program.instructions:
        if instruction.mnemonic in _READERS:
            _READERS[instruction.mnemonic](network, program, instruction)
    if not any(model in KINDS for model in network.models.values()):
        raise no_place("it has no population of a NIR node", None, _hint())
    return network


def _hint() -> str:
    return f"populations of {', '.join(_MODELS)} can be written, as `bioasm import` makes them"


def _read_pop(network: Network, program: Program, instruction: Instruction) -> None:
    name, model = (str(operand.text) for operand in instruction.operands[:2] if isinstance(operand, Name))
    if model not in _MODELS:
        raise no_place(f"{name} is a population of {model}, for which NIR has no node", instruction.span, _hint())
    network.models[name] = model
    network.sizes[name] = int(_number(program, instruction.operands[2]) or 0)


def _read_set(network: Network, program: Program, instruction: Instruction) -> None:
    owner, _, what = _text(instruction.operands[0]).rpartition(".")
    values = _values(program, instruction)
    if owner in network.wires and isinstance(instruction.operands[1], Name):
        raise no_place(f"the {what} of {owner} is a formula, and NIR has numbers", instruction.span, "a matrix of weights")
    if owner in network.wires and what == "delay" and isinstance(instruction.operands[1], DataRef):
        raise no_place(f"each connection of {owner} has a delay of its own", instruction.span, "one delay for all connections")
    if owner in network.wires and what == "delay" and values is not None:
        network.wires[owner].delay = float(values.flat[0])
    elif owner in network.models and values is not None:
        network.parameters.setdefault((owner, what), np.broadcast_to(values.ravel(), network.sizes[owner]))


def _read_syn(network: Network, _: Program, instruction: Instruction) -> None:
    name, pre, post = (_text(operand) for operand in instruction.operands)
    for end in (pre, post):
        if end not in network.models:
            raise no_place(f"{name} joins a part or a port, {end}, and the edges of NIR join nodes", instruction.span)
    network.wires[name] = Wire(pre, post)


def _read_con(network: Network, program: Program, instruction: Instruction) -> None:
    name, rule = _text(instruction.operands[0]), instruction.operands[1]
    if isinstance(rule, DataRef):
        network.wires[name].weights = _matrix(program.data[rule.index].value, instruction.span)
    elif _text(rule) != "one_to_one":
        what = f"{name} is connected by the rule {_text(rule)!r}, and NIR has matrices of weights"
        raise no_place(what, instruction.span, "a matrix, or one_to_one")


def _read_inp(network: Network, program: Program, instruction: Instruction) -> None:
    owner = _text(instruction.operands[0]).rpartition(".")[0]
    values = _values(program, instruction)
    if owner in network.models and values is not None:
        network.biases.setdefault(owner, np.broadcast_to(values.ravel(), network.sizes[owner]))


def _read_rd(network: Network, _: Program, instruction: Instruction) -> None:
    owner = _text(instruction.operands[0]).rpartition(".")[0] if instruction.operands else ""
    if owner in network.models and owner not in network.shown:
        network.shown.append(owner)


_READERS = {"POP": _read_pop, "SET": _read_set, "SYN": _read_syn, "CON": _read_con, "INP": _read_inp, "RD": _read_rd}


def _text(operand: Any) -> str:
    return operand.text if isinstance(operand, Name) else ""


def _number(program: Program, operand: Any) -> float | None:
    return program.quantity(operand).value if isinstance(operand, Quantity | ConstantRef) else None


def _values(program: Program, instruction: Instruction) -> Floats | None:
    """The numbers that SET or INP gives, None where they are known only as it runs, or a word."""
    operand = instruction.operands[1]
    if isinstance(operand, DataRef):
        value = program.data[operand.index].value
        if not isinstance(value, Dense):
            raise no_place("random values are drawn in each run, and NIR has numbers", instruction.span)
        return value.array.astype(np.float64)
    number = _number(program, operand)
    return None if number is None else np.array([number])


def _matrix(value: Any, span: Span | None) -> Floats:
    """Weights (sources, targets), of which NIR writes all, also those that are 0."""
    if 8 * value.shape[0] * value.shape[1] > memory() // 8:
        rows, columns = value.shape
        raise no_place(f"a sparse matrix of {rows:,} x {columns:,} does not fit into memory as NIR writes it", span)
    if not isinstance(value, Sparse):
        return np.asarray(value.array, np.float64)
    full = np.zeros(value.shape)
    full[value.row, value.column] = value.value
    if value.symmetric:
        full[value.column, value.row] = value.value
    return full


# --- nodes and edges ----------------------------------------------------------------------------------


@dataclass
class Written:
    """Nodes and edges of a graph, and the order in which its inputs, neurons and outputs stand in the program."""

    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)


def graph_for(network: Network) -> Written:
    """NIR's nodes of a network. Needs the package nir. Raises BioasmError B315 where a neuron lacks a parameter."""
    import nir

    found = Written()
    names = _Names(network)
    for name in network.inputs:
        found.nodes[name] = nir.Input(input_type=np.array([network.sizes[name]]))
    for name, model in network.models.items():
        if model in KINDS:
            found.nodes[name] = getattr(nir, KINDS[model])(**_parameters(network, name, KINDS[model]))
        elif model == SUM:
            found.nodes[name] = nir.Output(output_type=np.array([network.sizes[name]]))
    for name, wire in network.wires.items():
        if network.models[wire.post] != RELAY:
            _write_wire(nir, network, found, name, names)
    _write_biases(nir, network, found, names)
    outputs = {name: _write_output(nir, network, found, name, names) for name in network.shown}
    found.order = _order(network, list(outputs.values()))
    return found


class _Names:
    """Names of nodes that no population and no projection has, nor the data of its weights."""

    def __init__(self, network: Network) -> None:
        taken = (*network.models, *network.wires, *(f"{name}_weights" for name in network.wires))
        self.taken = {name.lower() for name in taken} | {mnemonic.lower() for mnemonic in BY_MNEMONIC}

    def free(self, name: str) -> str:
        return free_name(name, self.taken)


def _parameters(network: Network, name: str, kind: str) -> dict[str, Floats]:
    lacking = [what for what in CELLS[kind].parameters if (name, what) not in network.parameters]
    if lacking:
        hint = f"SET {name}.{lacking[0]}, or let `bioasm import` write the program"
        raise no_place(f"{name} leaves {', '.join(lacking)} to the model, and NIR has no values of its own", None, hint)
    return {what: np.array(network.parameters[name, what]) for what in CELLS[kind].parameters}


def _write_wire(nir: Any, network: Network, found: Written, name: str, names: _Names) -> None:
    """A projection as edges, with a node for its weights and one for its delay, where it has them."""
    wire = network.wires[name]
    chain = [network.sender(wire.pre)]
    if wire.weights is not None:
        bias = _bias_of(network, name)
        weights = np.ascontiguousarray(wire.weights.T)
        found.nodes[name] = nir.Linear(weights) if bias is None else nir.Affine(weights, np.array(bias))
        chain.append(name)
    if wire.delay or (chain[-1], wire.post) in found.edges:  # edges are a set: a second one goes through a node of its own
        chain.append(names.free(f"{name}_delay"))
        found.nodes[chain[-1]] = nir.Delay(np.full(network.sizes[wire.post], wire.delay))
    found.edges += pairwise([*chain, wire.post])


def _bias_of(network: Network, name: str) -> Floats | None:
    """The constant input of a population, at the first matrix that leads to it."""
    post = network.wires[name].post
    first = next(key for key, wire in network.wires.items() if wire.post == post and wire.weights is not None)
    return network.biases.get(post) if first == name else None


def _write_biases(nir: Any, network: Network, found: Written, names: _Names) -> None:
    """Constant inputs that no matrix leads to, and sums of spikes without one: an affine map that nothing comes to."""
    mapped = {wire.post for wire in network.wires.values() if wire.weights is not None}
    for name, model in network.models.items():
        if name not in mapped and (name in network.biases or model == SUM):
            n = network.sizes[name]
            node = names.free(f"{name}_bias")
            found.nodes[node] = nir.Affine(np.zeros((n, 1)), np.array(network.biases.get(name, np.zeros(n))))
            found.edges.append((node, name))


def _write_output(nir: Any, network: Network, found: Written, name: str, names: _Names) -> str:
    """The output that shows a population."""
    if network.models[name] == SUM:
        return name
    output = names.free("output" if len(network.shown) == 1 else f"{name}_output")
    found.nodes[output] = nir.Output(output_type=np.array([network.sizes[name]]))
    found.edges.append((name, output))
    return output


def _order(network: Network, outputs: Sequence[str]) -> list[str]:
    """Inputs, neurons and outputs, so that each chain of the program (POP, SYN, INP, RD) keeps its order (topological sort)."""
    posts = (wire.post for wire in network.wires.values() if network.models[wire.post] != RELAY)
    cells = [name for name, model in network.models.items() if model in KINDS]
    sums = [name for name, model in network.models.items() if model == SUM]
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for chain in ([*network.inputs, *cells], sums, list(dict.fromkeys(posts)), list(network.biases), outputs):
        _add_chain(sorter, chain)
    try:
        return list(sorter.static_order())
    except CycleError:
        return []


def _add_chain(sorter: TopologicalSorter[str], chain: Sequence[str]) -> None:
    for name in chain:
        sorter.add(name)
    for before, after in pairwise(chain):
        sorter.add(after, before)


def values_of(program: Program, operands: Sequence[Any]) -> Iterator[Any]:
    """Operands by which programs can be compared: constants as their numbers, data as arrays."""
    for operand in operands:
        if isinstance(operand, Quantity | ConstantRef):
            yield program.quantity(operand).value
        elif isinstance(operand, DataRef):
            value = program.data[operand.index].value
            yield _matrix(value, None) if isinstance(value, Sparse) else getattr(value, "array", value)
        else:
            yield operand
