"""Instrumentation of a program with recorders of all state variables, for comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bioasm.demand.connections import connections
from bioasm.isa.limits import limit
from bioasm.isa.program import Instruction, Name, Program, Quantity, Target
from bioasm.isa.rewrite import aimed
from bioasm.isa.table import BY_MNEMONIC, Trait
from bioasm.models.base import SPINS, Model
from bioasm.network.references import Resolved, VariableRef
from bioasm.verifier.gate import Verified

SAMPLES = 1 << 24  # most samples of all recorded variables of one run
_MAKERS = ("ALC", "POP", "MECH", "SYN", "CON", "VIA", "POS", "LDE")
_USES = Trait.NEURONS | Trait.JUMPS | Trait.ENDS


def state_variables(verified: Verified) -> dict[VariableRef, int]:
    """The state variables of all populations, mechanisms and synapses, with their numbers of neurons or connections.

    For connections by a probability this is an upper bound.
    """
    network, found = verified.network, dict[VariableRef, int]()
    for instance in network.instances():
        for name in _states(instance.model):
            word = name if verified.names.is_bare(instance) else f"{instance.name}.{name}"
            found[VariableRef(instance.name, name, word)] = network.populations[instance.population].n
    for one in network.projections:
        for name in _states(one.synapse) if one.synapse is not None else ():
            found[VariableRef(one.name, name, f"{one.name}.{name}")] = connections(verified, one)
    return {ref: n for ref, n in found.items() if n}


def _states(model: Model) -> tuple[str, ...]:
    return (model.clamp,) if model.kind == SPINS else tuple(state.name for state in model.states)


def recorded(verified: Verified) -> list[VariableRef]:
    """The first of the state variables, within the limit of recordings besides the program's own."""
    own = sum(instruction.mnemonic == "REC" for instruction in verified.program.instructions)
    return list(state_variables(verified))[: max(0, limit("recorders") - own)]


def spacing(verified: Verified, lanes: int, steps: int) -> int:
    """The sampling interval in steps that keeps the samples of `steps` steps within SAMPLES."""
    each = lanes * sum(state_variables(verified).values())
    return max(1, -(-steps * each // SAMPLES))


def instrumented(verified: Verified, variables: Sequence[VariableRef], every: float) -> Program:
    """The program with a REC of each variable after its network is complete, and without its own of the same variables.

    `every` is in the model's clock.
    """
    program = verified.program
    kept = [not _records(i, variables) for i in verified.instructions]
    period = Quantity(every, verified.model.clock)
    added = [Instruction(BY_MNEMONIC["REC"], (Name(ref.word), period)) for ref in variables]
    places = [sum(kept[:index]) for index in range(len(kept) + 1)]  # the new index of each instruction, and of the end
    at = _begin(program)
    moved = [place + (len(added) if index >= at else 0) for index, place in enumerate(places)]
    body = [aimed(i, moved) for i, keep in zip(program.instructions, kept, strict=True) if keep]
    body[places[at] : places[at]] = added
    labels = {name: moved[index] for name, index in program.labels.items()}
    return replace(program, instructions=tuple(body), labels=labels)


def _records(instruction: Resolved, variables: Sequence[VariableRef]) -> bool:
    return instruction.mnemonic in ("REC", "UNREC") and instruction.operands[0] in variables


def _begin(program: Program) -> int:
    """The first index after the network's instructions at which neurons are used or control flow may branch.

    It dominates all later instructions, and structural parameters are set before it.
    """
    targets = {o.index for i in program.instructions for o in i.operands if isinstance(o, Target)}
    at = max(k + 1 for k, i in enumerate(program.instructions) if i.mnemonic in _MAKERS)
    while at < len(program.instructions) and at not in targets and not program.instructions[at].row.traits & _USES:
        at += 1
    return at
