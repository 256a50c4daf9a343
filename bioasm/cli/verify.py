"""`bioasm verify`: runs a program on two drivers and compares what they computed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from bioasm.cli import common
from bioasm.diagnostics import EXIT_FAULT, EXIT_INTERRUPTED, EXIT_OK

if TYPE_CHECKING:
    from bioasm.cli.main import Settings
    from bioasm.verification.verify import Report, Request
    from bioasm.verifier.gate import Verified


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command line."""

    path: str
    against: str
    driver: str
    seed: int | None
    lanes: int | None
    settings: tuple[str, ...]
    fuel: int | None
    tolerance: float
    noise: str
    confidence: float
    driver_options: tuple[str, ...]
    against_options: tuple[str, ...]
    as_json: bool
    plot: str | None
    junit: str | None
    quiet: bool


LANES_FOR_STATISTICS = 64


@common.command(
    "verify",
    examples="""
        bioasm verify problem.basm --against brian2
        bioasm verify problem.basm --against brian2 --plot traces.png
        bioasm verify problem.basm --against brian2 --noise own --lanes 200
        bioasm verify problem.basm --against intan --against-option port=/dev/ttyACM0
    """,
    exits={1: "the drivers do not agree, or the program or a run is at fault", 130: "interrupted"},
)
@common.program_argument
@click.option("--against", metavar="NAME", required=True, help="The reference; see `bioasm drivers`.")
@click.option("--driver", metavar="NAME", default="cpu", show_default=True, help="What is held against it.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N", help="Seed of the noise; drawn and reported where it is not given.")  # noqa: E501  # fmt: skip
@click.option("--lanes", type=click.IntRange(1, 1 << 16), metavar="L", help=f"Independent copies; 1, or {LANES_FOR_STATISTICS} with --noise own.")  # noqa: E501  # fmt: skip
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Replace a constant of the program, or else the default of a parameter of its model. May be repeated.")  # noqa: E501  # fmt: skip
@click.option("--fuel", type=common.FUEL, metavar="N", help="Bound on instructions plus steps, for each side.")
@click.option("--tolerance", type=common.Number(0), metavar="X", default=1e-9, show_default=True, help="Largest deviation, as a share of the largest value of what is compared.")  # noqa: E501  # fmt: skip
@click.option("--noise", type=click.Choice(["same", "own"]), default="same", show_default=True, help="`own` lets the drivers draw their own noise, and compares statistics over lanes.")  # noqa: E501  # fmt: skip
@click.option("--confidence", type=common.Number(0.5, 1, max_open=True), metavar="C", default=0.999, show_default=True, help="Of the statistics: the chance that equal drivers pass.")  # noqa: E501  # fmt: skip
@click.option("--driver-option", "driver_options", multiple=True, metavar="NAME=VALUE", help="An option of the driver. May be repeated.")  # noqa: E501  # fmt: skip
@click.option("--against-option", "against_options", multiple=True, metavar="NAME=VALUE", help="An option of the reference. May be repeated.")  # noqa: E501  # fmt: skip
@common.json_option
@click.option("--plot", metavar="FILE", help="Draw both traces and their difference (.png, .pdf or .svg).")
@click.option("--junit", metavar="FILE", help="Write each compared thing as a test case of JUnit XML.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no warnings.")
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> int:
    """Run PROGRAM, a text or bytecode or `-` for standard input, on two drivers and compare everything that both compute.

    The state variables of all neurons and synapses are recorded on both sides, also where the program does not.
    """
    wanted = Wanted(**given)
    if wanted.plot:
        from bioasm.plot.files import check_picture

        check_picture(wanted.plot)
    if wanted.junit:
        from bioasm.files import check_writable

        check_writable(wanted.junit)
    verified, request = _prepared(wanted, ctx.obj)
    report = _compared(verified, request, wanted)
    return _deliver(report, wanted, ctx.obj)


def _prepared(wanted: Wanted, console: Settings) -> tuple[Verified, Request]:
    from bioasm.api.run import draw_seed
    from bioasm.drivers import RunOptions
    from bioasm.runtime.options import DEFAULT_FUEL
    from bioasm.settings import split_settings, verified_program
    from bioasm.verification.verify import Request

    verified, parameters = verified_program(common.load(wanted.path), split_settings(wanted.settings))
    if verified.warnings and not wanted.quiet:
        common.report(verified.warnings, console)
    lanes = wanted.lanes or (LANES_FOR_STATISTICS if wanted.noise == "own" else 1)
    seed = wanted.seed if wanted.seed is not None else draw_seed()
    options = RunOptions(seed=seed, lanes=lanes, fuel=wanted.fuel or DEFAULT_FUEL, parameters=parameters)
    own, chance = wanted.noise == "own", wanted.confidence
    ours = split_settings(wanted.driver_options, "--driver-option")
    theirs = split_settings(wanted.against_options, "--against-option")
    return verified, Request(wanted.driver, wanted.against, options, wanted.tolerance, own, chance, ours, theirs)


def _compared(verified: Verified, request: Request, wanted: Wanted) -> Report:
    from bioasm.cli.watch import Watch
    from bioasm.verification.verify import verify_drivers

    with Watch(show=not wanted.quiet and common.is_terminal(sys.stderr)) as watch:
        return verify_drivers(verified, request, watch)


def _deliver(report: Report, wanted: Wanted, console: Settings) -> int:
    from bioasm.verification.report import to_object, to_text

    if wanted.as_json:
        common.print_json(to_object(report))
    else:
        sys.stdout.write(to_text(report))
    faults = [*report.first.faults, *report.second.faults]
    if faults:
        common.report(dict.fromkeys(faults), console)
    if wanted.junit:
        _write_junit(report, wanted)
    if report.status == "interrupted":
        return EXIT_INTERRUPTED
    if wanted.plot:
        from bioasm.verification.plot import save

        save(report, wanted.plot)
    return EXIT_OK if report.agrees and not faults else EXIT_FAULT


def _write_junit(report: Report, wanted: Wanted) -> None:
    """A case for each row or statistic, and one for each driver, which fails with the faults of its run."""
    from bioasm.cli.junit import Case, write

    group = f"{wanted.path} {wanted.driver} against {wanted.against}"
    cases = [
        Case(group, f"{name} runs", "\n".join(f"{d.code}: {d.message}" for d in side.faults))
        for name, side in ((wanted.driver, report.first), (wanted.against, report.second))
    ]
    for row in report.rows:
        far = row.note or f"deviates by {row.deviation:.3g} of {row.scale:.3g}"
        cases.append(Case(group, row.name, "" if row.within else far))
    for one in report.comparisons:
        cases.append(Case(group, one.name, "" if one.agrees else f"differs in {one.what}, p {one.p:.3g}"))
    write(wanted.junit or "", "bioasm verify", cases)
