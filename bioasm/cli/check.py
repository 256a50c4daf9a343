"""`bioasm check`: what is wrong with programs, without running them."""

from __future__ import annotations

import sys

import click

from bioasm.cli import common
from bioasm.diagnostics import EXIT_FAULT, EXIT_OK, BioasmError, Diagnostic
from bioasm.diagnostics.render import WRITERS


@common.command(
    "check",
    examples="""
        bioasm check problem.basm
        bioasm check programs/*.basm --strict
        bioasm check problem.basm --format sarif > findings.sarif
    """,
    exits={1: "an error was found (with --strict: or a warning)"},
)
@common.programs_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(list(WRITERS)),
    default="text",
    help="How to report: text goes to standard error; json (one object a line), sarif and github to standard output.",
)
@click.option("--strict", is_flag=True, help="Let warnings fail as well.")
@click.pass_context
def command(ctx: click.Context, paths: tuple[str, ...], form: str, strict: bool) -> int:
    """Assemble and verify each PROGRAM and report what is wrong.

    A PROGRAM is a text or bytecode, or `-` for standard input. Nothing is printed when all is fine.
    """
    found = [diagnostic for path in paths for diagnostic in findings(path)]
    if form != "text":
        sys.stdout.write(WRITERS[form](found))
    elif found:
        common.report(found, ctx.obj)
    fatal = any(strict or d.severity == "error" for d in found)
    return EXIT_FAULT if fatal else EXIT_OK


def findings(path: str) -> tuple[Diagnostic, ...]:
    """All errors, or all warnings, of one program."""
    from bioasm.demand.footprint import check_demand, demand, memory_warning
    from bioasm.isa.program import check_unchanged
    from bioasm.verifier.gate import verify

    try:
        verified = verify(common.load(path))
        check_unchanged(verified.program)
        needed = demand(verified)
        check_demand(needed.streamed, here=False)
        return (*verified.warnings, *memory_warning(needed))
    except BioasmError as wrong:
        return wrong.diagnostics
