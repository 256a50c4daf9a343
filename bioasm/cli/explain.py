"""`bioasm explain`: the page of an error code, or the list of all codes."""

from __future__ import annotations

import sys
import textwrap

import click

from bioasm.cli import common
from bioasm.diagnostics.codes import CODES

_WIDTH = 88


@common.command(
    "explain",
    examples="""
        bioasm explain B012
        bioasm explain
    """,
)
@click.argument("code", required=False)
@click.pass_context
def command(ctx: click.Context, code: str | None) -> None:
    """Explain the error CODE, such as B012; without CODE list all codes."""
    sys.stdout.write(all_codes() if code is None else page(_known(ctx, code)))


def _known(ctx: click.Context, code: str) -> str:
    name = code.upper() if code.upper() in CODES else f"B{code:0>3}"
    if name not in CODES:
        raise click.UsageError(f"there is no error code {code}; `bioasm explain` lists them all", ctx)
    return name


def all_codes() -> str:
    """One line a code."""
    return "".join(f"{code}  {row.title}\n" for code, row in CODES.items())


def page(code: str) -> str:
    """The title and the explanation of one code."""
    title, explanation = CODES[code]
    return f"{code}: {title}\n\n{textwrap.fill(explanation, _WIDTH, break_on_hyphens=False)}\n"
