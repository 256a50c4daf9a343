"""The section of models: written only where a program has some, read back exactly, and not trusted."""

from __future__ import annotations

from dataclasses import replace
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioasm.binary import layout
from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import program_hash, to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.isa.limits import LIMITS, Limit
from bioasm.isa.program import ModelText, Program
from bioasm.isa.table import ISA_VERSION
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from tests.binary.support import MODELS, Piece, code_of, everything, put_together, same, take_apart
from tests.verify.support import instruction

OUT = Program((instruction("OUT", 1),))


def listed(*words: bytes | str) -> bytes:
    """A list of strings as sections hold it; bytes need not be UTF-8."""
    encoded = [word if isinstance(word, bytes) else word.encode() for word in words]
    ends = [sum(map(len, encoded[: k + 1])) for k in range(len(encoded))]
    return pack("<II", len(encoded), sum(map(len, encoded))) + pack(f"<{len(ends)}I", *ends) + b"".join(encoded)


def with_models(content: bytes, flags: int = 1) -> bytes:
    """A small file with this section of models."""
    return put_together([*take_apart(to_bytes(OUT)), Piece(layout.MODELS, flags, content)])


# --- round trips ------------------------------------------------------------------------------------


def test_models_come_back() -> None:
    program = everything()
    again = from_bytes(to_bytes(program))
    assert same(program, again)
    assert again.models == MODELS
    assert to_bytes(again) == to_bytes(program)


def test_models_come_back_through_text() -> None:
    program = everything()
    assert to_bytes(assemble(disassemble(program))) == to_bytes(program)


def test_the_section_is_one_list_of_strings() -> None:
    content = next(p for p in take_apart(to_bytes(replace(OUT, models=MODELS))) if p.kind == layout.MODELS)
    assert content.flags == layout.CRITICAL
    assert content.content == listed(*(word for m in MODELS for word in (m.kind, m.name, m.body)))


def test_programs_without_models_have_no_such_section() -> None:
    assert layout.MODELS not in [p.kind for p in take_apart(to_bytes(OUT))]


def test_bytes_of_programs_without_models_are_those_of_before() -> None:
    written = to_bytes(assemble("ALC 2\nRUN 1 ms\n"))
    assert written[8:12] == pack("<HH", 1, 1)
    assert program_hash(assemble("ALC 2\nRUN 1 ms\n")) == "70c818e2a3d91a497503d990214eea05fcc6a7082f9cddd227014a1a77c63001"


def test_places_of_models_are_not_written() -> None:
    text = "\n\n.model x { }\nOUT 1\n"
    program = assemble(text)
    assert program.models[0].span is not None
    assert from_bytes(to_bytes(program)).models[0].span is None
    assert program_hash(program) == program_hash(assemble(text.strip()))


def test_the_hash_knows_models() -> None:
    x, y = ".model x { }\n", ".model y { }\n"
    texts = ("", x, y, x + y, ".mechanism x { }\n", ".model x {  }\n")
    hashes = {program_hash(assemble(f"{text}OUT 1\n")) for text in texts}
    assert len(hashes) == 6


def test_the_order_of_models_is_kept() -> None:
    one, other = assemble(".model x { }\n.model y { }\n"), assemble(".model y { }\n.model x { }\n")
    assert program_hash(one) != program_hash(other)
    assert [m.name for m in from_bytes(to_bytes(other)).models] == ["y", "x"]


def test_network_instructions_need_the_second_version() -> None:
    written = to_bytes(assemble("POP a, lif_critical, 2\nRUN 1 ms\n"))
    assert written[10:12] == pack("<H", 2)
    assert ISA_VERSION >= 2


# --- what is refused --------------------------------------------------------------------------------

GOOD = ("model", "x", "{ }")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), None),
        (GOOD, None),
        (("mechanism", "x", "{\n}"), None),
        (("model", "x", "{ } "), "B209"),
        (("model", "x", " { }"), "B209"),
        (("model", "x", ""), "B209"),
        (("model", "x", "{"), "B209"),
        (("model", "x", "}"), "B209"),
        (("model", "x", "{ { } }"), "B209"),
        (("model", "x", '{ " }'), "B209"),
        (("model", "x", "{ ; }"), "B209"),
        (("model", "x", "{ \n}"), "B209"),
        (("model", "x", "{\t\n}"), "B209"),
        (("model", "x", "{\r\n}"), "B209"),
        (("model", "x", b"{\xff}"), "B209"),
        (("model", "x", b"{\xed\xa0\x80}"), "B209"),
        (("Model", "x", "{ }"), "B209"),
        (("neuron", "x", "{ }"), "B209"),
        (("", "x", "{ }"), "B209"),
        (("model", "", "{ }"), "B209"),
        (("model", "a.b", "{ }"), "B209"),
        (("model", "a b", "{ }"), "B209"),
        (("model", "r1", "{ }"), "B209"),
        (("model", "RUN", "{ }"), "B209"),
        (("model", "x\n", "{ }"), "B209"),
        (("model", "x" * 256, "{ }"), "B209"),
        (("model",), "B209"),
        (("model", "x"), "B209"),
        ((*GOOD, "model"), "B209"),
        ((*GOOD, *GOOD), "B209"),
        ((*GOOD, "mechanism", "x", "{ }"), "B209"),
        ((*GOOD, "model", "y", "{ }"), None),
    ],
)
def test_texts(words: tuple[bytes | str, ...], code: str | None) -> None:
    assert code_of(with_models(listed(*words))) == code


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        bytes(7),
        listed(*GOOD) + b"\0",
        listed(*GOOD)[:-1],
        pack("<II", 3, 1 << 31),
        pack("<II", 1 << 31, 3),
        pack("<IIIII", 3, 9, 9, 8, 9) + b"modelx{ }",
        pack("<IIIII", 3, 9, 5, 6, 8) + b"modelx{ }",
    ],
)
def test_lists_that_are_none(content: bytes) -> None:
    assert code_of(with_models(content)) in ("B209", "B111")


@pytest.mark.parametrize("flags", [0, 2, 3, 0xFFFF])
def test_the_section_is_critical(flags: int) -> None:
    assert code_of(with_models(listed(*GOOD), flags)) == "B205"


def test_the_section_stands_once() -> None:
    twice = [*take_apart(to_bytes(OUT)), *[Piece(layout.MODELS, 1, listed(*GOOD))] * 2]
    assert code_of(put_together(twice)) == "B205"


def test_messages_name_the_section() -> None:
    with pytest.raises(BioasmError, match=r"p\.bbc: section models: model 'x'"):
        from_bytes(with_models(listed("model", "x", "{")), source="p.bbc")


def test_more_models_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "models", Limit(2, "a test"))
    words = [("model", f"x{k}", "{ }") for k in range(3)]
    assert code_of(with_models(listed(*words[0], *words[1]))) is None
    assert code_of(with_models(listed(*words[0], *words[1], *words[2]))) == "B111"


def test_a_text_over_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "model_bytes", Limit(40, "a test"))
    room = 40 - len(".model x {}")
    assert code_of(with_models(listed("model", "x", f"{{{'a' * room}}}"))) is None
    assert code_of(with_models(listed("model", "x", f"{{{'a' * (room + 1)}}}"))) in ("B111", "B209")


def test_a_carried_section_can_not_take_its_place() -> None:
    text = f'.section {layout.MODELS} 0 ""\nOUT 1\n'
    with pytest.raises(BioasmError, match="B205"):
        to_bytes(assemble(text))


def test_half_a_character_is_not_written() -> None:
    with pytest.raises(BioasmError, match="B209"):
        to_bytes(replace(OUT, models=(ModelText("model", "x", ".model x {\ud800}"),)))


# --- any bytes --------------------------------------------------------------------------------------

WORDS = st.one_of(
    st.sampled_from(["model", "mechanism", "x", "y", "cell", "{ }", "{\n}", '{ "}" }', "{ ; }\n}", "{", "}", ""]),
    st.text(max_size=8),
    st.binary(max_size=8),
)


def holds(content: bytes) -> None:
    """Bytes are refused by a named error, or are a program that is written and printed as it was."""
    try:
        program = from_bytes(content)
    except BioasmError:
        return
    written = to_bytes(program)
    assert from_bytes(written).models == program.models
    assert to_bytes(assemble(disassemble(program))) == written


@given(st.lists(WORDS, max_size=9))
def test_any_words(words: list[bytes | str]) -> None:
    assert holds(with_models(listed(*(w.encode("utf-8", "ignore") if isinstance(w, str) else w for w in words)))) is None


@given(st.text(alphabet='{}"; \n\\ax\té', max_size=20))
def test_any_body(inner: str) -> None:
    assert holds(with_models(listed("model", "x", f"{{{inner}}}"))) is None


@given(st.binary(max_size=60))
def test_any_content(content: bytes) -> None:
    assert holds(with_models(content)) is None


@given(st.integers(0, 400), st.integers(1, 255))
def test_any_flipped_byte_of_the_section(place: int, flip: int) -> None:
    content = bytearray(listed(*(word for m in MODELS for word in (m.kind, m.name, m.body))))
    content[place % len(content)] ^= flip
    assert holds(with_models(bytes(content))) is None
