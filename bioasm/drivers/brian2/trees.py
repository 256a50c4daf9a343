"""Mapping of cable cells and their mechanisms to Brian2's SpatialNeuron, and the cells that it can't express."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from bioasm.diagnostics import Diagnostic
from bioasm.drivers.brian2.cell import Part, Tree
from bioasm.isa.program import Name
from bioasm.morphology.cell import Cell
from bioasm.morphology.tree import ROOT
from bioasm.network.cables import CURRENT, INTO, POTENTIAL, Cables
from bioasm.network.network import ADD, Mechanism, Network
from bioasm.network.references import InputRef
from bioasm.verifier.gate import Verified

_DEEPEST = 100  # depth in forks, which doubles from a tip; Brian2 traverses morphologies by recursion


def part_of(mechanism: Mechanism, network: Network) -> Part:
    """A mechanism with its place or region."""
    place = network.place(mechanism.name)
    return Part(mechanism.name, mechanism.model, place, "" if place else mechanism.where)


def tree_of(verified: Verified, population: int) -> Tree | None:
    """The role of a population in cable cells; None for any other population."""
    network = verified.network
    cables = next((one for one in network.cables if population in one.populations), None)
    if cables is None:
        return None
    flows: tuple[tuple[str, str], ...] = ()
    if population == cables.volumes:
        flows = ((CURRENT, "v"),)
    elif population == cables.cells:
        flows = ((INTO, "v"), *((f"{INTO}_{name}", f"{POTENTIAL}_{name}") for name in cables.cell.places))
    return Tree(network.populations[cables.cells].name, flows, _is_modulated(verified, cables))


def _is_modulated(verified: Verified, cables: Cables) -> bool:
    """Whether the program sets or scales the current density, so that painted mechanisms are stepped on the whole membrane."""
    name = verified.network.populations[cables.volumes].name
    inputs = (i.operands for i in verified.instructions if i.mnemonic == "INP")
    return any(isinstance(ref, InputRef) and ref.owner == name and how != Name(ADD) for ref, _, how in inputs)


def tree_problems(verified: Verified) -> Iterator[Diagnostic]:
    """Diagnostics of cells that Brian2 can't simulate, at their POPs."""
    network = verified.network
    for instruction in verified.instructions:
        word = instruction.operands[0] if instruction.mnemonic == "POP" else None
        for cables in network.cables:
            if isinstance(word, Name) and network.populations[cables.cells].name == word.text:
                for text, hint in _against(cables.cell):
                    yield Diagnostic("B502", text, instruction.span, hint=hint)


def _against(cell: Cell) -> Iterator[tuple[str, str | None]]:
    """The reason why Brian2 can't simulate a cell, or None."""
    from bioasm.drivers.brian2.compartments import Compartments

    mixed = Compartments(cell).mixed
    if mixed:
        text = f"CV {mixed[0]} of the cell {cell.name} reaches over a fork, and Brian2's compartments end at forks"
        yield text, "`cv: 1 per branch` beside the other policies cuts at all forks"
    if _depth(cell) > _DEEPEST:
        yield f"the cell {cell.name} has more than {_DEEPEST} forks in a row, and Brian2 goes through them by recursion", None
    if find_spec("scipy") is None:
        yield "Brian2 solves for cells of cable by SciPy, which is not installed", "pip install --upgrade 'bioasm[brian2]'"


def _depth(cell: Cell) -> int:
    """Depth of the tree in branches."""
    depth = {ROOT: 0}
    for number, branch in enumerate(cell.tree.branches):
        depth[number] = depth[branch.parent] + 1
    return max(depth.values())
