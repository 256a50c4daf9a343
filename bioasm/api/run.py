"""Assemble a text, load a file, run a program."""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bioasm.api import arguments
from bioasm.diagnostics import did_you_mean, error
from bioasm.isa.program import DataBlock, Program
from bioasm.loading import from_bytes
from bioasm.loading import load as _load

if TYPE_CHECKING:
    from bioasm.drivers import Driver, Observer
    from bioasm.results import Result


class Programmed(Protocol):
    """Protocol of objects with a program, such as a Problem or a Network."""

    def program(self) -> Program:
        """The program."""


def assemble(text: str, *, folder: str | Path = ".", source: str = "<text>", data: Mapping[str, Any] | None = None) -> Program:
    """Assemble a text into a Program.

    Data files and includes are searched for in `folder`. `data` are arrays, matrices of scipy.sparse or dicts of terms
    by name: they replace or define the `.data` of that name. Raises BioasmError with every error found.
    """
    from bioasm.text.assemble import assemble as assembled

    return assembled(text, source=source, folder=Path(folder), data=_as_data(data or {}))


def load(path: str | Path) -> Program:
    """The program in a file of text or bytecode. Raises BioasmError."""
    return _load(str(path))


def run(
    program: Program | Path | str | bytes | Programmed,
    *,
    data: Mapping[str, Any] | None = None,
    set: Mapping[str, str | float | Sequence[str | float]] | None = None,
    driver: str | Driver = "cpu",
    seed: int | None = None,
    lanes: int | str | None = None,
    observer: Observer | None = None,
    time_limit: float | None = None,
    target: float | None = None,
    **options: Any,
) -> Result:
    """Run a program and return its Result.

    `program` is a Program, a path, a text (a str of several lines is a text, any other the path of a file), the bytes
    of a text or of bytecode, a Problem or a Network. `data` are arrays by name, as for `assemble`. `set` replaces
    constants of the program and defaults of parameters, as `--set` does: `{"T0": 5, "dt": "0.1 ms"}`; a list or array
    gives each lane its own value, as `--set-lanes` does: `{"T": [1, 2, 5]}`. `seed` is an integer below 2**64, drawn if
    it is None and always reported in the Result. `lanes` is a number, or a piece of all lanes such as
    `"1000:2000/4096"`; None is the length of the longest list of values, else 1. `observer` is called between slices
    with a `Progress`; if it returns False, the run ends. It also ends after `time_limit` seconds, once the best energy
    is `target` or lower, and at Ctrl-C: the Result then contains everything computed so far, and its `status` says why.
    `options` are further fields of `bioasm.drivers.RunOptions`. Raises BioasmError for any error in the program or the
    run.
    """
    from bioasm.api.interrupts import Interruptible
    from bioasm.api.problem import Problem
    from bioasm.drivers import RunOptions
    from bioasm.settings import program_with_lanes

    seed = draw_seed() if seed is None else seed
    one, by_lane = arguments.values_of_lanes(set)
    lanes = max(map(len, by_lane.values()), default=1) if lanes is None else lanes
    given = {"seed": seed, **arguments.lanes_of(lanes), "time_limit": time_limit, "target": target, **options}
    wanted = arguments.checked_options(given)
    arguments.function("observer", observer)
    verified, parameters, own = program_with_lanes(as_program(program, data), arguments.settings_of(one), by_lane)
    wanted["parameters"] = {**arguments.mapping("parameters", wanted.get("parameters")), **parameters}
    if by_lane:
        wanted |= {"lane_constants": own.constants, "lane_parameters": own.parameters}
    chosen = RunOptions(**wanted)
    with _connected(driver) as connected, Interruptible(observer) as watch:
        result = connected.run(verified, chosen, watch)
    return named(result, program.names) if isinstance(program, Problem) else result


def named(result: Result, names: tuple[Hashable, ...]) -> Result:
    """The Result with the names of its problem as the objects that they are, where the program has texts in their place."""
    return result if names in (result.names, tuple(range(result.n))) else replace(result, own_names=names)


def draw_seed() -> int:
    """A seed of 32 bits from the system's source of randomness: short enough to be typed again."""
    return secrets.randbits(32)


def _connected(driver: str | Driver) -> Driver:
    from bioasm.drivers import find_driver

    if isinstance(driver, str):
        return find_driver(driver)()
    if not hasattr(driver, "run"):
        raise error("B406", f"driver is {driver!r:.40}; it is a name, as `bioasm drivers` lists them, or a driver")
    return driver


def as_program(program: Program | Path | str | bytes | Programmed, data: Mapping[str, Any] | None = None) -> Program:
    """Convert an object to a program, with data of the same names replaced. Raises BioasmError."""
    arguments.mapping("data", data)
    if isinstance(program, str) and "\n" in program:
        return assemble(program, data=data)
    if isinstance(program, bytes):
        made = from_bytes(program, source="<bytes>", folder=Path())
    elif isinstance(program, str | Path):
        _refuse_words(str(program))
        made = load(program)
    elif isinstance(program, Program):
        made = program
    elif hasattr(program, "program"):
        made = program.program()
    else:
        hint = "a path, a text, bytes, a Program, a Problem or a Network is wanted"
        raise error("B406", f"{type(program).__name__} is no program", hint=hint)
    return _with_data(made, data) if data else made


def _refuse_words(path: str) -> None:
    """Refuse a text of one line where a path is wanted. Raises BioasmError B016, B301."""
    from bioasm.isa.table import BY_MNEMONIC

    if not path.strip():
        raise error("B016", "the program is empty", hint="a path, or a text of several lines, is wanted")
    if path.split()[0].upper() in BY_MNEMONIC and not Path(path).exists():
        text = f"can't read {path:.40}: there is no such file"
        raise error("B301", text, hint="a str without a line end is a path; a text of one line ends with \\n")


def _with_data(program: Program, data: Mapping[str, Any]) -> Program:
    known = {block.name for block in program.data if block.name is not None}
    for name in data.keys() - known:
        raise error("B405", f"data {name}: the program has no data of this name", hint=did_you_mean(name, known))
    given = _as_data(data)
    blocks = tuple(DataBlock(given.get(str(block.name), block.value), block.name) for block in program.data)
    return replace(program, data=blocks)


def _as_data(data: Mapping[str, Any]) -> dict[str, Any]:
    from bioasm.api.arrays import as_data

    return {name: as_data(value, name) for name, value in data.items()}
