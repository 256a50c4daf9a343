"""All generated files of a firmware image: headers, the dynamics of spins, and its models."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bioasm.files import whole
from bioasm.firmware.dynamics_header import arithmetic_header, chip_words_header, dynamics_header, elementary_file
from bioasm.firmware.headers import tables
from bioasm.firmware.model_file import model_file, spins_files

FIRST = "lif_critical"  # what a program without a MODEL runs on
SPINS = "ising"


def sources(models: Iterable[str] = ()) -> dict[str, str]:
    """The generated files by name. `models` are shipped models beside `lif_critical` and `ising`, which every image has.

    Raises:
        BioasmError: B401 or B406, see `model_file`.
    """
    chosen = list(dict.fromkeys([FIRST, *(name for name in models if name != SPINS)]))
    files = {"tables.h": tables(), "dynamics.h": dynamics_header(), "elementary.h": arithmetic_header()}
    files |= {"elementary.c": elementary_file()}
    files |= {"chip_words.h": chip_words_header()} | spins_files()
    files |= {f"model_{name}.c": model_file(name) for name in chosen}
    return files | {"models.c": _registry([*chosen, SPINS])}


def write_sources(folder: Path, models: Iterable[str] = ()) -> None:
    """Write the generated files into a folder, which is made where it is not there; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources(models).items():
        _write(folder / name, text)


def _write(path: Path, text: str) -> None:
    """Write a file; one that says the same already stays as old as it is, so that nothing is built again."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    with whole(str(path)) as stream:
        stream.write(text.encode())


def _registry(models: list[str]) -> str:
    names = [f"MODEL_{name}" for name in models]
    listed = ", ".join(f"&{name}" for name in names)
    return "\n".join(
        [
            '/* Printed by `bioasm firmware`. */\n#include "model.h"',
            f"extern const bio_model {', '.join(names)};",
            f"const bio_model *const BIO_MODELS[] = {{{listed}}};",
            f"const uint32_t BIO_MODEL_COUNT = {len(names)};\n",
        ]
    )
