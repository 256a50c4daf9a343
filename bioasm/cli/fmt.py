"""`bioasm fmt`: program texts in the standard form."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from bioasm.cli import common
from bioasm.diagnostics import EXIT_FAULT, EXIT_OK, BioasmError

if TYPE_CHECKING:
    from bioasm.cli.main import Settings


@common.command(
    "fmt",
    examples="""
        bioasm fmt problem.basm                  prints it
        bioasm fmt -i programs/*.basm            rewrites the files
        bioasm fmt --check programs/*.basm       for continuous integration
        bioasm fmt --diff problem.basm
    """,
    exits={1: "a text is wrong, or with --check or --diff: is not in the standard form"},
)
@common.programs_argument
@click.option("-i", "in_place", is_flag=True, help="Rewrite the files.")
@click.option("--check", is_flag=True, help="Print the names of files that would change, and nothing else.")
@click.option("--diff", is_flag=True, help="Print what would change.")
@click.pass_context
def command(ctx: click.Context, paths: tuple[str, ...], in_place: bool, check: bool, diff: bool) -> int:
    """Print each PROGRAM, a text, in the standard form. Comments and meaning stay as they are.

    A PROGRAM may be `-` for standard input.
    """
    treat = _treatment(ctx, paths, in_place, check, diff)
    return max(_one(path, treat, ctx.obj) for path in paths)


# What is done with a file, its text and its formatted text; the answer is an exit code.
Treatment = Callable[[str, str, str], int]


def _treatment(ctx: click.Context, paths: tuple[str, ...], in_place: bool, check: bool, diff: bool) -> Treatment:
    if in_place + check + diff > 1:
        raise click.UsageError("-i, --check and --diff exclude each other", ctx)
    if in_place and common.STDIO in paths:
        raise click.UsageError("-i needs files; standard input can't be rewritten", ctx)
    return _rewrite if in_place else _name if check else _difference if diff else _print


def _one(path: str, treat: Treatment, settings: Settings) -> int:
    from bioasm.loading import STDIN_NAME, read_text
    from bioasm.text.format import format_text

    source = STDIN_NAME if path == common.STDIO else path
    try:
        text = read_text(path, common.sources())
        return treat(source, text, format_text(text, source=source))
    except BioasmError as wrong:
        common.report(wrong.diagnostics, settings)
        return wrong.exit_code


def _print(source: str, text: str, formatted: str) -> int:
    sys.stdout.write(formatted)
    return EXIT_OK


def _rewrite(source: str, text: str, formatted: str) -> int:
    if text != formatted:
        common.write_text(formatted, source)
    return EXIT_OK


def _name(source: str, text: str, formatted: str) -> int:
    if text == formatted:
        return EXIT_OK
    sys.stdout.write(f"{source}\n")
    return EXIT_FAULT


def _difference(source: str, text: str, formatted: str) -> int:
    import difflib

    lines = (text.splitlines(keepends=True), formatted.splitlines(keepends=True))
    difference = list(difflib.unified_diff(*lines, source, f"{source} (standard form)"))
    sys.stdout.writelines(line if line.endswith("\n") else line + "\n" for line in difference)
    return EXIT_FAULT if difference else EXIT_OK
