"""The gate as a whole: whatever bytes come in, a verified program or named errors come out, and every form says the same.

tests/text and tests/binary try each reader with random input of its own kind. Here real programs are spoiled, and go all the
way: content told apart, read, verified, written in the other form and read back.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioasm.binary.reader import from_bytes as from_bytecode
from bioasm.binary.writer import program_hash, to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.diagnostics.render import render_text
from bioasm.isa.formulas import work_out
from bioasm.isa.limits import limit
from bioasm.isa.program import Program, Quantity
from bioasm.loading import from_bytes
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.verifier.gate import verify
from tests.binary.support import Piece, put_together, take_apart
from tests.binary.test_fuzz import mutated
from tests.fuzz.support import FUZZ, PROGRAMS, corpus, spoiled

SEEDS = st.integers(0, (1 << 64) - 1)


def admitted(content: bytes, debug: bool = False) -> Program | None:
    """The program that bytes are, None where they were refused as they should be."""
    try:
        program = from_bytes(content, source="fuzz", folder=PROGRAMS, debug=debug)
    except BioasmError as refused:
        assert 1 <= len(refused.diagnostics) <= limit("diagnostics")
        assert render_text(refused.diagnostics).count("error[") >= 1
        return None
    return program


def verified(program: Program) -> bool:
    """Whether a program passes the verifier, which otherwise says why."""
    try:
        assert verify(program).program is program
    except BioasmError as refused:
        assert 1 <= len(refused.diagnostics) <= limit("diagnostics")
        assert render_text(refused.diagnostics).count("error[") >= 1
        return False
    return True


def worked_out(program: Program) -> Program:
    """With the numbers that formulas give, which text says alone: those that bytecode holds may have been spoiled."""
    done: dict[str, Quantity] = {}
    for name, quantity in program.constants.items():
        found = work_out(program.formulas[name], done) if name in program.formulas else quantity
        assert isinstance(found, Quantity)
        done[name] = found
    return replace(program, constants=done)


def assert_every_form_says_the_same(program: Program) -> None:
    """Text and bytecode of a program are one program, byte for byte. Sections that bytecode can't carry are refused by name."""
    try:
        content = to_bytes(program)
    except BioasmError as refused:
        assert program.sections and {d.code for d in refused.diagnostics} == {"B205"}
        return
    back = from_bytecode(content)
    assert to_bytes(back) == content
    assert program_hash(back) == program_hash(program)
    text = disassemble(program)
    assert to_bytes(assemble(text)) == to_bytes(worked_out(program))
    assert disassemble(back) == text


def assert_sound(content: bytes, debug: bool = False) -> None:
    """Whatever comes in is refused by name, or is one program in every form."""
    program = admitted(content, debug)
    if program is not None:
        verified(program)
        assert_every_form_says_the_same(program)


@FUZZ
@given(SEEDS)
def test_spoiled_texts(seed: int) -> None:
    assert_sound(spoiled(random.Random(seed)).encode("utf-8", "surrogatepass"))


@FUZZ
@given(SEEDS)
def test_spoiled_texts_whose_places_are_kept(seed: int) -> None:
    assert_sound(spoiled(random.Random(seed)).encode("utf-8", "replace"), debug=True)


@FUZZ
@given(SEEDS)
def test_texts_with_spoiled_bytes(seed: int) -> None:
    chance = random.Random(seed)
    assert_sound(mutated(chance.choice(corpus()).encode(), chance))


@FUZZ
@given(st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    assert_sound(content)


def bytecodes() -> list[bytes]:
    """The bytecode of all texts of the corpus that are programs."""
    read = [admitted(text.encode()) for text in corpus()]
    return [to_bytes(program) for program in read if program is not None]


@pytest.fixture(scope="module")
def written() -> list[bytes]:
    return bytecodes()


@FUZZ
@given(seed=SEEDS)
def test_spoiled_bytecode_of_real_programs_with_right_checksums(written: list[bytes], seed: int) -> None:
    chance = random.Random(seed)
    pieces = take_apart(chance.choice(written))
    for _ in range(chance.randint(1, 3)):
        k = chance.randrange(len(pieces))
        pieces[k] = Piece(pieces[k].kind, pieces[k].flags, mutated(pieces[k].content, chance))
    program = admitted(put_together(pieces))
    if program is not None and verified(program):
        assert_every_form_says_the_same(program)


@FUZZ
@given(seed=SEEDS)
def test_sections_of_two_programs_put_into_one(written: list[bytes], seed: int) -> None:
    chance = random.Random(seed)
    one, other = (take_apart(chance.choice(written)) for _ in range(2))
    taken = {piece.kind: piece for piece in one} | {p.kind: p for p in other if chance.random() < 0.5}
    program = admitted(put_together([taken[kind] for kind in sorted(taken)]))
    if program is not None and verified(program):
        assert_every_form_says_the_same(program)


def test_the_corpus_is_of_both_kinds() -> None:
    fates = [admitted(text.encode()) is not None for text in corpus()]
    assert sum(fates) > 40
    assert sum(not fate for fate in fates) > 5
