"""`bioasm plot`: draws saved results."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bioasm.cli import common

if TYPE_CHECKING:
    from bioasm.plot.kinds import Choice
    from bioasm.results import Result

KIND_NAMES = ("energy", "raster", "traces", "histogram", "success", "isi", "phase", "weights", "cell")


@common.command(
    "plot",
    examples="""
        bioasm plot r.npz
        bioasm plot r.npz --kind energy --kind histogram -o r.png
        bioasm plot slow.npz fast.npz --kind success --target -11624 -o success.pdf
        bioasm plot r.npz -o r.html
        bioasm run problem.basm -o - | bioasm plot - -o r.svg
        bioasm plot sweep-folder --reading rate --over T0 --over I
    """,
)
@click.argument("paths", metavar="RESULT...", nargs=-1, required=True)
@click.option("--kind", "kinds", type=click.Choice(KIND_NAMES), multiple=True, help="What is drawn; by default energy, raster and traces, as far as the results have them. May be repeated.")  # noqa: E501  # fmt: skip
@click.option("--lane", type=click.IntRange(0), metavar="L", default=0, show_default=True, help="Of spikes and traces, which lane.")  # noqa: E501  # fmt: skip
@click.option("--target", type=common.AnyNumber(), metavar="E", help="Of success, the energy that counts; by default the lowest seen.")  # noqa: E501  # fmt: skip
@click.option("--reading", metavar="COLUMN", help="Of a sweep, which column of its table; by default the first number that the program emits, else best_energy or spikes.")  # noqa: E501  # fmt: skip
@click.option("--over", multiple=True, metavar="NAME", help="Of a sweep, over which setting, or which two; by default those with several values.")  # noqa: E501  # fmt: skip
@common.output_option("The picture, by suffix .svg, .png, .pdf or .html; by default RESULT with .svg; `-` writes SVG.")
def command(
    paths: tuple[str, ...],
    kinds: tuple[str, ...],
    lane: int,
    target: float | None,
    reading: str | None,
    over: tuple[str, ...],
    output: str | None,
) -> int:
    """Draw RESULT, a file that `bioasm run -o` wrote (.npz, .json, .h5 or .zarr), or `-` for .npz from standard input.

    Several results are laid over each other (energy, histogram, success) or below each other. Of the folder of a sweep a column
    of the table is drawn: median and quartiles over one setting, or a heat map of medians over two.
    """
    from bioasm.files import check_writable
    from bioasm.plot.files import check, write
    from bioasm.plot.kinds import Choice
    from bioasm.sweeps.store import is_sweep

    path = output or beside(paths[0], ".svg")
    if any(map(is_sweep, paths)):
        return _of_sweep(paths, path, reading, over, output)
    if reading is not None or over:
        raise click.UsageError("--reading and --over are of the folder of a sweep")
    check("-.svg" if path == common.STDIO else path)
    if path != common.STDIO:
        check_writable(path)
    named, choice = results(paths), Choice(lane, target)
    if path == common.STDIO:
        _print(named, kinds, choice)
        return 0
    write(named, path, kinds, choice)
    told(path, output)
    return 0


def _of_sweep(paths: tuple[str, ...], path: str, reading: str | None, over: tuple[str, ...], output: str | None) -> int:
    """Draw the table of a sweep."""
    from bioasm.plot.files import PICTURES, check, check_picture, keep
    from bioasm.sweeps.picture import drawn

    if len(paths) > 1:
        raise click.UsageError("one sweep is drawn at a time")
    if path == common.STDIO:
        check("-.svg", PICTURES)
        sys.stdout.write(drawn(paths[0], "svg", reading, over).decode())
        return 0
    check_picture(path)
    keep(path, drawn(paths[0], Path(path).suffix[1:].lower(), reading, over))
    told(path, output)
    return 0


def _print(named: list[tuple[str, Result]], kinds: tuple[str, ...], choice: Choice) -> None:
    from bioasm.plot.files import drawn

    sys.stdout.write(drawn(named, "svg", kinds, choice).decode())


def results(paths: tuple[str, ...]) -> list[tuple[str, Result]]:
    """The results in files, each with a short name."""
    from bioasm.results.reading import load, load_npz

    def read(path: str) -> tuple[str, Result]:
        if path == common.STDIO:
            return "standard input", load_npz(io.BytesIO(common.stdin().read()))
        return Path(path).stem, load(path)

    return [read(path) for path in paths]


def beside(path: str, suffix: str) -> str:
    """The name of a file that is made from `path` where none was given: the same with another suffix, in this folder."""
    return f"{'result' if path == common.STDIO else Path(path).stem or 'result'}{suffix}"


def told(path: str, given: str | None) -> None:
    """Say where the picture is, where the user did not say it."""
    if given is None:
        sys.stdout.write(f"wrote {path}\n")
