"""The public calls of `import bioasm`: assemble a text, load a file, run a program."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioasm.isa.program import Program
from bioasm.loading import from_text
from bioasm.loading import load as _load

if TYPE_CHECKING:
    from bioasm.results import Result


def assemble(text: str, *, folder: str | Path = ".", source: str = "<text>") -> Program:
    """The program that `text` is. Data files and includes are looked for from `folder`.

    Raises BioasmError with every error found.
    """
    return from_text(text, source=source, folder=Path(folder))


def load(path: str | Path) -> Program:
    """The program in a file of text or bytecode. Raises BioasmError."""
    return _load(str(path))


def run(
    program: Program | Path | str,
    *,
    driver: str = "cpu",
    seed: int | None = None,
    lanes: int = 1,
    **options: Any,
) -> Result:
    """Run a program and return its Result.

    `program` is a Program, a path, or a text (a str of several lines is a text, any other the path of a file).
    `seed` is a whole number below 2**64, drawn where it is None and always found in the Result. `options` are further
    fields of `bioasm.drivers.RunOptions`. Raises BioasmError for whatever is wrong with the program or the run.
    """
    from bioasm.drivers import RunOptions, find_driver
    from bioasm.verifier.gate import verify

    chosen = RunOptions(seed=draw_seed() if seed is None else seed, lanes=lanes, **options)
    verified = verify(_program(program), chosen.parameters)
    with find_driver(driver)() as connected:
        return connected.run(verified, chosen)


def draw_seed() -> int:
    """A seed of 32 bits from the system's source of randomness: short enough to be typed again."""
    return secrets.randbits(32)


def _program(program: Program | Path | str) -> Program:
    if isinstance(program, Program):
        return program
    if isinstance(program, str) and "\n" in program:
        return assemble(program)
    return load(program)
