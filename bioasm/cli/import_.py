"""`bioasm import`: a problem file, or a generated benchmark graph, becomes a program text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bioasm.cli import common
from bioasm.diagnostics import error
from bioasm.frameworks import FORMATS as NETWORKS
from bioasm.frameworks import read_network
from bioasm.problems import ANNEAL, FORMATS, MAXIMIZABLE, SOLVERS

if TYPE_CHECKING:
    from bioasm.problems.accounts import Problem


@common.command(
    "import",
    examples="""
        bioasm import G1.txt -o g1.basm
        bioasm import --generate G22 | bioasm run - --seed 1
        bioasm import --generate G81 --solver auto -o torus.basm
        bioasm import --rudy "-rnd_graph 800 6 8001" -o graph.basm
        bioasm import costs.qubo --maximize -o costs.basm
        bioasm import couplings.npz --from ising --model lif -o culture.basm
        bioasm import rockpool layer.json -o neurons.basm
        bioasm import nir network.nir -o network.basm
        bioasm import pyramidal.cell.nml -o pyramidal.basm
    """,
)
@click.argument("words", metavar="[FORMAT] [FILE]", nargs=-1)
@common.output_option("Where to write the program; by default standard output.")
@click.option("--from", "form", type=click.Choice([*FORMATS, *NETWORKS]), metavar="FORMAT", help="The format of FILE, where its name and content do not tell it.")  # noqa: E501  # fmt: skip
@click.option("--model", type=click.Choice(["ising", "lif"]), default="ising", show_default=True, help="Spins under an annealing schedule, or the LIF twin.")  # noqa: E501  # fmt: skip
@click.option("--solver", type=click.Choice(SOLVERS), default=ANNEAL, show_default=True, help="How energies are lowered: one fall of the temperature, several, cycles of heating with MERGE, blocks with BLK, a ladder of lanes with CXCH, simulated bifurcation, or what suits the problem.")  # noqa: E501  # fmt: skip
@click.option("--reduce", is_flag=True, help="Eliminate spins with at most three neighbours exactly; results have them again.")
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
    solver: str,
    reduce: bool,
    maximize: bool,
    instance: str | None,
    arguments: str | None,
) -> None:
    """Turn a problem FILE, or `-` for standard input, into a program that minimises it, or a network into one that runs it.

    The energy that the program reports is the problem's own objective: minus the cut of a graph, x'Qx of a QUBO, the
    number of unsatisfied clauses, the energy of a spin glass. docs/problems.md describes these formats, docs/frameworks.md
    those of networks. FORMAT is what --from takes.
    """
    from bioasm.api import problem_files as files
    from bioasm.problems.write import Effort, write_program

    if model != "ising" and (reduce or solver != ANNEAL):
        raise click.UsageError("--solver and --reduce are for spins: leave --model lif out")
    path, form = _file_and_format(words, form)
    _check_sources(path, form, instance, arguments)
    if path is None:
        problem, account = _generated(instance, arguments, maximize)
    elif files.is_array(path, form):
        _refuse_maximize(maximize, "ising" if files.holds_couplings(path, form) else form or "matrix")
        problem, account = files.read_arrays(path, form, maximize)
    else:
        _check_options(form, maximize, reduce, model, solver)
        content = files.content_of(path, sys.stdin.buffer)
        form, content = (form, content) if form else files.told_format(path, content)
        _check_options(form, maximize, reduce, model, solver)
        if form in NETWORKS:
            common.write_text(read_network(content, files.shown(path), form), output)
            return
        problem, account = files.read_content(content, path, form, maximize)
    program = write_program(problem, account, model, Effort(solver=solver, reduce=reduce))
    common.report(program.warnings, ctx.obj)
    common.write_text(program.text, output)


def _check_sources(path: str | None, form: str | None, instance: str | None, arguments: str | None) -> None:
    """Refuse calls with several sources or none, and a format without a file. Raises UsageError."""
    if sum(source is not None for source in (path, instance, arguments)) != 1:
        raise click.UsageError("give one of FILE, --generate and --rudy")
    if path is None and form is not None:
        raise click.UsageError("--from is for a FILE; a generated graph needs none")


def _file_and_format(words: tuple[str, ...], form: str | None) -> tuple[str | None, str | None]:
    """The file, and its format where a first word or --from names it."""
    known = [*FORMATS, *NETWORKS]
    alone = len(words) == 1 and words[0] in known and not Path(words[0]).exists()
    if alone or len(words) > 2 or (len(words) == 2 and (words[0] not in known or form not in (None, words[0]))):
        raise click.UsageError(f"one FILE is wanted, or one of {', '.join(known)} and a FILE")
    return (words[-1] if words else None), (words[0] if len(words) == 2 else form)


def _generated(instance: str | None, arguments: str | None, maximize: bool) -> Problem:
    from bioasm.problems.accounts import cut_problem
    from bioasm.problems.instances import BEST_KNOWN_CUTS, RUDY_ARGUMENTS, find_instance
    from bioasm.problems.rudy import generate

    _refuse_maximize(maximize, "gset")
    name = find_instance(instance) if instance is not None else "a generated graph"
    line = RUDY_ARGUMENTS[name] if instance is not None else arguments or ""
    return cut_problem(generate(line), name, f"rudy {line}", BEST_KNOWN_CUTS.get(name))


def _check_options(form: str | None, maximize: bool, reduce: bool, model: str, solver: str) -> None:
    """Refuse the options of problems for a network, and what the format has no maximum for."""
    if form in NETWORKS and (maximize or reduce or model != "ising" or solver != ANNEAL):
        raise click.UsageError("--maximize, --reduce, --model and --solver are for problems, and this is a network")
    if form == "matrix":
        raise error("B305", "a matrix is read from an .npy, .npz or .mtx file")
    if form is not None:
        _refuse_maximize(maximize, form)


def _refuse_maximize(maximize: bool, form: str) -> None:
    if maximize and form not in MAXIMIZABLE:
        raise click.UsageError(f"--maximize is for a QUBO ({', '.join(MAXIMIZABLE)}), not for {form}")
