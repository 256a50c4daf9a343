"""`bioasm help`: the page of an instruction, or the list of all instructions."""

from __future__ import annotations

import sys
import textwrap

import click

from bioasm.cli import common
from bioasm.diagnostics import did_you_mean
from bioasm.isa.table import BY_MNEMONIC, ROWS, Row, Slot, group_of
from bioasm.reference import describe_kind

_WIDTH = 88


@common.command(
    "help",
    examples="""
        bioasm help
        bioasm help RUN
    """,
)
@click.argument("mnemonic", required=False)
@click.pass_context
def command(ctx: click.Context, mnemonic: str | None) -> None:
    """Explain the instruction MNEMONIC; without MNEMONIC list all instructions.

    `bioasm --help` explains the command line.
    """
    sys.stdout.write(all_instructions() if mnemonic is None else page(_known(ctx, mnemonic)))


def _known(ctx: click.Context, mnemonic: str) -> Row:
    row = BY_MNEMONIC.get(mnemonic.upper())
    if row is None:
        hint = did_you_mean(mnemonic, BY_MNEMONIC) or "`bioasm help` lists them all"
        raise click.UsageError(f"there is no instruction {mnemonic}; {hint}", ctx)
    return row


def all_instructions() -> str:
    """All instructions by groups: form and summary."""
    lines, group = [], ""
    width = max(len(row.form) for row in ROWS)
    for row in ROWS:
        if group_of(row) != group:
            group = group_of(row)
            lines += ["", group]
        lines.append(f"  {row.form:<{width}}  {row.summary}")
    return "\n".join(lines[1:]) + "\n\n`bioasm help MNEMONIC` tells more.\n"


def page(row: Row) -> str:
    """Form, operands, prose and example of one instruction."""
    parts = [
        f"{row.form}\n    {row.summary}\n",
        _operands(row),
        textwrap.fill(row.prose, _WIDTH, break_on_hyphens=False) + "\n",
    ]
    parts.append("Example:\n" + textwrap.indent(row.example, "    "))
    parts.append(f"Opcode 0x{row.opcode:02x}. Drivers that run it have the ability `{row.needs}`.\n")
    return "\n".join(part for part in parts if part)


def _operands(row: Row) -> str:
    return "".join(_operand(slot) for slot in row.slots)


def _operand(slot: Slot) -> str:
    optional = " (may be left out)" if slot.optional else ""
    return textwrap.fill(
        f"{slot.name}: {describe_kind(slot.kind)}{optional}", _WIDTH, initial_indent="  ", subsequent_indent="      "
    ) + "\n"  # fmt: skip
