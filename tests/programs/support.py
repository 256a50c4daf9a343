"""The programs of programs/, assembled and run once for all tests that look at them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bioasm.drivers.registry import connect
from bioasm.isa.program import Data, Program
from bioasm.results import Result
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "programs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.basm"))


def text(name: str) -> str:
    """The text of a program."""
    return (FOLDER / f"{name}.basm").read_text(encoding="utf-8")


@lru_cache
def program(name: str) -> Program:
    """A program, assembled."""
    return assemble(text(name), source=f"programs/{name}.basm", folder=FOLDER)


def execute(this: Program, seed: int = 1, lanes: int = 1) -> Result:
    """Run a program on the cpu driver."""
    with connect("cpu") as driver:
        return driver.run(verify(this), RunOptions(seed=seed, lanes=lanes))


@lru_cache
def ran(name: str, seed: int = 1) -> Result:
    """The Result of a program."""
    return execute(program(name), seed)


def emitted(result: Result, what: str) -> list[float]:
    """The numbers that a run emitted under a name, in their order."""
    return [float(np.ravel(reading.value)[0]) for reading in result.results if reading.what == what]


def only(result: Result, what: str) -> float:
    """The one number that a run emitted under a name."""
    (value,) = emitted(result, what)
    return value


def array(result: Result, what: str) -> NDArray[np.float64]:
    """The array that a run read out, without its lane axis."""
    (value,) = [reading.value for reading in result.results if reading.what == what]
    return np.asarray(value)[0]


def datum(name: str, called: str) -> Data:
    """A named data block of a program."""
    (block,) = [block for block in program(name).data if block.name == called]
    return block.value
