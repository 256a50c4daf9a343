"""`bioasm import`: a problem file, or a generated benchmark graph, becomes a program text."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioasm.cli import common
from bioasm.diagnostics import error
from bioasm.frameworks import FORMATS as NETWORKS
from bioasm.frameworks import SUFFIXES, read_network
from bioasm.problems import FORMATS, MAXIMIZABLE

if TYPE_CHECKING:
    from bioasm.isa.program import Data
    from bioasm.problems.formats import Problem


_LARGEST_NUMBER = 16  # bytes
_START = 1 << 10  # bytes in which JSON begins


@common.command(
    "import",
    examples="""
        bioasm import G1.txt -o g1.basm
        bioasm import --generate G22 | bioasm run - --seed 1
        bioasm import --rudy "-rnd_graph 800 6 8001" -o graph.basm
        bioasm import costs.qubo --maximize -o costs.basm
        bioasm import couplings.npz --from ising --model lif -o culture.basm
        bioasm import rockpool layer.json -o neurons.basm
        bioasm import nir network.nir -o network.basm
    """,
)
@click.argument("words", metavar="[FORMAT] [FILE]", nargs=-1)
@common.output_option("Where to write the program; by default standard output.")
@click.option("--from", "form", type=click.Choice([*FORMATS, *NETWORKS]), help="The format of FILE, where its name and content do not tell it.")  # noqa: E501  # fmt: skip
@click.option("--model", type=click.Choice(["ising", "lif"]), default="ising", show_default=True, help="Spins under an annealing schedule, or the LIF twin.")  # noqa: E501  # fmt: skip
@click.option("--maximize", is_flag=True, help="The largest value of a QUBO is wanted, not the smallest.")
@click.option("--generate", "instance", metavar="NAME", help="A benchmark graph by its name (G1, G22, K2000, ...) instead of FILE.")  # noqa: E501  # fmt: skip
@click.option("--rudy", "arguments", metavar="ARGUMENTS", help="A graph by the arguments of the generator rudy instead of FILE.")  # noqa: E501  # fmt: skip
@click.pass_context
def command(
    ctx: click.Context,
    words: tuple[str, ...],
    output: str | None,
    form: str | None,
    model: str,
    maximize: bool,
    instance: str | None,
    arguments: str | None,
) -> None:
    """Turn a problem FILE, or `-` for standard input, into a program that minimises it, or a network into one that runs it.

    The energy that the program reports is the problem's own objective: minus the cut of a graph, x'Qx of a QUBO, the
    number of unsatisfied clauses, the energy of a spin glass. docs/problems.md describes these formats, docs/frameworks.md
    those of networks. FORMAT is what --from takes.
    """
    from bioasm.problems.write import write_program

    path, form = _file_and_format(words, form)
    if sum(source is not None for source in (path, instance, arguments)) != 1:
        raise click.UsageError("give one of FILE, --generate and --rudy")
    if path is None and form is not None:
        raise click.UsageError("--from is for a FILE; a generated graph needs none")
    if path is None:
        problem, account = _generated(instance, arguments, maximize)
    elif _is_array(path, form):
        problem, account = _read_arrays(path, form, maximize)
    else:
        _check_options(form, maximize, model)
        content = _content(path, form)
        form = form or _found_format(path, content)
        _check_options(form, maximize, model)
        if form in NETWORKS:
            common.write_text(read_network(content, _shown(path), form), output)
            return
        problem, account = _read(content, path, form, maximize)
    program = write_program(problem, account, model)
    common.report(program.warnings, ctx.obj)
    common.write_text(program.text, output)


def _file_and_format(words: tuple[str, ...], form: str | None) -> tuple[str | None, str | None]:
    """The file, and its format where a first word or --from names it."""
    known = [*FORMATS, *NETWORKS]
    alone = len(words) == 1 and words[0] in known and not Path(words[0]).exists()
    if alone or len(words) > 2 or (len(words) == 2 and (words[0] not in known or form not in (None, words[0]))):
        raise click.UsageError(f"one FILE is wanted, or one of {', '.join(known)} and a FILE")
    return (words[-1] if words else None), (words[0] if len(words) == 2 else form)


def _shown(path: str) -> str:
    return "<stdin>" if path == common.STDIO else path


def _is_array(path: str, form: str | None) -> bool:
    return Path(path).suffix.lower() in (".npy", ".npz", ".mtx") and form in (None, "matrix", "ising")


def _found_format(path: str, content: bytes) -> str:
    """The format by the name of the file or by its content. Raises BioasmError B304, B305."""
    from bioasm.plain import plain_text
    from bioasm.problems.formats import find_format

    suffix = Path(path).suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    text = plain_text(content, _shown(path))
    is_json = suffix == ".json" or text[:_START].lstrip()[:1] in (b"{", b"[")
    return _json_format(text, path) if is_json else find_format(path, text)


def _json_format(text: bytes, path: str) -> str:
    """The format of a JSON file, which its suffix does not tell. Text that is no JSON is left to a reader to refuse."""
    from bioasm.frameworks.rockpool import is_layer
    from bioasm.problems.bqm import TYPE, is_bqm

    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return "bqm"
    if is_bqm(said):
        return "bqm"
    if is_layer(said):
        return "rockpool"
    hint = f"a layer has tau_mem, tau_syn, threshold and bias, a model the type {TYPE}; --from names the format"
    raise error("B305", f"{path} is JSON, but neither LIF layers of Rockpool nor a model of dimod", hint=hint)


def _generated(instance: str | None, arguments: str | None, maximize: bool) -> Problem:
    from bioasm.problems.formats import cut_problem
    from bioasm.problems.instances import BEST_KNOWN_CUTS, RUDY_ARGUMENTS, find_instance
    from bioasm.problems.rudy import generate

    _refuse_maximize(maximize, "gset")
    name = find_instance(instance) if instance is not None else "a generated graph"
    line = RUDY_ARGUMENTS[name] if instance is not None else arguments or ""
    return cut_problem(generate(line), name, f"rudy {line}", BEST_KNOWN_CUTS.get(name))


def _check_options(form: str | None, maximize: bool, model: str) -> None:
    """Refuse the options of problems for a network, and what the format has no maximum for."""
    if form in NETWORKS and (maximize or model != "ising"):
        raise click.UsageError("--maximize and --model are for problems, and this is a network")
    if form is not None:
        _refuse_maximize(maximize, form)


def _refuse_maximize(maximize: bool, form: str) -> None:
    if maximize and form not in MAXIMIZABLE:
        raise click.UsageError(f"--maximize is for a QUBO ({', '.join(MAXIMIZABLE)}), not for {form}")


def _read(content: bytes, path: str, form: str, maximize: bool) -> Problem:
    """The problem in the content of a file or of standard input."""
    from bioasm.plain import plain_text
    from bioasm.problems.formats import read_problem

    return read_problem(plain_text(content, _shown(path)), _shown(path), form, maximize)


def _content(path: str, form: str | None) -> bytes:
    """All bytes of a file or of standard input. Raises BioasmError B016, B111, B301, B305."""
    from bioasm.files import refuse_empty, unreadable
    from bioasm.isa.limits import limit

    if form == "matrix":
        raise error("B305", f"a matrix is read from an .npy, .npz or .mtx file, which {path} is not")
    most = limit("text_bytes") + 1
    try:
        if path == common.STDIO:
            content = sys.stdin.buffer.read(most)
        else:
            with open(path, "rb") as stream:
                content = stream.read(most)
    except OSError as cause:
        raise unreadable(path, cause) from cause
    if len(content) == most:
        raise error("B111", f"{path} holds more than {most - 1:,} bytes, the limit for a text")
    refuse_empty(content, "<stdin>" if path == common.STDIO else path)
    return content


# --- arrays -----------------------------------------------------------------------------------------


def _read_arrays(path: str, form: str | None, maximize: bool) -> Problem:
    """A matrix as a QUBO, or the arrays J, h and offset of an .npz file as Ising couplings."""
    from bioasm.problems.formats import arrays_problem, matrix_problem
    from bioasm.text.files import read_file

    _refuse_maximize(maximize, form or "matrix")
    names = _array_names(path)
    if form == "ising" or (form is None and "J" in names):
        _refuse_maximize(maximize, "ising")
        couplings = read_file(Path(path), "J")
        h, offset = _array(path, names, "h", couplings.shape[0]), _array(path, names, "offset", 1)  # type: ignore[union-attr]
        return arrays_problem(couplings, h, offset, path)
    return matrix_problem(read_file(Path(path), "Q" if "Q" in names else None), path, maximize)


def _array_names(path: str) -> list[str]:
    """The names of the arrays in an .npz file; none where it is another file or damaged, which `read_file` reports."""
    from bioasm.npz import Archive

    if not path.lower().endswith(".npz"):
        return []
    try:
        with Archive(path) as archive:
            return archive.names
    except Exception:  # noqa: BLE001  (a damaged file can fail in any way)
        return []


def _array(path: str, names: list[str], name: str, most: int) -> Data | None:
    return None if name not in names else _as_data(path, name, most)


def _as_data(path: str, name: str, most: int) -> Data:
    """One array of an .npz file, of at most so many entries, as data; a single number as a vector of one."""
    import numpy as np

    from bioasm.isa.program import Dense
    from bioasm.npz import Archive

    try:
        with Archive(path) as archive:
            array: Any = archive.read(name, most * _LARGEST_NUMBER)
    except Exception as fault:  # noqa: BLE001  (a damaged file can fail in any way)
        raise error("B303", f"{name} of {path} can't be read: {fault}") from fault
    if array.dtype.kind not in "biuf":
        raise error("B303", f"{name} of {path} holds no real numbers")
    return Dense(np.atleast_1d(array))
