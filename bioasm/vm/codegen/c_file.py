"""The C file of a program's dynamics: constants, elementary functions, what a step calls, the generated step, the entry."""

from __future__ import annotations

from enum import IntEnum
from importlib.resources import files
from typing import Any

import numpy as np

from bioasm.runtime import random
from bioasm.vm import layout
from bioasm.vm.codegen.c_functions import print_elementary
from bioasm.vm.codegen.c_printer import print_c
from bioasm.vm.codegen.inputs import FAR
from bioasm.vm.codegen.source import Generated

_ITEMS = {"i1": "int8_t", "i4": "int32_t", "f4": "float", "f8": "double"}
_PLAIN = ("CHUNK", "DRAWN", "WIDE", "REFRESH", "PEEK_MEAN", "RESYNC", "LIMBS", "LIMB_BITS", "LIMB_COLUMNS")
_TABLES: dict[str, type[IntEnum]] = {"REAL": layout.Real, "BLOCK": layout.Block, "RECORDER": layout.Recorder}
_TABLES["STATUS"] = layout.Status


def network_file(made: Generated, storage: str) -> str:
    """The C file of a network's dynamics; `storage` is that of J where a population has feedback, else empty."""
    flags = {name: int(number) for name, number in made.program.constants.items()} | {"COUPLED_HERE": int(bool(storage))}
    coupled = [_couplings(storage), _part("couplings"), _part("feedback")] if storage else []
    parts = [*_common(), _defined(flags), print_c(made.program, made.layout), *coupled, _part("advance"), _part("entry")]
    return "\n".join(parts)


def ising_file(storage: str, whole: bool) -> str:
    """The C file of Ising dynamics for a storage of J; `whole` for fields of int32."""
    kinds: dict[str, Any] = {"FIELD": "int32_t", "TOTAL": "int64_t"} if whole else {"FIELD": "double", "TOTAL": "double"}
    kinds |= {"WHOLE_FIELDS": int(whole), "NEVER": f"(-{layout.FARTHEST})" if whole else "(-BIO_INFINITY)"}
    kinds |= {"FARTHEST": layout.FARTHEST, "COLDEST": layout.COLDEST}
    parts = [*_common(), _defined(kinds), _couplings(storage), _part("couplings"), _part("ising"), _part("entry")]
    return "\n".join(parts)


def _common() -> list[str]:
    return [_HEAD, _constants(), _part("base"), print_elementary(), _part("network")]


def _couplings(storage: str) -> str:
    """Which storage of J the products are for."""
    form, _, kind = storage.partition("-")
    number = {"none": 0, "dense": 3 if kind == "i1" else 1, "sparse": 2}[form]
    return _defined({"J_KIND": number, "J_ITEM": _ITEMS.get(kind, "double"), "HALVED_FROM": layout.HALVED_FROM})


def _defined(names: dict[str, Any]) -> str:
    return "\n".join(f"#define {name} {value}" for name, value in names.items())


_HEAD = """/* Printed by BioASM. Build with -std=c11 -O2 -ffp-contract=off; no C library is needed but sqrt. */
#include <stdint.h>
"""


def _part(name: str) -> str:
    return files("bioasm.vm.codegen").joinpath("c", f"{name}.h").read_text(encoding="utf-8")


def _constants() -> str:
    """The places in the machine's tables, and the constants of random numbers."""
    lines = [f"#define {slot.name} {int(slot)}" for slot in layout.Ctx]
    for prefix, table in _TABLES.items():
        lines += [f"#define {prefix}_{slot.name} {int(slot)}" for slot in table]
        lines.append(f"#define {prefix}_COLUMNS {len(table)}")
    lines += [f"#define {name} ({getattr(layout, name)})" for name in _PLAIN]
    lines += [f"#define FAR INT64_C({FAR})", f"#define PARITY UINT32_C({random.PARITY})"]
    lines += [f"#define SQRT_HALF_BITS UINT32_C({random.SQRT_HALF_BITS})"]
    lines += [f"#define {name} {_single(getattr(random, name))}" for name in ("LN2", "TAU_OVER_2_32")]
    lines.append(f"static const int ROTATIONS[8] = {{{', '.join(map(str, random.ROTATIONS))}}};")
    for name in ("LOG_SERIES", "SIN", "COS"):
        numbers = ", ".join(map(_single, getattr(random, name)))
        lines.append(f"static const float {name}[5] = {{{numbers}}};")
    return "\n".join(lines)


def _single(x: Any) -> str:
    """A float32 that C reads back bit for bit."""
    return f"{float(np.float32(x)).hex()}f"
