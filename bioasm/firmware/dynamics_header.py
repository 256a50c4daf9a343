"""Further headers of the firmware: places in the machine's tables, arithmetic without a C library, a chip's start."""

from __future__ import annotations

from bioasm.hardware.chips import sequences, settings
from bioasm.vm import layout
from bioasm.vm.codegen.c_file import functions_elsewhere, own_functions, random_constants, shared

_TABLES = {"CTX": layout.Ctx, "REAL": layout.Real, "BLOCK": layout.Block, "STATUS": layout.Status}
_PLAIN = ("DRAWN", "REFRESH", "PEEK_MEAN", "PEEK_NEXT", "LIMBS", "LIMB_COLUMNS")


def dynamics_header() -> str:
    """Places and constants alone, each with a prefix, so that any file can use them."""
    lines = [_HEAD]
    for prefix, table in _TABLES.items():
        lines += [f"#define {prefix}_{slot.name} {int(slot)}" for slot in table]
        lines.append(f"#define {prefix}_COUNT {len(table)}")
    lines += [f"#define DYN_{name} ({getattr(layout, name)})" for name in _PLAIN]
    return "\n".join([*lines, "#endif"]) + "\n"


def arithmetic_header() -> str:
    """The C header of the arithmetic of register instructions and random keys."""
    return "\n".join([shared("plain"), *random_constants(), shared("base"), functions_elsewhere(), shared("threefry")])


def elementary_file() -> str:
    """The C file that defines the elementary functions for the whole image."""
    return "\n".join([_HEAD_OF_FUNCTIONS, _SERVED, shared("plain"), shared("base"), own_functions()])


def chip_words_header(sample_rate: int = 20_000) -> str:
    """The words that start an RHS2116: all registers, nothing armed, no current, steps of 50 nA."""
    words = sequences.rhs_power_up(settings.rhs_image(sample_rate, step="50nA"))
    listed = ", ".join(f"0x{word:08x}" for word in words)
    return f"#include <stdint.h>\nstatic const uint32_t RHS_POWER_UP[{len(words)}] = {{{listed}}};\n"


_HEAD_OF_FUNCTIONS = "/* Printed by `bioasm firmware`. */\n#define LINKAGE /* other files call them */"
_SERVED = '#ifndef SERVE\n#include "serve.h"\n#define SERVE(work) serve(work)\n#endif'
_HEAD = """/* Printed by `bioasm firmware`. */
#ifndef BIO_DYNAMICS_H
#define BIO_DYNAMICS_H"""
