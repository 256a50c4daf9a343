"""Capability check: the abilities that a program needs of its driver, and diagnostics of missing ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bioasm.diagnostics import Diagnostic
from bioasm.isa.program import Instruction, Name
from bioasm.isa.table import ROWS
from bioasm.network.network import Projection
from bioasm.network.references import Resolved
from bioasm.verifier.gate import Verified

MODEL_TEXTS = "models"  # the ability to run models given as texts
COUPLING = "coupling"  # the ability to sum over connections in every step
CABLES = "cables"  # the ability to run multicompartment cells
EVENTS = "events"  # the ability to run models with events of their own, and to record them
ABILITIES = frozenset({MODEL_TEXTS, COUPLING, CABLES, EVENTS, *(row.needs for row in ROWS)})  # all abilities


def lacking(name: str, abilities: Collection[str], models: Collection[str], verified: Verified) -> Iterator[Diagnostic]:
    """Diagnostics of the instructions and models of a program that a driver with these abilities and models can't run."""
    yield from _lacking_models(name, abilities, models, verified)
    for instruction in verified.program.instructions:
        needs = needed(verified, instruction)
        if needs not in abilities:
            text = f"driver {name} can't run {instruction.mnemonic} (it needs the ability {needs})"
            yield Diagnostic("B502", text, instruction.span)


def needed(verified: Verified, instruction: Instruction) -> str:
    """The ability that an instruction needs: its row's, except for synapses that only add and for multicompartment cells."""
    if instruction.mnemonic == "POP" and _adds_cells(verified, instruction):
        return CABLES
    projection = attached(verified, instruction)
    synapse = projection.synapse if projection else None
    return COUPLING if synapse is not None and not synapse.acts else instruction.row.needs


def _adds_cells(verified: Verified, instruction: Instruction) -> bool:
    """Whether a POP adds multicompartment cells."""
    name, network = instruction.operands[0], verified.network
    return isinstance(name, Name) and any(network.populations[one.cells].name == name.text for one in network.cables)


def attached(verified: Verified, instruction: Instruction | Resolved) -> Projection | None:
    """The projection that VIA gives its synapse; None for any other instruction."""
    word = instruction.operands[0] if instruction.mnemonic == "VIA" else None
    return verified.network.projection(word.text) if isinstance(word, Name) else None


def _lacking_models(name: str, abilities: Collection[str], models: Collection[str], verified: Verified) -> Iterator[Diagnostic]:
    """Models of the program that the driver lacks; those that are the program's own need the ability `models`."""
    own = {text.name: text for text in verified.program.models}
    for model, one in {one.name: one for one in verified.network.models()}.items():
        if one.events and EVENTS not in abilities:
            text = f"driver {name} runs no events of a model's own, as {one.events[0].name} of {model} is"
            yield Diagnostic("B502", text, own[model].span if model in own else None)
        if model in own and MODEL_TEXTS not in abilities:
            yield Diagnostic("B502", f"driver {name} runs no models of a program's own, as {model} is", own[model].span)
        elif model not in own and model not in models:
            yield Diagnostic("B502", f"driver {name} has no model {model}")
