"""`bioasm run`: runs a program on a driver and prints its results."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioasm.cli import common
from bioasm.diagnostics import EXIT_DEVICE, EXIT_FAULT, EXIT_INTERRUPTED, EXIT_OK, BioasmError, Diagnostic

if TYPE_CHECKING:
    from bioasm.cli.main import Settings
    from bioasm.drivers import Driver, Observer, RunOptions
    from bioasm.results import Result
    from bioasm.runtime.options import LaneSpan
    from bioasm.settings import LaneSettings
    from bioasm.verifier.gate import Verified

EXIT_CODES = {
    "finished": EXIT_OK,
    "time limit": EXIT_OK,
    "target reached": EXIT_OK,
    "out of fuel": EXIT_FAULT,
    "failed": EXIT_FAULT,
    "lost": EXIT_DEVICE,
    "interrupted": EXIT_INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Request:
    """The options of the command line."""

    path: str
    driver: str
    seed: int | None
    lanes: LaneSpan | None
    threads: int | None
    settings: tuple[str, ...]
    by_lane: tuple[str, ...]
    fuel: int | None
    time_limit: float | None
    target: float | None
    as_json: bool
    output: str | None
    checkpoint: str | None
    every: float
    resume: bool
    port: str | None
    substrate: str | None
    map: str | None
    record: str | None
    report: str | None
    live: bool
    driver_options: tuple[str, ...]
    quiet: bool


@common.command(
    "run",
    examples="""
        bioasm run problem.basm
        bioasm run problem.basm --seed 1 --lanes 16 --set T0=5
        bioasm run problem.basm --seed 1 --set-lanes T=0.5:4:64
        bioasm run problem.basm --seed 1 --lanes 0:2000/4096 -o first.npz
        bioasm run problem.bbc --json | jq .best_energy
        bioasm run problem.basm --time-limit 10 --target -11624
        bioasm run long.basm --checkpoint long.ckpt -o long.npz
        bioasm run long.basm --checkpoint long.ckpt --resume -o long.npz
        bioasm run problem.basm --driver intan --port /dev/ttyACM0
        bioasm run problem.basm --driver intan --port "emu:rhd2132?seed=1"
    """,
    exits={
        1: "the program or the run is at fault",
        3: "the device was lost",
        130: "interrupted; results so far printed",
    },
)
@common.program_argument
@click.option("--driver", metavar="NAME", default="cpu", show_default=True, help="What runs it; see `bioasm drivers`.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N", help="Seed of the noise. Drawn and reported where it is not given; the same seed gives the same results, for any number of threads.")  # noqa: E501  # fmt: skip
@click.option("--lanes", type=common.Lanes(), metavar="L", help="Independent copies, each with its own noise; FIRST:END/ALL runs a piece of them, for `bioasm merge`. Without it 1, or as many as --set-lanes has values.")  # noqa: E501  # fmt: skip
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads; by default as many as are useful.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Replace a constant of the program, or else the default of a parameter of its model. The value may have a unit. May be repeated.")  # noqa: E501  # fmt: skip
@click.option("--set-lanes", "by_lane", multiple=True, metavar="NAME=VALUES", help="Give each lane its own value of a constant or parameter: START:STOP:COUNT, or a list with commas. May be repeated.")  # noqa: E501  # fmt: skip
@click.option("--fuel", type=common.FUEL, metavar="N", help="Bound on instructions plus steps.")
@click.option("--time-limit", type=common.Number(0, min_open=True), metavar="SECONDS", help="End the run after that time, with what there is.")  # noqa: E501  # fmt: skip
@click.option("--target", type=common.AnyNumber(), metavar="E", help="End the run when an energy of at most E was seen.")
@common.json_option
@common.output_option("Save all results, by suffix as .npz (also without suffix), .json, .h5, .csv, .parquet, .zarr or .nwb; `-` writes npz to a pipe.")  # noqa: E501  # fmt: skip
@click.option("--report", metavar="FILE", help="Write a page (.html) with pictures, results, provenance and the program.")
@click.option("--live", is_flag=True, help="Show the run on a page in the browser while it goes on; this machine alone can open it.")  # noqa: E501  # fmt: skip
@click.option("--checkpoint", metavar="FILE", help="Keep a checkpoint there during the run and when it is interrupted.")
@click.option("--every", type=common.Number(0, min_open=True), metavar="SECONDS", default=60.0, show_default=True, help="Time between checkpoints.")  # noqa: E501  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on from the checkpoint.")
@click.option("--port", metavar="URL", help="Where a device driver finds its device: a serial port, or a URL.")
@click.option("--substrate", metavar="NAME", help="What of a device computes: its processor (twin) or its cells (culture).")
@click.option("--map", metavar="FILE", help="A device driver's electrode map: which neuron has which channels.")
@click.option("--record", metavar="FOLDER", help="Where a device driver puts recordings of what it measured.")
@click.option("--driver-option", "driver_options", multiple=True, metavar="NAME=VALUE", help="A further option of the driver; `bioasm drivers` lists them. May be repeated.")  # noqa: E501  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No progress and no warnings.")
@click.pass_context
def command(ctx: click.Context, /, **wanted: Any) -> int:
    """Verify PROGRAM, a text or bytecode or `-` for standard input, run it on a driver, and print its results.

    Ctrl-C stops the run and still prints what was computed; a second one aborts at once.
    """
    request = Request(**wanted)
    _refuse_contradictions(ctx, request)
    verified, options = _prepared(request, ctx.obj)
    started = time.perf_counter()
    result = _ran(request, verified, options)
    seconds = time.perf_counter() - started
    failures = [failure for failure in (_saved(request, result), _reported(request, verified, result)) if failure]
    code = _deliver(request, result, _news(request, verified, result), seconds, failures, ctx.obj)
    _clear(request, result, failures)
    return code


def _refuse_contradictions(ctx: click.Context, request: Request) -> None:
    """Refuse contradictory options before a long run, not after it."""
    if request.resume and not request.checkpoint:
        raise click.UsageError("--resume needs --checkpoint FILE", ctx)
    if request.checkpoint == common.STDIO:
        raise click.UsageError("a checkpoint is read again, so it needs a file", ctx)
    if request.as_json and request.output == common.STDIO:
        raise click.UsageError("--json and -o - both write to standard output", ctx)
    _refuse_one_file_for_two(ctx, request)
    if request.report:
        from bioasm.extras import require

        require("matplotlib", "plot", "a report")
    if request.output and request.output != common.STDIO:
        from bioasm.results.files import check_place

        check_place(request.output)
    for path in (request.checkpoint, request.report):
        if path and path != common.STDIO:
            from bioasm.files import check_writable

            check_writable(path)
    if request.checkpoint:
        from bioasm.files import check_replaceable

        check_replaceable(request.checkpoint)
    if request.output:
        from bioasm.results.files import suffix_of

        common.refuse_terminal(request.output)
        suffix_of("-.npz" if request.output == common.STDIO else request.output)


def _refuse_one_file_for_two(ctx: click.Context, request: Request) -> None:
    """Of two things that go into one file the first would be lost; devices and pipes take several."""
    roles = {"PROGRAM": request.path, "-o": request.output, "--checkpoint": request.checkpoint, "--report": request.report}
    taken: dict[Path, str] = {}
    for role, name in roles.items():
        if name is None or name == common.STDIO or (Path(name).exists() and not Path(name).is_file()):
            continue
        first = taken.setdefault(Path(name).resolve(), role)
        if first != role:
            raise click.UsageError(f"{first} and {role} are one file, {name}", ctx)


def _prepared(request: Request, console: Settings) -> tuple[Verified, RunOptions]:
    """The verified program with its constants replaced, and the options of the run."""
    from bioasm.settings import program_with_lanes, split_settings

    settings = split_settings(request.settings)
    chosen = program_with_lanes(common.load(request.path), settings, _by_lane(request.by_lane))
    verified = chosen.verified
    if verified.warnings and not request.quiet:
        common.report(verified.warnings, console)
    return verified, _options(request, chosen)


def _by_lane(settings: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    if not settings:
        return {}
    from bioasm.sweeps.values import axes

    return axes(settings, "--set-lanes")


def _options(request: Request, chosen: LaneSettings) -> RunOptions:
    from bioasm.drivers import RunOptions
    from bioasm.runtime.options import DEFAULT_FUEL, LaneSpan

    span = request.lanes or LaneSpan(0, chosen.longest, chosen.longest)
    return RunOptions(
        seed=request.seed or 0,
        **span.options,
        threads=request.threads,
        fuel=request.fuel or DEFAULT_FUEL,
        time_limit=request.time_limit,
        target=request.target,
        parameters=chosen.parameters,
        lane_constants=chosen.by_lane.constants,
        lane_parameters=chosen.by_lane.parameters,
        checkpoint=Path(request.checkpoint) if request.checkpoint else None,
        checkpoint_every=request.every,
        resume=request.resume,
    )


def _ran(request: Request, verified: Verified, options: RunOptions) -> Result:
    from bioasm.cli.watch import Watch
    from bioasm.drivers.registry import make_driver

    show = not request.quiet and common.is_terminal(sys.stderr)
    total = _total_steps(verified, options) if show or request.live else None
    made = make_driver(request.driver, _driver_options(request))
    watch = Watch(show, total, made.outlives)
    with made as driver, watch:
        chosen = replace(options, seed=_seed(request, driver), spool=_spool(request) if driver.spools else None)
        if not request.live:
            return _to_the_end(driver, verified, chosen, watch)
        from bioasm.cli.live import live_facts, live_page

        with live_page(watch, live_facts(verified, driver.name, options.lanes, total), lambda: watch.stopped) as feed:
            result = _to_the_end(driver, verified, chosen, feed)
            feed.status = result.status
            return result


def _to_the_end(driver: Driver, verified: Verified, options: RunOptions, observer: Observer) -> Result:
    """The Result, of a fault late in a run too: it must not cost what was computed before it."""
    try:
        return driver.run(verified, options, observer)
    except BioasmError as fault:
        if fault.partial is None:
            raise
        so_far: Result = fault.partial
        return so_far


def _total_steps(verified: Verified, options: RunOptions) -> int | None:
    """How many steps the whole program takes, None where what it computes decides."""
    from bioasm.demand.schedule import schedule

    found = schedule(verified, options.parameters, options.fuel)
    return found.steps if found.unknown is None else None


def _driver_options(request: Request) -> dict[str, str]:
    """Options for the driver's constructor."""
    from bioasm.diagnostics import EXIT_USAGE, error
    from bioasm.settings import split_settings

    named = {name: getattr(request, name) for name in ("port", "substrate", "map", "record")}
    given = {name: value for name, value in named.items() if value is not None}
    found = split_settings(request.driver_options, "--driver-option")
    if twice := next((name for name in found if name in given), None):
        raise error("B406", f"{twice} is given twice: by --{twice} and --driver-option {twice}", exit_code=EXIT_USAGE)
    return given | found


def _seed(request: Request, driver: Driver) -> int:
    """The seed that was given, or that of the run which is resumed, or a new one."""
    if request.seed is not None:
        return request.seed
    if request.resume and request.checkpoint:
        return driver.checkpoint_seed(Path(request.checkpoint))
    from bioasm.api.run import draw_seed

    return draw_seed()


def _deliver(
    request: Request,
    result: Result,
    new_diagnostics: list[Diagnostic],
    seconds: float,
    failures: list[BioasmError],
    console: Settings,
) -> int:
    """Print. A file that could not be written must not cost the results: they are printed all the same."""
    _print(request, result, seconds, request.output if not failures else None)
    findings = [*new_diagnostics, *(d for failure in failures for d in failure.diagnostics)]
    if findings:
        common.report(findings, console)
    return EXIT_CODES[result.status] or (failures[0].exit_code if failures else EXIT_OK)


def _reported(request: Request, verified: Verified, result: Result) -> BioasmError | None:
    if not request.report:
        return None
    from bioasm.cli.report import program_text
    from bioasm.plot.kinds import Choice
    from bioasm.plot.page import page

    label = "program" if request.path == common.STDIO else Path(request.path).stem
    try:
        text = program_text(request.path, verified.program)
        common.write_text(page([(label, result)], (), Choice(0, request.target), text), request.report)
    except BioasmError as failure:
        return failure
    return None


def _saved(request: Request, result: Result) -> BioasmError | None:
    if not request.output:
        return None
    from bioasm.results.files import save, write_npz

    try:
        if request.output == common.STDIO:
            with common.binary_output(common.STDIO) as stream:
                write_npz(result, stream)
        else:
            save(result, request.output)
    except BioasmError as failure:
        return failure
    return None


def _spool(request: Request) -> Path | None:
    """The folder next to `-o` to which a long run spools its recordings; none with a checkpoint, which holds them."""
    from bioasm.results.files import STREAMED, suffix_of

    path = request.output
    if path is None or path == common.STDIO or request.checkpoint or suffix_of(path) not in STREAMED:
        return None
    straight = Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir())  # /dev/null, a pipe
    return None if straight else Path(f"{path}.spool")


def _clear(request: Request, result: Result, failures: list[BioasmError]) -> None:
    """Remove the spool once all of it is in the file; else say where it is."""
    spool = _spool(request)
    if spool is None or not spool.is_dir():
        return
    from bioasm.vm.spool import is_ours

    if not is_ours(spool):
        return
    if failures or any(d.code == "B302" for d in result.diagnostics):
        sys.stderr.write(f"what was written while the program ran is in {spool}\n")
        return
    from shutil import rmtree

    rmtree(spool, ignore_errors=True)


def _print(request: Request, result: Result, seconds: float, file: str | None) -> None:
    if request.as_json:
        from bioasm.results.json import to_text

        sys.stdout.write(to_text(result, file))
        return
    from bioasm.results.summary import headline, summary

    saved = f"saved {file}\n" if file and file != common.STDIO else ""
    stream = sys.stderr if request.output == common.STDIO else sys.stdout
    stream.write(f"{headline(result)}\n{summary(result)}took {seconds:.3g} s\n{saved}")


def _news(request: Request, verified: Verified, result: Result) -> list[Diagnostic]:
    """The findings of a run that were not printed before it; a run that was cut short has at least one."""
    told = verified.warnings
    found = [d for d in result.diagnostics if d not in told and (d.severity == "error" or not request.quiet)]
    if result.status == "out of fuel" and not any(d.code == "B401" for d in found):
        found.append(Diagnostic("B401", f"out of fuel after {result.steps:,} steps", hint="raise it with --fuel"))
    if result.status == "lost" and not any(d.code == "B504" for d in found):
        found.append(Diagnostic("B504", f"the device was lost after {result.steps:,} steps"))
    return found
