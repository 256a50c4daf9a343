"""`bioasm disasm`: bytecode becomes program text."""

from __future__ import annotations

from bioasm.cli import common


@common.command(
    "disasm",
    examples="""
        bioasm disasm problem.bbc
        bioasm asm problem.basm -o - | bioasm disasm - -o again.basm
    """,
)
@common.program_argument
@common.output_option("Where to write; by default standard output.")
def command(path: str, output: str | None) -> None:
    """Print PROGRAM as text.

    PROGRAM is bytecode (or a text, which then loses its comments), or `-` for standard input. Assembling what is
    printed gives the same bytecode again, byte for byte.
    """
    from bioasm.isa.program import check_unchanged
    from bioasm.text.disassemble import disassemble

    program = common.load(path)
    text = disassemble(program)
    check_unchanged(program)
    common.write_text(text, output)
