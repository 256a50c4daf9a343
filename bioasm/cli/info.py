"""`bioasm info`: what a program holds and what a run of it needs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bioasm.cli import common

if TYPE_CHECKING:
    from bioasm.isa.program import Data, DataBlock
    from bioasm.isa.verify import Verified

_FLOAT_BYTES = 8
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


@common.command(
    "info",
    examples="""
        bioasm info problem.basm
        bioasm info problem.bbc --json | jq .program_sha256
    """,
)
@common.program_argument
@common.json_option
def command(path: str, as_json: bool) -> None:
    """Show what PROGRAM (text, bytecode, or `-`) holds: neurons, model, instructions, data, memory, hash."""
    from bioasm.isa.verify import verify

    facts = described(verify(common.load(path)))
    if as_json:
        common.print_json(facts)
    else:
        sys.stdout.write(_page(facts))


def described(verified: Verified) -> dict[str, Any]:
    """The facts as a JSON object. `memory` is an estimate in bytes for one lane: data, and the state of the neurons."""
    from bioasm.binary.writer import program_hash

    program = verified.program
    data = [_datum(k, block) for k, block in enumerate(program.data)]
    return {
        "n": verified.n,
        "model": verified.model.name,
        "instructions": len(program.instructions),
        "needs": sorted({i.row.needs for i in program.instructions}),
        "constants": {name: quantity.value for name, quantity in program.constants.items()},
        "labels": len(program.labels),
        "data": data,
        "metadata": dict(program.metadata),
        "memory": sum(d["bytes"] for d in data) + _state_bytes(verified),
        "program_sha256": program_hash(program),
    }


def _state_bytes(verified: Verified) -> int:
    return _FLOAT_BYTES * verified.n * len(verified.model.variables)


def _datum(index: int, block: DataBlock) -> dict[str, Any]:
    form, shape, entries, dtype, size = _measures(block.value)
    name = block.name or f"#{index}"
    return {"name": name, "form": form, "shape": shape, "entries": entries, "dtype": dtype, "bytes": size}


def _measures(data: Data) -> tuple[str, list[int], int, str, int]:
    """Form, shape, number of stored entries, their type, and the bytes of all its arrays."""
    from bioasm.isa.program import Dense, Sparse

    if isinstance(data, Dense):
        return "dense", list(data.shape), data.array.size, data.array.dtype.name, data.array.nbytes
    if isinstance(data, Sparse):
        form = "symmetric sparse" if data.symmetric else "sparse"
        size = data.row.nbytes + data.column.nbytes + data.value.nbytes
        return form, list(data.shape), data.value.size, data.value.dtype.name, size
    size = data.start.nbytes + data.index.nbytes + data.value.nbytes
    return "terms", [data.size], data.value.size, data.value.dtype.name, size


def _page(facts: dict[str, Any]) -> str:
    rows = [(key, value) for key, value in facts["metadata"].items()]
    rows += [("neurons", f"{facts['n']:,}"), ("model", facts["model"])]
    rows += [("instructions", f"{facts['instructions']:,}"), ("needs", ", ".join(facts["needs"]))]
    rows += [(f"constant {name}", f"{value:.10g}") for name, value in facts["constants"].items()]
    rows += [(f"data {d['name']}", _datum_words(d)) for d in facts["data"]]
    rows += [("memory", f"about {spell_bytes(facts['memory'])} for one lane"), ("sha256", facts["program_sha256"])]
    width = max(len(key) for key, _ in rows)
    return "".join(f"{key:<{width}}  {value}\n" for key, value in rows)


def _datum_words(d: dict[str, Any]) -> str:
    shape = " x ".join(map(str, d["shape"]))
    return f"{d['form']}, {shape}, {d['entries']:,} entries of {d['dtype']}, {spell_bytes(d['bytes'])}"


def spell_bytes(count: float) -> str:
    """A number of bytes with three digits and a unit, for people."""
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} {_UNITS[-1]}"
