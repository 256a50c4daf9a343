"""`bioasm info`: what a program holds and what a run of it needs, or what a recording holds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bioasm.cli import common
from bioasm.diagnostics.render import visible
from bioasm.network.subgroup import spell_subgroup
from bioasm.verifier.abilities import EVENTS, MODEL_TEXTS
from bioasm.verifier.abilities import needed as needed_ability

if TYPE_CHECKING:
    from bioasm.demand.footprint import Demand
    from bioasm.isa.program import DataBlock, Program, Random, Stored
    from bioasm.morphology.cell import Cell
    from bioasm.morphology.regions import Location
    from bioasm.network.network import Projection
    from bioasm.verifier.gate import Verified

_WHOLE = 1e-9  # relative: a delay this close to a number of steps is that number
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


@common.command(
    "info",
    examples="""
        bioasm info problem.basm
        bioasm info problem.bbc --json | jq .program_sha256
        bioasm info run.rhd
    """,
)
@common.program_argument
@common.json_option
def command(path: str, as_json: bool) -> None:
    """Show what PROGRAM (text, bytecode, or `-`) holds: neurons, models, instructions, data, memory, hash.

    PROGRAM may be a recording as well: an .rhd file, or a folder of signals with info.rhd.
    """
    from bioasm.cli import recorded
    from bioasm.hardware.recordings.reader import is_recording, is_rhs
    from bioasm.isa.program import check_unchanged
    from bioasm.verifier.gate import verify

    if path != common.STDIO and (path.endswith((".rhd", ".rhs")) or is_recording(path) or is_rhs(path)):
        facts, page = recorded.described(path), recorded.page
    else:
        verified = verify(common.load(path))
        facts, page = described(verified), _page
        check_unchanged(verified.program)
    if as_json:
        common.print_json(facts)
    else:
        sys.stdout.write(page(facts))


def described(verified: Verified) -> dict[str, Any]:
    """The facts as a JSON object. `run` is what a run in one lane needs, and `memory` its peak in bytes."""
    from bioasm.binary.writer import program_hash
    from bioasm.demand.footprint import check_demand, demand

    program = verified.program
    needed = demand(verified)
    check_demand(needed.streamed, here=False)
    data = [_datum(program, k, block) for k, block in enumerate(program.data)]
    return {
        "n": verified.n,
        "model": verified.model.name,
        **_network(verified),
        "spikes": any(population.model.spikes for population in verified.network.populations),
        "models": [text.name for text in program.models],
        "instructions": len(program.instructions),
        "needs": sorted(_abilities(verified)),
        "constants": {name: quantity.value for name, quantity in program.constants.items()},
        "labels": len(program.labels),
        "data": data,
        "metadata": dict(program.metadata),
        "memory": needed.peak,
        "run": _needs(needed),
        "program_sha256": program_hash(program),
    }


def _abilities(verified: Verified) -> set[str]:
    """The abilities that a driver must have: those that instructions need, texts of models, and events."""
    found = {needed_ability(verified, i) for i in verified.program.instructions}
    own = {MODEL_TEXTS} if verified.program.models else set()
    return found | own | ({EVENTS} if any(model.events for model in verified.network.models()) else set())


def _network(verified: Verified) -> dict[str, Any]:
    network = verified.network
    names = [population.name for population in network.populations]
    return {
        "populations": [{"name": p.name, "model": p.model.name, "n": p.n} for p in network.populations],
        "mechanisms": [
            {"name": m.name, "mechanism": m.model.name, "population": names[m.population]} for m in network.mechanisms
        ],
        "projections": [
            {
                "name": p.name,
                "pre": spell_subgroup(names[p.pre], p.sources),
                "target": ".".join(filter(None, (spell_subgroup(p.target, p.targets), p.port))),
                "rule": str(p.rule),
            }
            | ({"synapse": p.synapse.name} if p.synapse is not None else {})
            | ({"delays": late} if (late := _delays(verified, p)) else {})
            for p in network.projections
        ],
    } | ({"cells": [_cell(names[one.cells], one.cell) for one in network.cables]} if network.cables else {})


def _cell(name: str, cell: Cell) -> dict[str, Any]:
    """A cell that is a tree: its CVs, with those and the area (um2) of each region, and where its places are."""
    volumes = cell.volumes
    covered = {region: volumes.covered(cell.region(region) or ()) for region in cell.region_names}
    return {
        "population": name,
        "branches": len(cell.tree.branches),
        "cvs": volumes.n,
        "area_um2": round(float(volumes.areas.sum()) * 1e12, 6),
        "regions": {
            region: {"cvs": int((part > 0).sum()), "area_um2": round(float(part @ volumes.areas) * 1e12, 6)}
            for region, part in covered.items()
        },
        "places": {place: _place(cell, at) for place, at in cell.places.items()},
        "detectors": {place: _place(cell, at) for place, at in cell.detectors.items()},
    }


def _place(cell: Cell, at: Location) -> dict[str, Any]:
    return {"branch": at.branch, "at": at.at, "cv": cell.volumes.at(at)}


def _delays(verified: Verified, projection: Projection) -> dict[str, Any]:
    """The delays that are not 0, by what SET names them: `longest` in seconds and in `steps` of the program, whether `each`
    connection has its own, and whether delays are `rounded` to whole steps, as far as they are known."""
    from bioasm.runtime.delays import delays_of, in_steps, longest
    from bioasm.runtime.setup import fixed_parameters, initial_parameters

    values = initial_parameters(verified, {}) | fixed_parameters(verified)
    found = {}
    for name, delay in delays_of(verified, projection, values).items():
        most, step = longest(delay), values["dt"]
        if most > 0 and step > 0:
            steps = int(in_steps(most, step))
            rounded = abs(most / step - steps) > _WHOLE * steps if delay.number is not None else True
            found[name] = {"longest": most, "steps": steps, "each": delay.number is None, "rounded": rounded}
    return found


def _needs(needed: Demand) -> dict[str, Any]:
    """The demand of a run as JSON: `unknown` says why the numbers are least ones, and is null where the whole run is known."""
    kept = {"recordings": needed.recordings, "energies": needed.trace, "results": needed.results,
            "random_spikes": needed.random_spikes, "connections": needed.connections,
            "under_way": needed.under_way}  # fmt: skip
    return {
        "steps": needed.schedule.steps,
        "work": needed.work._asdict() | {"deliveries": None if needed.work.connections else 0},
        "seconds": float(f"{needed.work.seconds:.0e}"),
        "unknown": needed.schedule.unknown,
        "bytes": kept | {"neurons": needed.state, "data": needed.data, "couplings": needed.couplings, "blocks": needed.blocks},
    }


def _datum(program: Program, index: int, block: DataBlock) -> dict[str, Any]:
    from bioasm.isa.program import Random

    if isinstance(block.value, Random):
        return {"name": block.name or f"#{index}", "form": "random", **_drawn(program, block.value)}
    form, shape, entries, dtype, size = _measures(block.value)
    name = block.name or f"#{index}"
    return {"name": name, "form": form, "shape": shape, "entries": entries, "dtype": dtype, "bytes": size}


def _drawn(program: Program, value: Random) -> dict[str, Any]:
    """Facts of random values before a run: how they are written, and the range that all numbers lie in."""
    from bioasm.isa.distributions import drawn_range
    from bioasm.text.spelling import spell_data
    from bioasm.verifier.random_values import numbers

    low, high, _ = drawn_range(value.distribution, numbers(program, value))
    return {"distribution": spell_data(value).text, "low": low, "high": high}


def _measures(data: Stored) -> tuple[str, list[int], int, str, int]:
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
    rows += list(_network_rows(facts))
    rows += [("instructions", f"{facts['instructions']:,}"), ("needs", ", ".join(facts["needs"]))]
    rows += [(f"constant {name}", f"{value + 0.0:.10g}") for name, value in facts["constants"].items()]
    rows += [(f"data {d['name']}", _datum_words(d)) for d in facts["data"]]
    rows += [*_run_rows(facts), ("sha256", facts["program_sha256"])]
    width = max(len(key) for key, _ in rows)
    return "".join(f"{key:<{width}}  {visible(value)}\n" for key, value in rows)


def _run_rows(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Steps, memory and time of a run in one lane; least values where a part of it depends on what it computes."""
    needs = facts["run"]
    least = "" if needs["unknown"] is None else "at least "
    yield "steps", f"{least}{needs['steps']:,}" + (f" ({needs['unknown']})" if least else "")
    parts = ", ".join(f"{name} {spell_bytes(size)}" for name, size in needs["bytes"].items() if size)
    beside = "; spikes not counted" if facts["spikes"] else ""
    yield "memory", f"{least or 'about '}{spell_bytes(facts['memory'])} for one lane" + (f": {parts}{beside}" if parts else "")
    work = needs["work"]
    counted = f"{work['neurons']:,} updates of neurons, {work['states']:,} of their states, {work['entries']:,} couplings read"
    if work["connections"]:
        counted += f", {work['connections']:,} connections made; spikes along them not counted"
    if work["candidates"]:
        counted += f", {work['candidates']:,} pairs looked at for them"
    yield "time", f"{least}of the order of {needs['seconds']:,.10g} s on one processor for one lane: {least}{counted}"


def _network_rows(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The parts of a network that is more than the neurons of one ALC, and the models that the program brings along."""
    if len(facts["populations"]) > 1 or facts["mechanisms"] or facts["projections"]:
        yield from ((f"population {p['name']}", f"{p['n']:,} of {p['model']}") for p in facts["populations"])
    yield from (row for cell in facts.get("cells", ()) for row in _cell_rows(cell))
    yield from ((f"mechanism {m['name']}", f"{m['mechanism']} on {m['population']}") for m in facts["mechanisms"])
    yield from ((f"projection {p['name']}", _projection_words(p)) for p in facts["projections"])
    if facts["models"]:
        yield "own models", ", ".join(facts["models"])


def _cell_rows(cell: dict[str, Any]) -> Iterator[tuple[str, str]]:
    name = cell["population"]
    yield f"cell {name}", f"{cell['branches']:,} branches, {cell['cvs']:,} CVs, {cell['area_um2']:,.6g} um2"
    for region, part in cell["regions"].items():
        yield f"region {name}.{region}", f"{part['cvs']:,} CVs, {part['area_um2']:,.6g} um2"
    for what, joint in (("place", "."), ("detector", "_")):
        for place, at in cell[f"{what}s"].items():
            yield f"{what} {name}{joint}{place}", f"{at['at']:.6g} of branch {at['branch']}, CV {at['cv']}"


def _projection_words(p: dict[str, Any]) -> str:
    via = f" via {p['synapse']}" if "synapse" in p else ""
    late = "".join(f", {_delay_words(name, delay)}" for name, delay in p.get("delays", {}).items())
    return f"{p['pre']} to {p['target']}, {p['rule']}{via}{late}"


def _delay_words(name: str, delay: dict[str, Any]) -> str:
    """A delay, and how many steps it is."""
    steps = f"{delay['steps']:,} steps" if delay["steps"] != 1 else "1 step"
    if delay["each"]:
        return f"{name} of each at most {delay['longest']:.6g} s, rounded to at most {steps}"
    return f"{name} {delay['longest']:.6g} s, {'rounded to ' * delay['rounded']}{steps}"


def _datum_words(d: dict[str, Any]) -> str:
    if d["form"] == "random":
        return f"{d['distribution']}, numbers from {d['low']:.6g} to {d['high']:.6g}"
    shape = " x ".join(map(str, d["shape"]))
    return f"{d['form']}, {shape}, {d['entries']:,} entries of {d['dtype']}, {spell_bytes(d['bytes'])}"


def spell_bytes(count: float) -> str:
    """A number of bytes with three digits and a unit, for people."""
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} {_UNITS[-1]}"
