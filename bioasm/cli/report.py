"""`bioasm report`: one page with the pictures, results and provenance of a saved result, and its program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bioasm.cli import common
from bioasm.cli.plot import beside, results, told

if TYPE_CHECKING:
    from bioasm.isa.program import Program
    from bioasm.results import Result


@common.command(
    "report",
    examples="""
        bioasm report r.npz --program problem.basm -o r.html
        bioasm report slow.npz fast.npz -o both.html
    """,
)
@click.argument("paths", metavar="RESULT...", nargs=-1, required=True)
@click.option("--program", metavar="PROGRAM", help="The program that ran, to be shown on the page.")
@click.option("--lane", type=click.IntRange(0), metavar="L", default=0, show_default=True, help="Of spikes and traces, which lane.")  # noqa: E501  # fmt: skip
@click.option("--target", type=common.AnyNumber(), metavar="E", help="Of success, the energy that counts; by default the lowest seen.")  # noqa: E501  # fmt: skip
@common.output_option("The page; by default RESULT with .html; `-` writes it to standard output.")
def command(paths: tuple[str, ...], program: str | None, lane: int, target: float | None, output: str | None) -> int:
    """Write a page about RESULT, a file that `bioasm run -o` wrote. It needs no other file and no network."""
    from bioasm.extras import require
    from bioasm.files import check_writable
    from bioasm.plot.kinds import Choice
    from bioasm.plot.page import page

    require("matplotlib", "plot", "a report")
    path = output or beside(paths[0], ".html")
    if path != common.STDIO:
        check_writable(path)
    named = results(paths)
    loaded = common.load(program) if program else None
    text = program_text(program, loaded) if program and loaded else ""
    note = _note(loaded, named[0][1]) if loaded else ""
    common.write_text(page(named, (), Choice(lane, target), text, note), path)
    if path != common.STDIO:
        told(path, output)
    return 0


def program_text(path: str, program: Program) -> str:
    """The text that a program was read from, or the text of bytecode."""
    from bioasm.binary import looks_like_bytecode
    from bioasm.files import unreadable

    if path == common.STDIO:
        content = b"".join(common.sources().chunks)
    else:
        try:
            content = Path(path).read_bytes()
        except OSError as cause:
            raise unreadable(path, cause) from None
    if content and not looks_like_bytecode(content[:64]):
        return content.decode("utf-8", "replace")
    from bioasm.text.disassemble import disassemble

    return disassemble(program)


def _note(program: Program, result: Result) -> str:
    """The note for a program whose bytes differ from those of the program that ran."""
    from bioasm.binary.writer import program_hash

    if program_hash(program) == result.program_sha256:
        return ""
    sys.stderr.write("note: the program has another hash than the one that ran; constants may have been set\n")
    return "This program has another hash than the one that ran. Constants may have been set (--set), or it was changed since."
