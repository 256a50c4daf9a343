"""Forward dataflow over the program's control-flow graph: the facts that hold at each instruction on every path to it.

Facts are a bit set, and a must-analysis: a fact holds where it holds on every path, so that the meet is `&`. "Not yet
allocated on any path" is therefore a fact of its own, besides "allocated on every path".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, DataRef, Instruction, Name, Program, Quantity, Register, Target
from bioasm.isa.table import ROWS, Trait
from bioasm.network.subgroup import is_subgroup

# Bits 0 to 31: the register was written.
ALLOCATED = 1 << 32
UNALLOCATED = 1 << 33
CHOSEN = 1 << 34
UNCHOSEN = 1 << 35
REGISTERS = (1 << limit("registers")) - 1
_FIRST_STRUCTURAL = 36
START = UNALLOCATED | UNCHOSEN
UNREACHED = -1


def _having(trait: Trait) -> frozenset[str]:
    return frozenset(row.mnemonic for row in ROWS if trait in row.traits)


_NEURONS, _WRITES = _having(Trait.NEURONS), _having(Trait.WRITES)
_JUMPS, _ENDS = _having(Trait.JUMPS), _having(Trait.ENDS)
# These end "not yet allocated".
_DROPPED = {"ALC": UNALLOCATED, "POP": UNALLOCATED, "MODEL": UNCHOSEN}


class Flow(NamedTuple):
    """`facts[i]` are the facts before instruction i (UNREACHED where no path leads there), `needed[i]` those it needs.

    `structural` maps names of structural parameters to the facts that they were set.
    """

    facts: list[int]
    needed: list[int]
    structural: Mapping[str, int]

    def reached(self, index: int) -> bool:
        """Whether some path leads to the instruction."""
        return self.facts[index] != UNREACHED

    def missing(self, index: int) -> int:
        """The facts that the instruction needs, but that do not hold on every path to it."""
        return self.needed[index] & ~self.facts[index]


def analyse(program: Program, structural: Iterable[str] = ()) -> Flow:
    """Dataflow analysis of a program, whose models have those structural parameters.

    Operands may be wrong: a jump out of the program then has no edge. Takes time linear in the number of instructions,
    times the number of facts that differ between paths.
    """
    instructions = program.instructions
    bits = {name: 1 << (_FIRST_STRUCTURAL + place) for place, name in enumerate(sorted(set(structural)))}
    needed = [_needed(i) for i in instructions]
    # What an instruction needs also holds after it, so that each lack is reported once.
    added = [need | _added(i, bits) for need, i in zip(needed, instructions, strict=True)]
    facts = [UNREACHED] * (len(instructions) + 1)
    facts[0] = START
    _spread(instructions, added, facts)
    return Flow(facts, needed, bits)


def _spread(instructions: tuple[Instruction, ...], added: list[int], facts: list[int]) -> None:
    """Worklist algorithm: propagate facts along all edges to a fixed point; a FIFO queue lets paths meet early."""
    end = len(instructions)
    work = deque([0])
    while work:
        here = work.popleft()
        while here < end:
            instruction = instructions[here]
            after = (facts[here] | added[here]) & ~_DROPPED.get(instruction.row.mnemonic, 0)
            if instruction.row.mnemonic in _JUMPS:
                target = _target(instruction)
                if 0 <= target <= end and _meet(facts, target, after):
                    work.append(target)
            if instruction.row.mnemonic in _ENDS or not _meet(facts, here + 1, after):
                break
            here += 1


def _meet(facts: list[int], index: int, after: int) -> bool:
    """Meet the facts after an instruction with those before a successor; true where that changed them."""
    before = facts[index]
    facts[index] = before & after
    return facts[index] != before


def _needed(instruction: Instruction) -> int:
    """The facts that an instruction needs: registers that it reads, and neurons."""
    mnemonic, operands = instruction.row.mnemonic, instruction.operands
    read = operands[1:] if mnemonic in _WRITES else operands
    bits = 0
    for operand in read:
        if type(operand) is Register:
            bits |= _register(operand)
    of_neurons = mnemonic == "SET" and any(type(o) is DataRef or (type(o) is Name and is_subgroup(o.text)) for o in operands)
    return bits | ALLOCATED if mnemonic in _NEURONS or of_neurons else bits


def _added(instruction: Instruction, structural: Mapping[str, int]) -> int:
    """The facts that an instruction generates (gen set)."""
    mnemonic, operands = instruction.row.mnemonic, instruction.operands
    first = operands[0] if operands else None
    if mnemonic in ("ALC", "POP"):
        return ALLOCATED
    if mnemonic == "MODEL":
        return CHOSEN
    if mnemonic == "SET":
        return structural.get(first.text, 0) if isinstance(first, Name) else 0
    return _register(first) if mnemonic in _WRITES and isinstance(first, Register) else 0


def _register(register: Register) -> int:
    index = register.index
    return 1 << index if type(index) is int and 0 <= index < limit("registers") else 0


def _target(instruction: Instruction) -> int:
    return next((o.index for o in instruction.operands if type(o) is Target and type(o.index) is int), -1)


# --- what follows for the whole program -------------------------------------------------------------


def reached(program: Program, flow: Flow, mnemonic: str) -> list[tuple[int, Instruction]]:
    """The instructions of that mnemonic that some path leads to, with their indices."""
    listed = enumerate(program.instructions)
    return [(i, instruction) for i, instruction in listed if instruction.row.mnemonic == mnemonic and flow.reached(i)]


def known_values(program: Program, flow: Flow) -> dict[str, float | None]:
    """Structural parameters that the program sets: the value if the same is set on every path to ALC, else None."""
    values: dict[str, set[float | None]] = {}
    for _, instruction in reached(program, flow, "SET"):
        name, value = (*instruction.operands, None, None)[:2]
        if isinstance(name, Name) and name.text in flow.structural:
            values.setdefault(name.text, set()).add(constant(program, value))
    at_alc = UNREACHED
    for index, _ in reached(program, flow, "ALC"):
        at_alc &= flow.facts[index]
    return {
        name: next(iter(found)) if len(found) == 1 and at_alc & flow.structural[name] else None
        for name, found in values.items()
    }


def constant(program: Program, operand: object) -> float | None:
    """Constant folding of an operand: its value before the run, or None."""
    if isinstance(operand, ConstantRef):
        operand = program.constants.get(operand.name)
    return operand.value if isinstance(operand, Quantity) else None
