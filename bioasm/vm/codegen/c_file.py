"""Assembly of the C file of a program's dynamics: constants, elementary functions, runtime, generated step, entry point."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from bioasm.runtime import random
from bioasm.vm import layout
from bioasm.vm.codegen.c_functions import declare_elementary, print_elementary
from bioasm.vm.codegen.c_printer import print_c
from bioasm.vm.codegen.inputs import FAR
from bioasm.vm.codegen.source import Generated

ANY = "any"
_ITEMS = {"i1": "int8_t", "i4": "int32_t", "f4": "float", "f8": "double"}
_PLAIN = ("CHUNK", "DRAWN", "WIDE", "REFRESH", "PEEK_MEAN", "PEEK_NEXT", "RESYNC", "LIMBS", "LIMB_BITS", "LIMB_COLUMNS")
_TABLES: dict[str, type[IntEnum]] = {"REAL": layout.Real, "BLOCK": layout.Block, "RECORDER": layout.Recorder}
_TABLES |= {"STATUS": layout.Status, "WAVE": layout.Wave}


class Dialect(NamedTuple):
    """A dialect of C: the files at the beginning (macros first), the source of elementary functions, and the end."""

    head: str
    begins: tuple[str, ...]
    functions: Callable[[], str]
    ends: str


def shared(name: str) -> str:
    """The text of a file of the C runtime."""
    return files("bioasm.vm.codegen").joinpath("c", f"{name}.h").read_text(encoding="utf-8")


def own_functions() -> str:
    """Definitions of the elementary functions, and fma for targets without it."""
    return "\n".join([shared("fma"), print_elementary()])


def functions_elsewhere() -> str:
    """Declarations of elementary functions that another file of the image defines."""
    return "\n".join([*_FMA_ELSEWHERE, declare_elementary()])


_FMA_ELSEWHERE = ("#ifndef BIO_FMA", "double bio_fma(double x, double y, double z);", "#endif")
_PLAIN_HEAD = "/* Printed by BioASM. Build with -std=c11 -O2 -ffp-contract=off; no C library is needed but sqrt. */"
PLAIN = Dialect(_PLAIN_HEAD, ("plain",), own_functions, "entry")
FIRMWARE = Dialect("/* Printed by `bioasm firmware`. */", ("plain",), functions_elsewhere, "entry")
OPENCL = Dialect("/* Printed by BioASM for OpenCL C 1.2. */", ("opencl", "items"), print_elementary, "kernels")
CUDA = Dialect("/* Printed by BioASM for NVRTC. */", ("cuda", "items"), print_elementary, "kernels")


class Share(NamedTuple):
    """The share of a work item: one of `lanes` lanes of a block, and of it one neuron in `parts`; both are powers of 2."""

    lanes: int
    parts: int = 1


def network_file(made: Generated, storage: str, dialect: Dialect = PLAIN, share: Share | None = None) -> str:
    """The C file of a network's dynamics; `storage` is that of J where a population has feedback, else empty.

    `share` is for dialects with work items.
    """
    flags = {name: int(number) for name, number in made.program.constants.items()} | {"COUPLED_HERE": int(bool(storage))}
    coupled = [_couplings(storage), shared("couplings"), shared("feedback")] if storage else []
    lists = len(made.noises) + sum(name.startswith("id:") for name in made.layout.wholes)  # of populations and of events
    parts = [*_common(dialect, share, lists), _defined(flags), print_c(made.program, made.layout), *coupled, shared("advance")]
    return "\n".join([*parts, shared(dialect.ends)])


def ising_file(storage: str, whole: bool, dialect: Dialect = PLAIN, share: Share | None = None) -> str:
    """The C file of Ising dynamics for a storage of J; `whole` for fields of int32."""
    kinds: dict[str, Any] = {"FIELD": "int32_t", "TOTAL": "int64_t"} if whole else {"FIELD": "double", "TOTAL": "double"}
    kinds |= {"WHOLE_FIELDS": int(whole), "NEVER": f"(-{layout.FARTHEST})" if whole else "(-BIO_INFINITY)"}
    kinds |= {"FARTHEST": layout.FARTHEST, "COLDEST": layout.COLDEST}
    parts = [*_common(dialect, share, 1), _defined(kinds), _couplings(storage), shared("couplings"), shared("ising")]
    return "\n".join([*parts, shared(dialect.ends)])


def _common(dialect: Dialect, share: Share | None, lists: int) -> list[str]:
    """The common beginning of all files; `lists` is the number of lists of spikes and events."""
    begins = [dialect.head, *map(shared, dialect.begins)]
    begins += [_defined({"LANES": share.lanes, "PARTS": share.parts, "SPIKE_LISTS": lists})] if share else []
    return [*begins, _constants(), shared("base"), dialect.functions(), shared("threefry"), shared("network")]


def _couplings(storage: str) -> str:
    """Macros for the storage format of J; with `any` it is chosen at run time."""
    form, _, kind = storage.partition("-")
    number = {"none": 0, "dense": 3 if kind == "i1" else 1, "sparse": 2, ANY: 4}[form]
    return _defined({"J_KIND": number, "J_ITEM": _ITEMS.get(kind, "double"), "HALVED_FROM": layout.HALVED_FROM})


def _defined(names: dict[str, Any]) -> str:
    return "\n".join(f"#define {name} {value}" for name, value in names.items())


def _constants() -> str:
    """Constants: indices of the machine's tables, and those of random numbers."""
    lines = [f"#define {slot.name} {int(slot)}" for slot in layout.Ctx]
    lines.append(f"#define CTX_SIZE {len(layout.Ctx)}")
    for prefix, table in _TABLES.items():
        lines += [f"#define {prefix}_{slot.name} {int(slot)}" for slot in table]
        lines.append(f"#define {prefix}_COLUMNS {len(table)}")
    lines += [f"#define {name} ({getattr(layout, name)})" for name in _PLAIN]
    return "\n".join([*lines, f"#define FAR INT64_C({FAR})", *random_constants()])


def random_constants() -> list[str]:
    """The constants of random numbers."""
    lines = [f"#define PARITY UINT32_C({random.PARITY})"]
    lines += [f"#define SQRT_HALF_BITS UINT32_C({random.SQRT_HALF_BITS})"]
    lines += [f"#define {name} {_single(getattr(random, name))}" for name in ("LN2", "TAU_OVER_2_32")]
    lines.append(f"TABLE int ROTATIONS[8] = {{{', '.join(map(str, random.ROTATIONS))}}};")
    for name in ("LOG_SERIES", "SIN", "COS"):
        numbers = ", ".join(map(_single, getattr(random, name)))
        lines.append(f"TABLE float {name}[5] = {{{numbers}}};")
    return lines


def _single(x: Any) -> str:
    """A float32 as a C literal that reads back bit for bit."""
    return f"{float(np.float32(x)).hex()}f"
