"""Values of connections by a formula: what is refused before the run, bounds of formulas, and numbers against numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.isa.formulas import with_constants
from bioasm.isa.program import Program, Quantity
from bioasm.models.condition import read_formula
from bioasm.models.expression import Expression
from bioasm.models.intervals import bounds
from bioasm.models.values import evaluate
from bioasm.network.namespace import DELAY
from bioasm.network.pairwise import Pairwise
from bioasm.network.references import ProjectionRef
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.connectivity import connect
from bioasm.runtime.delays import delays_of, longest
from bioasm.runtime.pairwise import PairValues
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.units import NO_UNIT, Dimension
from bioasm.verifier.gate import verify
from bioasm.verifier.lane_values import check_lane_values
from tests.verify.test_drawn import LATE

HEAD = """.const reach = 100 um
POP cells, lif, 36
POP plain, lif, 4
POS cells, "grid 6 x 6", 50 um
SYN s, cells, cells
CON s, "i != j and d < 160 um"
SYN t, cells[6:], plain
CON t, all
"""


def found(line: str, head: str = HEAD) -> list[tuple[str, str, str]]:
    try:
        listed = verify(assemble(f"{head}{line}\n")).warnings
    except BioasmError as wrong:
        listed = wrong.diagnostics
        assert all(d.span is not None for d in listed)
    return [(d.code, d.message, d.hint or "") for d in listed]


@pytest.mark.parametrize(
    "line",
    [
        'SET s.delay, "0.5 ms + d/(0.3 m/s)"',
        'SET s.weight, "1 mV*exp(-d/reach)"',
        'SET t.delay, "min(1 ms/j, 3 ms)"',
        'SET t.weight, "where(x_pre > 100 um, 1 mV, -1 mV)*j/N_post"',
        'SET t.delay, "i*(1 s)"',
        'SET s.weight, "d*(10 mV/m)"',
    ],
)
def test_places_that_take_formulas(line: str) -> None:
    assert found(line) == []


@pytest.mark.parametrize(
    ("line", "code", "said", "hint"),
    [
        ('SET s.delay, "1 ms + d"', "B022", "", ""),
        ('SET s.delay, "d"', "B022", "has the unit m; the unit s is wanted", ""),
        ('SET s.delay, "1 ms*u"', "B021", "`u` is not known", "uniform(0, 1)"),
        ('SET t.delay, "d/(1 m/s)"', "B021", "`d` is not known", "POS above this line"),
        ('SET t.weight, "1 mV*exp(-i/raech)"', "B021", "`raech`", "did you mean reach?"),
        ('SET s.delay, "1 ms +"', "B020", "", ""),
        ('SET s.delay, "i < j"', "B022", "", ""),
        ('SET s.delay, "-1 ms*(1 + i)"', "B116", "s.delay must be at least 0; its formula gives -0.036 to -0.001", ""),
        ('SET s.delay, "1 ms/j"', "B111", "no upper bound", "min(..., 20 ms)"),
        ('SET s.delay, "1000 s*i"', "B111", "a delay of up to 35 ks is more than 1048576 steps", "min(..., 20 ms)"),
        ('RUN 1 ms\nSET s.delay, "1 ms*i"', "B118", "before the network runs", ""),
        ('SYN k, cells, late\nCON k, all\nSET k.delay, "1 ms*i"', "B004", "late delays a variable itself", ""),
    ],
)
def test_formulas_that_are_refused(line: str, code: str, said: str, hint: str) -> None:
    ((got, message, help_),) = found(line, f"{LATE}{HEAD}MECH late, late, plain\n")
    assert got == code and said in message and hint in help_


# --- numbers ------------------------------------------------------------------------------------------


def weights(program: Program, name: str) -> np.ndarray:
    """The weights that the program's SET gives a projection, as connections are made."""
    verified = verify(program)
    ref, value = next(i.operands for i in verified.instructions if i.mnemonic == "SET")
    assert isinstance(ref, ProjectionRef) and isinstance(value, Pairwise)
    projection = verified.network.projection(name)
    assert projection is not None
    return connect(verified, projection, ConnectionValues(PairValues(value, ref, verified, 1), ref.word), 1)[2]


PLACE = 50e-6 * np.stack([np.arange(36) % 6, np.arange(36) // 6], axis=1)
APART = np.sqrt(((PLACE[:, None] - PLACE[None]) ** 2).sum(axis=2))
NEAR = (APART < 160e-6) & ~np.eye(36, dtype=bool)


def test_weights_fall_with_distance_also_from_bytecode_and_text() -> None:
    program = assemble(HEAD + 'SET s.weight, "1 mV*exp(-d/reach)"\n')
    expected = 1e-3 * np.exp(-APART / 100e-6)[NEAR]
    for same in (program, from_bytes(to_bytes(program)), assemble(disassemble(program))):
        np.testing.assert_allclose(weights(same, "s"), expected, rtol=1e-14)
    wider = with_constants(program, {"reach": Quantity(200e-6, Dimension.LENGTH)})
    np.testing.assert_allclose(weights(wider, "s"), 1e-3 * np.exp(-APART / 200e-6)[NEAR], rtol=1e-14)


def test_neurons_are_counted_in_parts() -> None:
    found = weights(assemble(HEAD + 'SET t.weight, "1 mV*(N_post*i + j) + 1 mV*x_pre/(50 um)"\n'), "t")
    assert found == pytest.approx(1e-3 * (np.arange(120) + np.repeat(np.arange(6, 36) % 6, 4)), rel=1e-14)


def test_a_delay_is_bounded_by_the_box() -> None:
    verified = verify(assemble(HEAD + 'SET s.delay, "0.5 ms + d/(0.3 m/s)"\n'))
    delays = delays_of(verified, verified.network.projections[0], {})[DELAY]
    assert longest(delays) == pytest.approx(0.5e-3 + APART.max() / 0.3, rel=1e-11)


def test_lanes_share_what_a_formula_reads() -> None:
    with pytest.raises(BioasmError) as raised:
        check_lane_values(verify(assemble(HEAD + 'SET s.weight, "1 mV*exp(-d/reach)"\n')), ["reach"], {})
    assert raised.value.diagnostics[0].code == "B603"
    assert "what a formula of connections reads" in raised.value.diagnostics[0].message


# --- bounds -------------------------------------------------------------------------------------------

TEXTS = [
    "a + b*c - a/(b^2 + 1)",
    "a*b*c",
    "exp(-a)*sin(b) + cos(c)",
    "sqrt(abs(a*b)) + log(1 + c^2)",
    "max(a, b, c) - min(a, b)",
    "clip(a*c, -1, b^2)",
    "where(a < b, a^3, -c^2)",
    "tanh(a) + floor(3*b) + ceil(c)",
    "exprelr(a) + 2^b + (b^2)^c",
    "(a - 3)/(b + 5)",
    "abs(b) - a^2 + a^4",
]


@pytest.mark.parametrize("text", TEXTS)
def test_values_lie_within_their_bounds(text: str) -> None:
    random, unit = np.random.default_rng(len(text)), dict.fromkeys("abc", NO_UNIT)
    formula = read_formula(text, unit, NO_UNIT)
    assert isinstance(formula, Expression)
    for _ in range(20):
        spans = {name: tuple(sorted(random.uniform(-4, 4, 2).tolist())) for name in "abc"}
        low, high = bounds(formula, spans)
        values = np.asarray(evaluate(formula, {name: random.uniform(*span, 300) for name, span in spans.items()}))
        inside = values[np.isfinite(values)]
        assert ((inside >= low) & (inside <= high)).all()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a*b", (-8.0, 4.0)),
        ("1/a", (0.5, 1.0)),
        ("1/b", (-math.inf, math.inf)),
        ("b^2", (0.0, 16.0)),
        ("min(1/b, 3)", (-math.inf, 3.0)),
    ],
)
def test_bounds(text: str, wanted: tuple[float, float]) -> None:
    formula = read_formula(text, dict.fromkeys("ab", NO_UNIT), NO_UNIT)
    assert isinstance(formula, Expression)
    assert bounds(formula, {"a": (1.0, 2.0), "b": (-4.0, 2.0)}) == pytest.approx(wanted, rel=1e-11)
