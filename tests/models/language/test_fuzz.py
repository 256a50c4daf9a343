"""Whatever stands in a model text, reading it ends with a model or with findings, in time that is short."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioasm.diagnostics import CODES
from bioasm.models import MODELS
from bioasm.models.base import Model
from bioasm.models.parse import read_model
from tests.models.language.support import MECHANISM, NEURON, findings, read

SEEDS = (NEURON, MECHANISM, *(MODELS[name].text for name in ("lif_critical", "ising")))
PIECES = (
    "(", ")", "{", "}", '"', ";", "\n", ":", ":=", "=", "+", "-", "*", "/", "^", "<", ">", "==", "1", "1e999", "0", "mV",
    "5 mV", "xi", "weight", "exp(", "where(", "held(v)", "delayed(m)", "dv/dt", "using", "rk4", "exact", "unless refractory",
    "parameters:", "state:", "step:", "then:", "receive x:", "fixed", "of", "in", "v", "w", "tau", "dt", "t", "pi", "  ",
    "\t", "\r", "é", "\u2028", "\ud800", "\x00", ",", ".", "_", "!", "crosses", "inclusive", "J", "h", "and", "or", "not",
)  # fmt: skip


def assert_told(text: str) -> None:
    """Reading a text makes a model, or findings with codes of the table and places in the text."""
    found = findings(text)
    if not found:
        assert isinstance(read(text), Model)
    for finding in found:
        assert finding.code in CODES
        assert finding.message
        assert finding.span is None or 1 <= finding.span.column < finding.span.end_column


@pytest.mark.parametrize("seed", range(300))
def test_a_text_with_something_changed(seed: int) -> None:
    chance = random.Random(seed)
    text = chance.choice(SEEDS)
    for _ in range(chance.randint(1, 4)):
        at, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        end = min(end, at + chance.choice((0, 1, 3, 40)))
        text = text[:at] + chance.choice((chance.choice(PIECES), text[at:end] * 2, "")) + text[end:]
    assert_told(text)


@pytest.mark.parametrize("seed", range(100))
def test_a_text_with_lines_exchanged(seed: int) -> None:
    chance = random.Random(seed)
    lines = chance.choice(SEEDS).split("\n")
    for _ in range(3):
        a, b = (chance.randrange(len(lines)) for _ in range(2))
        lines[a], lines[b] = lines[b], lines[a]
    assert_told("\n".join(lines))


@settings(max_examples=150)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join))
def test_any_statement(said: str) -> None:
    assert_told(NEURON.replace("dw/dt = (w_inf - w)/tau using cnexp", said, 1))


@settings(max_examples=150)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    assert findings(text)
    findings(f".model m {{\n{text}\n}}")


@pytest.mark.parametrize(
    "piece", ["(", '"', "-", "1+", "a ", "{", "\n", "x:", "step:\n", "1 a", "1e", "a.", '"\n', "exp(", "5/ms", "((a)", "; x\n"]
)
def test_long_runs_take_time_in_proportion(piece: str) -> None:
    assert findings(".model m {\n step:\n  dv/dt = " + piece * (20000 // len(piece)) + "\n}")


def test_reading_does_not_depend_on_what_was_read_before() -> None:
    before = read_model(NEURON, "a", 1)
    findings(NEURON.replace("tau", "tau_"))
    assert read_model(NEURON, "a", 1) == before
