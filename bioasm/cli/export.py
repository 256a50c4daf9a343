"""`bioasm export`: a problem file, or the problem of a program, in a format of others."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bioasm.cli import common
from bioasm.diagnostics import error
from bioasm.problems import ALIASES, EXPORTS, FORMATS

if TYPE_CHECKING:
    from bioasm.cli.main import Settings
    from bioasm.problems.accounts import Problem

_PROGRAMS = (".basm", ".bbc")


@common.command(
    "export",
    examples="""
        bioasm export problem.basm --to qubo -o problem.qubo
        bioasm export costs.qubo -o costs.lp
        bioasm import --generate G1 | bioasm export - --to gset
        bioasm export model.bqm --to terms
    """,
)
@click.argument("path", metavar="FILE")
@click.option("--to", "form", type=click.Choice([*EXPORTS, *ALIASES]), help="The format to write; by default that of OUTPUT's suffix.")  # noqa: E501  # fmt: skip
@click.option("--from", "given", type=click.Choice(list(FORMATS)), metavar="FORMAT", help="The format of FILE, where it is no program and its name and content do not tell it.")  # noqa: E501  # fmt: skip
@common.output_option("Where to write; by default standard output.")
@click.pass_obj
def command(console: Settings, /, path: str, form: str | None, given: str | None, output: str | None) -> None:
    """Write the problem in FILE, a program or a problem file, in another format.

    `-` reads a program from standard input, or with --from a problem. Offset, names of variables and sense go along, in
    comments where the format has no place for them; `bioasm import` reads them back.
    """
    from bioasm.problems.export import form_of, warnings_of, write

    if form is None and (output is None or output == common.STDIO):
        raise click.UsageError("--to names the format to write, or -o a file whose suffix does")
    wanted = form or form_of(str(output))
    energy, account = _problem(path, given)
    content = write(energy, account, wanted)
    common.report(tuple(warnings_of(account, wanted)), console)
    target = output or common.STDIO
    if wanted == "dimod":
        common.refuse_terminal(target)
    with common.binary_output(target) as stream:
        stream.write(content)


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
