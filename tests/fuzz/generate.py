"""Random programs that the verifier lets through: every instruction, loops and jumps included, on few neurons.

A program is of one flavour, which says its model and how J is stored, so that all cases share a handful of compiled kernels.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from bioasm.isa.table import ROWS

N = 5
USED = 6  # registers that are written before anything else happens

WHOLE = "[[0, 1, 0, -1, 2], [1, 0, 1, 0, 0], [0, 1, 0, 0, 3], [-1, 0, 0, 0, 0], [2, 0, 3, 0, 0]]"
REAL = "[[0, 0.3, 0, -1, 2], [0.1, 0, 1, 0, 0], [0, 1, 0.7, 0, 3], [-1, 0, 0, 0, 0], [2, 0, 3, 0, 0.2]]"
FEW = "sparse(5) symmetric { 0 1 1 | 1 4 -2 | 2 3 3 }"


class Flavour(NamedTuple):
    """A kind of program: how it begins, its couplings, and instructions it does without."""

    start: str
    couplings: str
    without: frozenset[str] = frozenset()


FLAVOURS = {
    "lif dense-i1": Flavour("", WHOLE, frozenset({"CLAMP", "LDJS"})),
    "lif dense-f8": Flavour("SET dt, 0.2 ms\n", REAL),
    "ising dense-i1": Flavour("MODEL ising\n", WHOLE),
    "ising sparse-i1": Flavour("MODEL ising\nSET rule, metropolis\n", FEW),
    "ising dense-f8": Flavour("MODEL ising\n", REAL),
}
# The programs run on the cpu driver, which has no electrodes, and are of one population.
OTHERS = {"stimulation", "network", "synapses", "eliminated"}
MNEMONICS = [row.mnemonic for row in ROWS if row.mnemonic not in ("ALC", "MODEL", "LDJ") and row.needs not in OTHERS]
LIKELY = ["RUN"] * 12 + ["LOOP"] * 3 + ["RD", "OUT", "GET", "ADD", "JLT"] * 2


class Writer:
    """Writes one program of a flavour."""

    def __init__(self, flavour: str, chance: random.Random) -> None:
        self.flavour, self.chance = FLAVOURS[flavour], chance
        self.spins = "ising" in self.flavour.start
        self.unlike = chance.choice(["LDT", "BLK"])  # a program can't have both
        self.whole = self.flavour.couplings != REAL

    def program(self) -> str:
        """A whole program of up to 30 instructions after its start."""
        length = self.chance.randint(1, 30)
        self.labels = [f"L{k}" for k in range(self.chance.randint(1, 4))]
        at = {self.chance.randint(0, length): label for label in self.labels}
        self.labels = list(at.values())
        lines = [self.flavour.start, f"ALC {N}\n", f"LDJ {self.flavour.couplings}\n"]
        lines += [f"MOV r{k}, {self.number()}\n" for k in range(USED)]
        for k in range(length):
            lines += [f"{at[k]}:\n"] if k in at else []
            lines.append(self.instruction())
        return "".join([*lines, f"{at[length]}:\n" if length in at else ""])

    def instruction(self) -> str:
        """One instruction that the model can do."""
        lacking = {"CUR", "WAVE", "SPK", "POI", "LDJS", self.unlike} if self.spins else {"MERGE", "CXCH", "COPY", "BLK"}
        usable = [m for m in [*MNEMONICS, *LIKELY] if m not in lacking | self.flavour.without]
        mnemonic = self.chance.choice(usable)
        operands = getattr(self, f"_{mnemonic.lower()}", self._default(mnemonic))()
        return f"    {mnemonic} {operands}\n"

    def _default(self, mnemonic: str) -> Callable[[], str]:
        if mnemonic in ("JEQ", "JNE", "JLT", "JLE", "JGT", "JGE"):
            return lambda: f"{self.source()}, {self.source()}, {self.label()}"
        if mnemonic in ("ADD", "SUB", "MUL", "DIV", "MIN", "MAX", "POW", "MOD"):
            return lambda: f"{self.register()}, {self.source()}, {self.source()}"
        if mnemonic in ("MOV", "NEG", "ABS", "SQRT", "EXP", "LOG", "FLOOR"):
            return lambda: f"{self.register()}, {self.source()}"
        return str

    # --- operands -----------------------------------------------------------------------------------

    def pick(self, *words: str) -> str:
        return self.chance.choice(words)

    def number(self) -> str:
        return self.pick("0", "1", "2", "3", "-1", "0.5", "1e-3", "-2.5", "1e300", "40", "1e-320", "7")

    def register(self) -> str:
        return f"r{self.chance.randrange(USED)}"

    def source(self) -> str:
        return self.register() if self.chance.random() < 0.6 else self.number()

    def label(self) -> str:
        return self.chance.choice(self.labels)

    def neuron(self) -> str:
        return self.pick("0", "4", "2", self.register())

    def neurons(self) -> str:
        return self.pick("[0, 3]", "[4]", "[0, 1, 2, 3, 4]", "[2, 1]")

    def vector(self, *entries: str) -> str:
        return "[" + ", ".join(self.chance.choice(entries) for _ in range(N)) + "]"

    def period(self) -> str:
        return self.pick("1", "3 sweeps") if self.spins else self.pick("1 ms", "0.4 ms", "2 ms")

    # --- instructions -------------------------------------------------------------------------------

    def _ldjs(self) -> str:
        return self.flavour.couplings

    def _ldh(self) -> str:
        return self.vector("0", "1", "-2") if self.whole else self.vector("0", "0.1", "-2.3")

    def _ldt(self) -> str:
        weights = ("1", "-2") if self.whole else ("0.1", "-0.3")
        return f"terms({N}) {{ 0 1 2 {self.pick(*weights)} | 1 2 3 4 {self.pick(*weights)} }}"

    def _lds(self) -> str:
        return self.vector("1", "-1") if self.spins else self.vector("-60e-3", "0", "-1e300")

    def _merge(self) -> str:
        return self.pick("", "0", "1", "7", self.register())

    def _cxch(self) -> str:
        return self.pick("0", "1", "0, components", "1, whole", "0, mirrored", self.register())

    def _copy(self) -> str:
        return self.pick("0", "1", "7", self.register()) if self.whole else "0"  # of real energies the last digit may decide

    def _blk(self) -> str:
        plan = self.pick("[0, 1, 2, 3, 4]", "[4, 2, -1, 0, 3, 1, -1, 2]", "[3]")
        return plan + self.pick("", ", 0", ", 7", f", {self.register()}")

    def _ldo(self) -> str:
        return self.source()

    def _sig(self) -> str:
        return self.pick("0", "1", "2e-3", "0.5", "1e300", self.register())

    def _run(self) -> str:
        return self.pick("0", "3", "40", self.register()) if self.spins else self.pick("0", "1 ms", "10 ms", self.register())

    def _rd(self) -> str:
        own = ("spins",) if self.spins else ("v", "spikes", "spike_count")
        return self.pick("", "state", "energy", "best_energy", "best_state", "energy_trace", "time", "steps", "noise", *own)

    def _set(self) -> str:
        if self.spins:
            return ""
        return self.pick("R, 1 Gohm", "I_offset, 1 nA", f"El, {self.register()}", f"R, {self.register()}", "El, -1e300")

    def _cur(self) -> str:
        return self.pick("1 nA", "-1e300", self.register(), self.vector("1e-9", "0", "-3e-9"))

    def _wave(self) -> str:
        return f"{self.pick('[[1e-9], [0], [-1e-9]]', '[' + self.vector('1e-9', '0') + ']')}, {self.period()}"

    def _spk(self) -> str:
        train = self.pick("[[0, 0], [1e-3, 4]]", "[[5e-3, 1], [0, 1], [5e-3, 1]]", "[[1e300, 2]]")
        return f"{train}, {self.pick('5 mV', '-1', self.register(), self.vector('1e-3', '0'))}"

    def _poi(self) -> str:
        return f"{self.pick('100 Hz', '0', self.register(), self.vector('0', '4000'))}, {self.pick('1 mV', self.register())}"

    def _variable(self) -> str:
        return "s" if self.spins else self.pick("v", "s", "I", "spike_count")

    def _rec(self) -> str:
        words = [self._variable(), self.period(), self.neurons()]
        return ", ".join(words[: self.chance.randint(1, 3)])

    def _unrec(self) -> str:
        return self._variable()

    def _clamp(self) -> str:
        value = self.pick("1", "-1") if self.spins else self.pick("-60 mV", "0", "1e300")
        return f"{self.pick(self.neuron(), self.neurons())}, {self.pick(value, value, value, self.register())}"

    def _free(self) -> str:
        return self.pick("", self.neuron(), self.neurons())

    def _jmp(self) -> str:
        return self.label()

    def _loop(self) -> str:
        return f"{self.register()}, {self.label()}"

    def _get(self) -> str:
        return f"{self.register()}, {self.pick('energy', 'best_energy', 'time', 'steps', 'noise')}"

    def _peek(self) -> str:
        return f"{self.register()}, {self._variable()}, {self.neuron()}"

    def _out(self) -> str:
        return self.pick(self.source(), f"{self.source()}, name")


def random_program(flavour: str, seed: int) -> str:
    """The program of a seed; where SET has nothing to set (spins after ALC) it stands as a comment."""
    text = Writer(flavour, random.Random(seed)).program()
    return text.replace("    SET \n", "    ; nothing to set\n")
