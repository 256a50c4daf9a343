"""Random and mutated bytes: whatever they are, they are a program or a named error, and what passes comes back."""

from __future__ import annotations

import os
import random
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bioasm.binary.layout import MAGIC
from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.isa.program import Program
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.verifier.gate import verify
from tests.binary.support import Piece, everything, put_together, take_apart

CASES = int(os.environ.get("BIOASM_FUZZ", "300"))  # a long run sets more
FUZZ = settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
WHOLE = to_bytes(everything(spans=True))
PIECES = take_apart(WHOLE)


def survives(content: bytes) -> Program | None:
    """Read and verify bytes; anything but a BioasmError is a defect. What is read is written and read again."""
    try:
        program = from_bytes(content)
    except BioasmError:
        return None
    written = to_bytes(program)
    assert to_bytes(from_bytes(written)) == written
    try:
        text = disassemble(program)
        verify(program)
    except BioasmError:
        return None
    assert to_bytes(assemble(text)) == written
    return program


@FUZZ
@given(st.binary(max_size=400))
def test_random_bytes(content: bytes) -> None:
    assert survives(content) is None


@FUZZ
@given(st.binary(max_size=400))
def test_random_bytes_after_the_magic(content: bytes) -> None:
    assert survives(MAGIC + content) is None


@FUZZ
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.binary(max_size=120)), max_size=8))
def test_random_sections_with_right_checksums(sections: list[tuple[int, int, bytes]]) -> None:
    program = survives(put_together([Piece(*s) for s in sections]))
    assert program is None or all(isinstance(i.mnemonic, str) for i in program.instructions)


def neighbour(number: bytes, by: int) -> bytes:
    """The bytes of the number that is one more or less."""
    value = int.from_bytes(number, "little") + by
    return (value % (1 << 8 * len(number))).to_bytes(len(number), "little")


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The bytes with one small thing changed: a byte, a number, a stretch left out, doubled or swapped."""
    if not content:
        return chance.randbytes(4)
    here, size = chance.randrange(len(content)), chance.choice((1, 2, 4, 8, 16))
    new = chance.choice((
        chance.randbytes(size),
        bytes(size),
        b"\xff" * size,
        neighbour(content[here : here + size], chance.choice((-1, 1))),
        content[chance.randrange(len(content)) :][:size],
    ))  # fmt: skip
    cut = chance.choice((len(new), len(new), len(new), 0, 2 * size))
    return content[:here] + new + content[here + cut :]


@FUZZ
@given(st.integers(0, 1 << 64), st.integers(1, 4))
def test_mutated_sections_with_right_checksums(seed: int, times: int) -> None:
    chance = random.Random(seed)
    pieces = list(PIECES)
    for _ in range(times):
        k = chance.randrange(len(pieces))
        old = pieces[k]
        pieces[k] = Piece(old.kind, old.flags, mutated(old.content, chance))
    tracemalloc.start()
    survives(put_together(pieces))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 22


@FUZZ
@given(st.integers(0, 1 << 64))
def test_mutated_files(seed: int) -> None:
    content = mutated(WHOLE, random.Random(seed))
    assert content == WHOLE or survives(content) is None


@pytest.mark.parametrize("seed", range(5))
def test_stretches_of_nothing(seed: int) -> None:
    chance = random.Random(seed)
    start, size = chance.randrange(len(WHOLE)), chance.randrange(1, 200)
    content = WHOLE[:start] + bytes(size) + WHOLE[start + size :]
    assert content == WHOLE or survives(content) is None
