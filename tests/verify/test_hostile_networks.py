"""Networks made by no text: whatever the operands are, a program passes or is refused by name."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bioasm.diagnostics import BioasmError
from bioasm.isa.program import (
    ConstantRef,
    DataBlock,
    DataRef,
    Dense,
    Instruction,
    Name,
    Operand,
    Program,
    Quantity,
    Register,
    Sparse,
    Target,
)
from bioasm.isa.table import BY_MNEMONIC, ROWS
from bioasm.text.assemble import assemble
from bioasm.units import Dimension
from bioasm.verifier.gate import verify

from .networks import MODELS

TEXTS = assemble(MODELS).models
ROWS_OF_NETWORKS = [row for row in ROWS if row.needs == "network"]
COMMON = [
    BY_MNEMONIC[m] for m in ("SET", "RUN", "REC", "RD", "GET", "PEEK", "CLAMP", "ALC", "MODEL", "JMP", "SIG", "CUR", "LDH")
]
WORDS = [
    *("a", "b", "k", "s", "t", "cell", "quiet", "leak", "trace", "lif_critical", "ising", "ampa", "all", "others", "indegree"),
    *("total", "total with multapses", "indegree without autapses", "with autapses", "a[0:1]", "b[1:].second", "a[]", "a[9]"),
    *("i != j and u < 0.5", "d < 3 um", "grid", "random 3d periodic", "i <"),
    *("probability", "a.v", "b.second", "k.g", "t.x", "s.delay", "s.weight", "dt", "v", "I", "scale", "spike_count"),
    *("a.", ".v", "", "a.b.c", "x" * 300),
]
DATA = (
    DataBlock(Dense(np.array([[1.0, 2.0], [3.0, 4.0]]))),
    DataBlock(Dense(np.array([0.0, 1.0]))),
    DataBlock(Sparse((2, 3), np.array([0], "i4"), np.array([2], "i4"), np.array([1.0]))),
    DataBlock(Dense(np.array([np.nan]))),
)
NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 3.0, 0.5, -1.0, 1e300, 1e-320, float("inf"), float("nan")])
OPERANDS: st.SearchStrategy[Operand] = st.one_of(
    st.sampled_from(WORDS).map(Name),
    st.builds(Quantity, NUMBERS, st.sampled_from(Dimension)),
    st.integers(0, 5).map(DataRef),
    st.integers(0, 33).map(Register),
    st.integers(0, 12).map(Target),
    st.sampled_from(["n", "none"]).map(ConstantRef),
)
FIT = {"name": st.sampled_from(WORDS).map(Name), "number": st.builds(Quantity, NUMBERS), "data": st.integers(0, 3).map(DataRef)}


@st.composite
def instructions(draw: st.DrawFn) -> Instruction:
    """An instruction whose operands mostly are of the forms that it takes."""
    row = draw(st.sampled_from([*ROWS_OF_NETWORKS * 3, *COMMON]))
    operands = []
    for slot in row.slots:
        fitting = [FIT[form] for form in slot.kind.forms if form in FIT]
        operands.append(draw(st.one_of(*fitting * 6, OPERANDS)))
    return Instruction(row, tuple(operands[: draw(st.integers(max(0, row.required - 1), len(row.slots)))]))


START = [
    Instruction(BY_MNEMONIC["POP"], (Name("a"), Name("cell"), Quantity(2.0))),
    Instruction(BY_MNEMONIC["POP"], (Name("b"), Name("cell"), Quantity(3.0))),
    Instruction(BY_MNEMONIC["MECH"], (Name("k"), Name("leak"), Name("a"))),
    Instruction(BY_MNEMONIC["SYN"], (Name("s"), Name("a"), Name("b"))),
    Instruction(BY_MNEMONIC["CON"], (Name("s"), Name("all"))),
]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, len(START)), st.lists(instructions(), max_size=8), st.booleans())
def test_any_network(beginning: int, further: list[Instruction], sound: bool) -> None:
    code = (*START[:beginning], *further)
    program = Program(code, {"n": Quantity(2.0)}, DATA[:3] if sound else DATA, models=TEXTS)
    try:
        verified = verify(program)
    except BioasmError as refused:
        assert refused.diagnostics
        return
    network = verified.network
    assert verified.n == sum(p.n for p in network.populations)
    for projection in network.projections:
        assert network.instance(projection.target) is not None
        assert projection.rule
