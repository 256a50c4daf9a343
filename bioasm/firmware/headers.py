"""The header `tables.h` of the firmware: instructions, messages, limits and the interlock, as Python's tables have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from enum import Enum

from bioasm.binary import layout
from bioasm.hardware.link import device, endpoint, frames, messages, vocabulary, window
from bioasm.hardware.link.dictionary import isa_hash
from bioasm.hardware.link.messages import Message
from bioasm.hardware.link.texts import TEXTS
from bioasm.isa.limits import LIMITS
from bioasm.isa.names import RESERVED
from bioasm.isa.table import BY_MNEMONIC, ISA_VERSION, MAX_OPERANDS, ROWS, Row
from bioasm.runtime import random
from bioasm.safety.check import MOST_PHASES, ROUNDING
from bioasm.safety.history import DISCHARGE
from bioasm.safety.limits import DEFAULT_LIMITS, Limits
from bioasm.safety.materials import MATERIALS, MICROCOULOMB_PER_CM2
from bioasm.safety.refusal import Rule
from bioasm.units import Dimension

ABILITIES = ("clamp", "control", "core", "kbody", "start")  # what the interpreter in C can do
_FORMS = {"register": 1, "number": 2, "data": 4, "label": 8, "name": 16}  # a bit for each tag of bytecode
_OF_BYTECODE = (
    *("TAG_REGISTER", "TAG_CONSTANT", "TAG_DATA", "TAG_TARGET", "TAG_NAME"),
    *("FORMAT_VERSION", "ALIGNMENT", "COMPOUND", "PATH_BYTES"),
)
_ENUMS = (
    *(vocabulary.State, vocabulary.Kind, vocabulary.Substrate, vocabulary.Capability, vocabulary.Stream, vocabulary.Refusal),
    *(vocabulary.Fault, vocabulary.RunStatus, vocabulary.StimOutcome, vocabulary.Rejection, vocabulary.LogLevel),
)


def tables() -> str:
    """The whole header."""
    parts = [_HEAD, *_numbers(), *_instructions(), *_messages(), *_texts(), *_safety(), "", "#endif"]
    return "\n".join(parts) + "\n"


_HEAD = """/* Printed by `bioasm firmware`. */
#ifndef BIO_TABLES_H
#define BIO_TABLES_H
#include <stdint.h>
"""


def _defines(prefix: str, values: Mapping[str, object]) -> Iterator[str]:
    yield from (f"#define {prefix}{name} {_number(value)}" for name, value in values.items())


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(int(value)) if isinstance(value, bool) else str(value)
    if isinstance(value, float):
        return f"({value!r})"
    return f"INT64_C({int(value)})" if abs(value) >= 1 << 31 else str(int(value))


def _words(name: str, words: Iterable[str]) -> str:
    listed = list(words)
    return f"static const char *const {name}[{len(listed)}] = {{{', '.join(map(_quoted, listed))}}};"


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bytes(name: str, data: bytes) -> str:
    return f"static const uint8_t {name}[{len(data)}] = {{{', '.join(map(str, data))}}};"


# --- numbers of the language and of bytecode ----------------------------------------------------------


def _numbers() -> Iterator[str]:
    yield "/* Limits of the language (bioasm/isa/limits.py) and bytecode (bioasm/binary/layout.py). */"
    yield from _defines("LIMIT_", {name.upper(): one.value for name, one in LIMITS.items()})
    names = [name.upper() for name in layout.SECTION_NAMES.values()]
    yield from _defines("SECTION_", {name: getattr(layout, name) for name in names} | {"COUNT": max(layout.SECTION_NAMES) + 1})
    yield from _defines("BBC_", {name: getattr(layout, name) for name in _OF_BYTECODE})
    yield from _defines("DATA_", {name: getattr(layout, name) for name in ("DENSE", "SPARSE", "TERMS", "RANDOM")})
    yield f"#define BBC_NONE UINT32_C({layout.NONE})"
    yield f"#define BBC_CRITICAL_KINDS {sum(1 << kind for kind in layout.CRITICAL_KINDS)}"
    yield _bytes("BBC_MAGIC", layout.MAGIC)
    yield from _defines("DIMENSION_", {str(d.name): d.value for d in Dimension})
    yield f"#define DIMENSIONS {len(Dimension)}"
    yield from _defines("", {"STREAM_DYNAMICS": random.STREAM_DYNAMICS, "STREAM_INITIAL": random.STREAM_INITIAL})
    yield from _defines("", {"STREAM_WHITE": random.STREAM_WHITE})


# --- instructions -------------------------------------------------------------------------------------


def _instructions() -> Iterator[str]:
    yield "\n/* The instruction table (bioasm/isa/table.py). `forms`: 1 register, 2 number, 4 data, 8 label, 16 name. */"
    yield from _defines("", {"ISA_VERSION": ISA_VERSION, "MAX_OPERANDS": MAX_OPERANDS})
    yield _bytes("ISA_HASH", isa_hash())
    yield from _defines("OP_", {row.mnemonic: row.opcode for row in ROWS})
    needs = sorted({row.needs for row in ROWS})
    yield _words("ABILITY_NAMES", needs)
    yield f"#define ABILITIES_KNOWN {sum(1 << k for k, name in enumerate(needs) if name in ABILITIES)}"
    yield f"#define ABILITY_COUNT {len(needs)}"
    yield "typedef struct { uint8_t opcode, required, most, ability, forms[3]; } bio_row;"
    rows = ",\n    ".join(_row(row, needs) for row in ROWS)
    yield f"static const bio_row ROWS[{len(ROWS)}] = {{\n    {rows}}};"
    yield f"#define ROW_COUNT {len(ROWS)}"
    mnemonics = " ".join(f'"{word}\\0"' for word in BY_MNEMONIC)
    yield f"static const char MNEMONICS[] = {mnemonics};  /* the last is empty */"
    yield _words("RESERVED_WORDS", sorted(RESERVED))


def _row(row: Row, needs: list[str]) -> str:
    forms = [sum(_FORMS[form] for form in slot.kind.forms) for slot in row.slots] + [0] * MAX_OPERANDS
    numbers = [row.opcode, row.required, len(row.slots), needs.index(row.needs)]
    return f"{{{', '.join(map(str, numbers))}, {{{', '.join(map(str, forms[:MAX_OPERANDS]))}}}}}"


# --- messages -----------------------------------------------------------------------------------------


def _messages() -> Iterator[str]:
    yield "\n/* Messages of the link (bioasm/hardware/link/messages.py), and its numbers. */"
    yield from _defines("MSG_", {kind.__name__.upper(): kind.TYPE for kind in _types()})
    for enum in _ENUMS:
        yield from _defines(f"{_snake(enum)}_", {str(member.name): int(member.value) for member in enum})
    yield f"#define STREAM_COUNT {len(vocabulary.Stream)}"
    yield f"#define KIND_COUNT {len(vocabulary.Kind)}"
    yield from _defines("LINK_", {"OLDEST": vocabulary.OLDEST_VERSION, "NEWEST": vocabulary.NEWEST_VERSION})
    yield f"#define LINK_NOWHERE UINT32_C({vocabulary.NOWHERE})"
    yield from _defines("LINK_", {"MAX_PAYLOAD": frames.MAX_PAYLOAD, "LONGEST": frames.LONGEST, "TRIES": window.TRIES})
    yield from _defines("LINK_", {"KEPT_DOUBLINGS": window.KEPT, "WIDEST": window.WIDEST, "URGENT": endpoint.URGENT})
    times = {"FIRST_TIMEOUT_US": window.FIRST_TIMEOUT, "SHORTEST_TIMEOUT_US": window.SHORTEST_TIMEOUT}
    times |= {"LONGEST_TIMEOUT_US": window.LONGEST_TIMEOUT, "SESSION_TIMEOUT_US": device.SESSION_TIMEOUT}
    times |= {"NO_SESSION_EVERY_US": device.NO_SESSION_EVERY}
    yield from _defines("LINK_", {name: round(seconds * 1e6) for name, seconds in times.items()})
    yield from _defines("LINK_WATCHDOG_", {"LEAST_MS": device.WATCHDOG_MS[0], "MOST_MS": device.WATCHDOG_MS[-1]})


def _types() -> list[type[Message]]:
    """All kinds of message, by their types."""
    return sorted(messages.BY_TYPE.values(), key=lambda kind: kind.TYPE)


def _snake(enum: type[Enum]) -> str:
    name = enum.__name__
    return "".join(f"_{c}" if c.isupper() and k else c for k, c in enumerate(name)).upper()


# --- texts --------------------------------------------------------------------------------------------


def _texts() -> Iterator[str]:
    yield "\n/* What the firmware says (bioasm/hardware/link/texts.py); 0 is nothing. */"
    assert len(TEXTS) < 256, "the firmware keeps the number of a text in a byte"
    yield from _defines("SAY_", {name: number for number, name in enumerate(TEXTS, 1)})
    codes = ", ".join(code[1:] or "0" for code, _ in TEXTS.values())
    yield f"static const uint16_t SAY_CODES[] = {{0, {codes}}};"


# --- the interlock ------------------------------------------------------------------------------------


def _safety() -> Iterator[str]:
    yield "\n/* The interlock (bioasm/safety). */"
    yield from _defines("RULE_", {rule.name: int(rule) for rule in Rule})
    yield _words("RULE_TITLES", ["", *(rule.title for rule in Rule)])
    names = [each.name for each in fields(Limits)]
    yield "typedef struct { double " + ", ".join(names) + "; } bio_limits;"
    yield "#define SAFETY_FIELDS " + str(len(names))
    yield _words("SAFETY_NAMES", names)
    least = ", ".join(str(int(bool(each.metadata.get("least")))) for each in fields(Limits))
    whole = ", ".join(str(int(each.type == "int")) for each in fields(Limits))
    yield f"static const uint8_t SAFETY_IS_LEAST[SAFETY_FIELDS] = {{{least}}}, SAFETY_IS_WHOLE[SAFETY_FIELDS] = {{{whole}}};"
    values = ", ".join(repr(float(getattr(DEFAULT_LIMITS, name))) for name in names)
    yield f"static const bio_limits DEFAULT_LIMITS = {{{values}}};"
    injections = [one.injection for one in sorted(MATERIALS.values(), key=lambda one: one.number)]
    listed = ", ".join(repr(0.0 if x is None else float(x)) for x in injections)
    yield f"#define MATERIAL_COUNT {len(injections)}"
    yield f"static const double MATERIAL_INJECTION[MATERIAL_COUNT] = {{{listed}}}; /* C/m2; 0: unknown */"
    yield from _defines("SAFETY_", {"ROUNDING": ROUNDING, "DISCHARGE_S": DISCHARGE})
    yield from _defines("SAFETY_", {"MOST_PHASES": MOST_PHASES, "UC_PER_CM2": MICROCOULOMB_PER_CM2})
