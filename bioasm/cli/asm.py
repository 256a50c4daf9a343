"""`bioasm asm`: a program text becomes bytecode."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bioasm.cli import common


@common.command(
    "asm",
    examples="""
        bioasm asm problem.basm -o problem.bbc
        bioasm asm problem.basm | bioasm run - --seed 1
        bioasm asm -g problem.basm -o debug.bbc
    """,
)
@common.program_argument
@common.output_option("Where to write. By default standard output; where that is a terminal, PROGRAM's name with .bbc.")
@click.option("-g", "debug", is_flag=True, help="Keep the place in the text of each instruction, for messages.")
def command(path: str, output: str | None, debug: bool) -> None:
    """Assemble PROGRAM, a text, into bytecode.

    PROGRAM may be `-` for standard input. What already is bytecode is written again in canonical form. The program is
    not verified: `bioasm check` does that, and no driver runs what was not verified.
    """
    from bioasm.binary.writer import write
    from bioasm.isa.program import check_unchanged

    target = output or default_output(path, common.is_terminal(sys.stdout))
    common.refuse_terminal(target)
    program = common.load(path, debug=debug)
    with common.binary_output(target) as stream:
        try:
            write(program, stream)
        finally:
            check_unchanged(program)  # the system refuses to write from pages that are gone, and does not say why
    if output is None and target != common.STDIO:
        click.echo(f"wrote {target}", err=True)


def default_output(path: str, terminal: bool) -> str:
    """The default output of bytecode: standard output if piped, else a file next to the text."""
    return str(Path(path).with_suffix(".bbc")) if terminal and path != common.STDIO else common.STDIO
