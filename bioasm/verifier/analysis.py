"""Whole-program analysis, before the checks of single instructions: dataflow, network and parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bioasm.isa.findings import Finding, Found
from bioasm.isa.program import DataRef, Instruction, Name, Program
from bioasm.isa.table import Trait
from bioasm.models import DEFAULT_MODEL, MODELS
from bioasm.models.base import NEURON, Model
from bioasm.network.attachment import check_synapse
from bioasm.network.composition import check_mechanism, different_steps, find_circle, find_excess
from bioasm.network.coupling import check_sums
from bioasm.network.namespace import PARAMETER, Member
from bioasm.network.network import Instance, Network, Population
from bioasm.verifier.catalogue import Catalogue, place_in_text
from bioasm.verifier.context import CheckContext
from bioasm.verifier.dataflow import Flow, analyse, constant, known_values, reached
from bioasm.verifier.network_builder import NETWORK, build_network, count, static_end, unlisted
from bioasm.verifier.network_parts import NetworkBuilder
from bioasm.verifier.operands import check_operands
from bioasm.verifier.semantics.timing import seconds


@dataclass(frozen=True, eq=False, slots=True)
class ProgramAnalysis:
    """Whole-program analysis: flow, findings about the network by instruction, and the context of checks.

    `context` is None where no population was found. `fixed` is the index of the first instruction that needs the complete
    network: structural parameters are set before it.
    """

    program: Program
    flow: Flow
    found: Mapping[int, list[Finding]]
    context: CheckContext | None
    fixed: int


def analyse_program(program: Program, catalogue: Catalogue, parameters: Mapping[str, float], *, sound: bool) -> ProgramAnalysis:
    """Whole-program analysis: flow, network, parameters. Shapes of data are checked only if `sound`."""
    has_pop = any(i.row.mnemonic == "POP" for i in program.instructions)
    models = [] if has_pop else list(_chosen(program, catalogue))
    flow = analyse(program, (p.name for model in models for p in model.parameters if p.structural))
    unknown = {} if has_pop else dict(_unknown(program, catalogue))
    if unknown:  # no consequential errors of an unknown model
        return ProgramAnalysis(program, flow, unknown, None, _fixed(program))
    implicit = None if has_pop else _allocated(program, flow, catalogue)
    builder = build_network(program, catalogue, _flawed(program, sound=sound), implicit)
    network = builder.network()
    fixed = _fixed(program)
    if not network.populations:
        return ProgramAnalysis(program, flow, builder.found, None, fixed)
    lost = frozenset(builder.lost), frozenset(builder.lost_synapses)
    context = CheckContext(program, catalogue, network, {}, *lost)
    context = replace(context, parameters=_values(context, flow, parameters, fixed))
    if not any(builder.found.values()):
        _check_whole(context, builder, steps_given=_gives_step(program, parameters))
    return ProgramAnalysis(program, flow, builder.found, context, fixed)


# --- the model and neurons of MODEL and ALC ---------------------------------------------------------


def _chosen(program: Program, catalogue: Catalogue) -> Iterator[Model]:
    """The models that MODEL instructions name anywhere, or the default model."""
    named = [i for i in program.instructions if i.row.mnemonic == "MODEL"]
    for name in {_word(i, 0) for i in named}:
        found = catalogue.neuron(name)
        if found is not None:
            yield found
    if not named:
        yield _default(catalogue)


def _unknown(program: Program, catalogue: Catalogue) -> Iterator[tuple[int, list[Finding]]]:
    """The MODEL instructions that name no neuron model, with their findings."""
    for index, instruction in enumerate(program.instructions):
        name = _word(instruction, 0) if instruction.row.mnemonic == "MODEL" else ""
        if name and catalogue.neuron(name) is None:
            yield index, [unlisted(catalogue, NEURON, name)]


def _default(catalogue: Catalogue) -> Model:
    return catalogue.neuron(DEFAULT_MODEL) or MODELS[DEFAULT_MODEL]


def _word(instruction: Instruction, at: int) -> str:
    operand = instruction.operands[at] if at < len(instruction.operands) else None
    return operand.text if isinstance(operand, Name) else ""


def _allocated(program: Program, flow: Flow, catalogue: Catalogue) -> Population:
    """The population of the first MODEL and the first ALC; further ones must agree with them."""
    found = (catalogue.neuron(_word(i, 0)) for _, i in reached(program, flow, "MODEL"))
    model = next((model for model in found if model is not None), None) or _default(catalogue)
    sizes = (count(program, (*i.operands, None)[0]) for _, i in reached(program, flow, "ALC"))
    return Population(model.name, model, next(sizes, 0), 0)


# --- the network ------------------------------------------------------------------------------------


def _flawed(program: Program, *, sound: bool) -> set[int]:
    """Network instructions with malformed operands, or with data where these are not sound; they add nothing to the network."""
    listed = [(k, i) for k, i in enumerate(program.instructions) if i.row.mnemonic in NETWORK]
    return {
        index
        for index, instruction in listed
        if any(check_operands(program, instruction))
        or (not sound and any(isinstance(operand, DataRef) for operand in instruction.operands))
    }


def _fixed(program: Program) -> int:
    """The index of the first instruction that runs, jumps, or needs neurons."""
    end = static_end(program)
    early = enumerate(program.instructions[:end])
    return next((index for index, i in early if Trait.NEURONS in i.row.traits), end)


def _check_whole(context: CheckContext, builder: NetworkBuilder, *, steps_given: bool) -> None:
    """Check a complete network; findings are located in the models' texts or at the instructions that added the parts."""
    network = context.network
    for mechanism in list(network.instances())[len(network.populations) :]:
        found = check_mechanism(network, mechanism)
        builder.add(builder.at[mechanism.name], _in_text(context.program, mechanism.model, found))
    for projection in network.projections:
        if projection.synapse is not None:
            at, found = builder.via[projection.name], check_synapse(network, projection, projection.synapse)
            if not builder.add(at, _in_text(context.program, projection.synapse, found)):
                found = check_sums(network, projection, projection.synapse)
                builder.add(at, _in_text(context.program, projection.synapse, found))
    if not any(builder.found.values()):
        _check_circles(network, builder)
    differing = different_steps(network)
    if differing is not None and not steps_given:
        builder.add(builder.at[differing[1].name], _check_steps(*differing))


def _in_text(program: Program, model: Model, found: Found) -> Found:
    """Findings about names in a model's text, located there where the program has the text."""
    for finding in found:
        yield finding._replace(span=place_in_text(program, model, finding.said)) if finding.said else finding


def _check_circles(network: Network, builder: NetworkBuilder) -> None:
    last = {mechanism.population: mechanism.name for mechanism in network.mechanisms}
    for population, name in last.items():
        builder.add(builder.at[name], _check_together(network, population))


def _check_together(network: Network, population: int) -> Found:
    circle = find_circle(network, population)
    if circle is not None:
        text = f"in one step these depend on each other in a circle: {' -> '.join(circle)}"
        yield Finding("B124", text, "let one of them be a state with an equation of its own")
        return
    circle = find_circle(network, population, at_start=True)
    if circle is not None:
        text = f"initial values depend on each other in a circle: {' -> '.join(circle)}"
        yield Finding("B124", text, "let one of the states start as a number or as parameters")
        return
    excess = find_excess(network, population)
    if excess is not None:
        yield Finding("B111", excess)


def _check_steps(first: Instance, other: Instance) -> Found:
    steps = " and ".join(f"{seconds(_default_step(one))} ({one.model.name})" for one in (first, other))
    yield Finding("B125", f"the program's models have different time steps: {steps}", "let the program say `SET dt, ...`")


def _default_step(instance: Instance) -> float:
    parameter = instance.model.parameter("dt")
    return parameter.default if parameter else 0.0


# --- parameters -------------------------------------------------------------------------------------


def _gives_step(program: Program, parameters: Mapping[str, float]) -> bool:
    """Whether the program or the options of the run set the time step."""
    return "dt" in parameters or any(i.row.mnemonic == "SET" and _word(i, 0) == "dt" for i in program.instructions)


def _values(context: CheckContext, flow: Flow, parameters: Mapping[str, float], fixed: int) -> dict[str, float | None]:
    """Constant propagation of parameters by whole name: defaults, those of the run, those set before the network is fixed."""
    values: dict[str, float | None] = {}
    for one in context.network.instances():
        for parameter in one.model.parameters:
            name = context.names.whole_name(Member(one, parameter))
            values.setdefault(name, parameters.get(name, parameter.default))
    if context.network.implicit:
        values |= known_values(context.program, flow)
    for instruction in context.program.instructions[:fixed]:
        if instruction.row.mnemonic == "SET" and len(instruction.operands) == 2 and not context.network.implicit:
            name = _whole_name(context, _word(instruction, 0))
            if name in values:
                values[name] = constant(context.program, instruction.operands[1])
    return values


def _whole_name(context: CheckContext, word: str) -> str:
    """The whole name of a parameter that a program sets for all neurons, empty for any other word."""
    found = context.names.member(PARAMETER, word)
    return "" if found is None or found.part is not None else context.names.whole_name(found)
