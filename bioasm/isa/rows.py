"""One row of the instruction table: an instruction's mnemonic, opcode, operands, traits, and documentation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto
from typing import NamedTuple

from bioasm.isa import kinds as k
from bioasm.isa.kinds import Kind


class Slot(NamedTuple):
    """One operand of a row: its name in the instruction's form, its kind, and whether it is optional."""

    name: str
    kind: Kind
    optional: bool = False


class Trait(Flag):
    """Traits of an instruction for the verifier, the machine and the drivers. Each flag says who reads it."""

    NONE = 0
    NEURONS = auto()  # verifier: neurons must have been allocated on every path
    WRITES = auto()  # verifier: the first operand is a register that is written (all others are read)
    UPDATES = auto()  # verifier: the first operand is a register that is read and written
    JUMPS = auto()  # verifier, machine: may jump to its label
    ENDS = auto()  # verifier, machine: never falls through to the next instruction
    OPTIMISES = auto()  # drivers: readings after it are no samples of the Boltzmann distribution, and results say so
    HOST = auto()  # machine: changes allocation or output, so the compiled loop returns to its host for it


@dataclass(frozen=True, slots=True)
class Row:
    """One instruction. `needs` is the ability a driver must declare to run it; `since` the ISA version it came with."""

    mnemonic: str
    opcode: int
    slots: tuple[Slot, ...]
    summary: str
    prose: str
    example: str
    traits: Trait = Trait.NONE
    needs: str = "core"
    since: int = 1

    @property
    def form(self) -> str:
        """The syntax, for example `RD [what]`."""
        words = [f"[{s.name}]" if s.optional else s.name for s in self.slots]
        return f"{self.mnemonic} {', '.join(words)}".strip()

    @property
    def required(self) -> int:
        """The least number of operands."""
        return sum(not s.optional for s in self.slots)


# --- rows that are alike ----------------------------------------------------------------------------

_A = Slot("a", k.SOURCE)
_B = Slot("b", k.SOURCE)
TO = Slot("to", k.DESTINATION)
LABEL = Slot("label", k.LABEL)


def arithmetic(mnemonic: str, opcode: int, summary: str, sign: str, values: str) -> Row:
    """A row that writes a function of two numbers into a register."""
    return Row(
        mnemonic,
        opcode,
        (TO, _A, _B),
        summary,
        f"Writes a {sign} b into the register `to`. Numbers with units are taken in SI units. "
        "The arithmetic is that of 64-bit floats.",
        f"{mnemonic} r0, {values}\nOUT r0\n",
        Trait.WRITES,
        "control",
    )


def function(mnemonic: str, opcode: int, summary: str, value: str) -> Row:
    """A row that writes a function of one number into a register."""
    return Row(
        mnemonic,
        opcode,
        (TO, _A),
        summary,
        "Writes the result into the register `to`. The arithmetic is that of 64-bit floats.",
        f"{mnemonic} r0, {value}\nOUT r0\n",
        Trait.WRITES,
        "control",
    )


def branch(mnemonic: str, opcode: int, condition: str) -> Row:
    """A row of a conditional jump that compares two numbers."""
    return Row(
        mnemonic,
        opcode,
        (_A, _B, LABEL),
        f"jump if {condition}",
        f"Jumps to the label if {condition}, else continues with the next instruction. A comparison with NaN is false, "
        "except that NaN is unequal to everything.",
        f"    MOV r0, 1\n    {mnemonic} r0, 2, end\n    OUT r0\nend:\n    HLT\n",
        Trait.JUMPS,
        "control",
    )


def network(
    mnemonic: str, opcode: int, slots: tuple[Slot, ...], summary: str, prose: str, example: str, traits: Trait = Trait.HOST
) -> Row:
    """A row about parts of the network, since ISA version 2."""
    return Row(mnemonic, opcode, slots, summary, prose, example, traits, "network", since=2)
