"""`bioasm emit-c`: the dynamics of a program as one C file."""

from __future__ import annotations

import click

from bioasm.cli import common


@common.command(
    "emit-c",
    examples="""
        bioasm emit-c olive.basm -o olive.c
        bioasm emit-c olive.basm | gcc -O2 -ffp-contract=off -x c - -lm -o olive
    """,
)
@common.program_argument
@common.output_option("Where to write the C file. By default standard output.")
@click.option("--seed", type=click.IntRange(0, (1 << 64) - 1), default=0, show_default=True, help="Seed of the test vector.")
@click.option("--lanes", type=click.IntRange(1, 1024), default=1, show_default=True, help="Lanes of the test vector.")
@click.option("--steps", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Steps of the test vector.")
def command(path: str, output: str | None, seed: int, lanes: int, steps: int) -> None:
    """Print the dynamics of PROGRAM as C11, with a test vector.

    The file needs no C library but sqrt. Its main runs steps that follow the program's first one from the memory that the cpu
    driver had then, and compares all arrays with those of the cpu driver: the same bytes. Its exit status is 0 where they are.
    """
    from bioasm.verifier.gate import verify
    from bioasm.vm.emit import emit_c

    common.write_text(emit_c(verify(common.load(path)), seed, lanes, steps), output)
