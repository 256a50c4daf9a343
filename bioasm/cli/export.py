"""`bioasm export`: a problem file, or the problem or network of a program, in a format of others."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bioasm.cli import common
from bioasm.diagnostics import EXIT_USAGE, error
from bioasm.frameworks import EXPORTS as NETWORKS
from bioasm.frameworks import SUFFIXES
from bioasm.problems import ALIASES, EXPORTS, FORMATS

if TYPE_CHECKING:
    from bioasm.cli.main import Settings
    from bioasm.diagnostics import Diagnostic
    from bioasm.problems.accounts import Problem

_PROGRAMS = (".basm", ".bbc")
_BINARY = ("dimod", *NETWORKS)


@common.command(
    "export",
    examples="""
        bioasm export problem.basm --to qubo -o problem.qubo
        bioasm export costs.qubo -o costs.lp
        bioasm import --generate G1 | bioasm export - --to gset
        bioasm export model.bqm --to terms
        bioasm export network.basm -o network.nir
    """,
)
@click.argument("path", metavar="FILE")
@click.option("--to", "form", type=click.Choice([*EXPORTS, *ALIASES, *NETWORKS]), help="The format to write; by default that of OUTPUT's suffix.")  # noqa: E501  # fmt: skip
@click.option("--from", "given", type=click.Choice(list(FORMATS)), metavar="FORMAT", help="The format of FILE, where it is no program and its name and content do not tell it.")  # noqa: E501  # fmt: skip
@common.output_option("Where to write; by default standard output.")
@click.pass_obj
def command(console: Settings, /, path: str, form: str | None, given: str | None, output: str | None) -> None:
    """Write the problem in FILE, a program or a problem file, in another format, or the network of a program as NIR.

    `-` reads a program from standard input, or with --from a problem. Offset, names of variables and sense go along, in
    comments where the format has no place for them; `bioasm import` reads them back.
    """
    if form is None and (output is None or output == common.STDIO):
        raise click.UsageError("--to names the format to write, or -o a file whose suffix does")
    wanted = form or _told_by(str(output))
    content, warnings = _network(path, given) if wanted in NETWORKS else _written(path, given, wanted)
    common.report(warnings, console)
    target = output or common.STDIO
    if wanted in _BINARY:
        common.refuse_terminal(target)
    with common.binary_output(target) as stream:
        stream.write(content)


def _told_by(output: str) -> str:
    from bioasm.problems.export import form_of

    return SUFFIXES.get(Path(output).suffix.lower()) or form_of(output, NETWORKS)


def _written(path: str, given: str | None, wanted: str) -> tuple[bytes, tuple[Diagnostic, ...]]:
    from bioasm.problems.export import warnings_of, write

    energy, account = _problem(path, given)
    return write(energy, account, wanted), tuple(warnings_of(account, wanted))


def _network(path: str, given: str | None) -> tuple[bytes, tuple[Diagnostic, ...]]:
    from bioasm.api.network_programs import write_nir
    from bioasm.problems.formats import SUFFIXES as OF_PROBLEMS

    if given is not None:
        raise click.UsageError("--from is for problems, and a network is written from a program")
    if (found := (SUFFIXES | OF_PROBLEMS).get(Path(path).suffix.lower())) is not None:
        hint = "`bioasm import` makes a program of it"
        raise error("B305", f"{path} is {found}, and a network is written from a program", hint=hint, exit_code=EXIT_USAGE)
    return write_nir(common.load(path))


def _problem(path: str, given: str | None) -> Problem:
    from bioasm.api import problem_files as files
    from bioasm.api.problem_programs import problem_in

    if given is None and (path == common.STDIO or Path(path).suffix.lower() in _PROGRAMS):
        return problem_in(common.load(path))
    if path != common.STDIO:
        return files.read_problem_file(path, False, given)
    if given == "matrix":
        raise error("B305", "a matrix is read from an .npy, .npz or .mtx file")
    content = files.content_of(path, io.BytesIO(sys.stdin.buffer.read()))
    return files.read_content(content, path, str(given), False)
