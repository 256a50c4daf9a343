"""`bioasm test`: runs programs and holds them to what their comments promise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from bioasm.cli import common
from bioasm.cli.junit import Case, write
from bioasm.diagnostics import EXIT_FAULT, EXIT_INTERRUPTED, EXIT_OK, BioasmError

if TYPE_CHECKING:
    from bioasm.drivers import Driver
    from bioasm.expectations import Outcome
    from bioasm.results import Result


@common.command(
    "test",
    examples="""
        bioasm test programs/*.basm
        bioasm test problem.basm --seed 1 --seed 2 --seed 3
        bioasm test problem.basm --driver brian2 --junit results.xml
    """,
    exits={1: "a promise is not kept, or a program is at fault or promises nothing that can be checked", 130: "interrupted"},
)
@common.programs_argument
@click.option("--driver", metavar="NAME", default="cpu", show_default=True, help="What runs them; see `bioasm drivers`.")
@click.option("--seed", "seeds", type=click.IntRange(0, 2**64 - 1), metavar="N", multiple=True, default=(1,), show_default=True, help="Seed of the noise. May be repeated.")  # noqa: E501  # fmt: skip
@click.option("--junit", metavar="FILE", help="Write the outcome as JUnit XML.")
@click.option("-q", "--quiet", is_flag=True, help="Only what failed.")
@click.pass_context
def command(
    ctx: click.Context, paths: tuple[str, ...], driver: str, seeds: tuple[int, ...], junit: str | None, quiet: bool
) -> int:
    """Run each PROGRAM, a text, and check what its comments promise behind `; Expect:`, such as `; Expect: cut = 12`."""
    from bioasm.drivers.registry import make_driver

    if junit:
        from bioasm.files import check_writable

        check_writable(junit)
    cases: list[Case] = []
    with make_driver(driver, {}) as made:
        for path in paths:
            for seed in seeds:
                found = list(_cases(path, seed, made, ctx))
                cases += found
                _tell(path, seed, found, quiet)
    if junit:
        write(junit, "bioasm test", cases)
    failed = sum(bool(case.failure) for case in cases)
    sys.stdout.write(f"{len(cases) - failed} passed, {failed} failed\n")
    return EXIT_FAULT if failed else EXIT_OK


def _cases(path: str, seed: int, driver: Driver, ctx: click.Context) -> Iterator[Case]:
    """One case for each promise; one for the run where it fails, and where nothing is promised."""
    from bioasm.diagnostics.render import render_text
    from bioasm.expectations import outcomes

    group, began = f"{path} seed {seed}", time.perf_counter()
    try:
        text, result = _ran(path, seed, driver)
    except BioasmError as fault:
        told = common.sources().with_excerpts(fault.diagnostics)
        yield Case(group, "runs", render_text(told, color=False).rstrip(), time.perf_counter() - began)
        return
    if result.status != "finished":
        if result.status == "interrupted":
            ctx.exit(EXIT_INTERRUPTED)
        yield Case(group, "runs", f"it ended {result.status}", time.perf_counter() - began)
    found = outcomes(text, result)
    if not found:
        yield Case(group, "promises something", "no comment like `; Expect: cut = 12` that can be checked")
    for number, outcome in enumerate(found):
        yield Case(group, outcome.clause.words, _failure(outcome), 0.0 if number else time.perf_counter() - began)


def _ran(path: str, seed: int, driver: Driver) -> tuple[str, Result]:
    from bioasm.cli.report import program_text
    from bioasm.runtime.options import RunOptions
    from bioasm.verifier.gate import verify

    program = common.load(path)
    return program_text(path, program), driver.run(verify(program), RunOptions(seed=seed))


def _failure(outcome: Outcome) -> str:
    if outcome.kept:
        return ""
    if outcome.found is None:
        return f"nothing is called {outcome.clause.name} in the result"
    shown = " ".join(f"{value:.10g}" for value in outcome.found[:8])
    return f"found {shown}{' ...' if len(outcome.found) > 8 else ''}"


def _tell(path: str, seed: int, found: list[Case], quiet: bool) -> None:
    failed = [case for case in found if case.failure]
    if failed or not quiet:
        sys.stdout.write(f"{'FAIL' if failed else 'ok  '} {path} (seed {seed}): {len(found) - len(failed)} of {len(found)}\n")
    for case in failed:
        sys.stdout.write(f"     {case.name}: {case.failure}\n".replace("\n", "\n     ").rstrip() + "\n")
    sys.stdout.flush()
