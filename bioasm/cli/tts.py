"""`bioasm tts`: the time to target of programs, with confidence over seeds and lanes, as a table and a picture."""

from __future__ import annotations

import sys
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioasm.cli import common

if TYPE_CHECKING:
    from bioasm.results.success import Estimate, Tries

Named = list[tuple[str, "Tries"]]


@common.command(
    "tts",
    examples="""
        bioasm tts problem.basm --target -11624 --seeds 10 --lanes 8
        bioasm tts slow.basm fast.basm --target -11624 --lanes 32 --plot success.svg
        bioasm tts problem.basm --target -13358 --set sweeps=200 --json
    """,
    exits={1: "a program or a run is at fault", 130: "interrupted"},
)
@common.programs_argument
@click.option("--target", type=common.AnyNumber(), required=True, metavar="E", help="The energy to be reached, or a lower one.")
@click.option("--seeds", type=click.IntRange(1, 1 << 20), metavar="N", default=4, show_default=True, help="How many seeds each program is run with, from --seed on.")  # noqa: E501  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**63), metavar="N", default=0, show_default=True, help="The first seed.")
@click.option("--lanes", type=click.IntRange(1, 1 << 24), metavar="L", default=8, show_default=True, help="Tries of each run.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Replace a constant, or the default of a parameter.")  # noqa: E501  # fmt: skip
@click.option("--confidence", type=common.Number(0, 1, min_open=True, max_open=True), default=0.99, show_default=True, metavar="P", help="With what probability the target is to be reached.")  # noqa: E501  # fmt: skip
@click.option("--driver", metavar="NAME", default="cpu", show_default=True, help="What runs them; see `bioasm drivers`.")
@common.json_option
@click.option("--plot", "picture", metavar="FILE", help="Draw the share of tries over time: .svg, .png or .pdf.")
def command(paths: tuple[str, ...], picture: str | None, as_json: bool, confidence: float, **wanted: Any) -> int:
    """Run each PROGRAM with several seeds, and tell in what time it reaches an energy with the confidence.

    Each lane of each seed is a try. The time is that of as many tries of the best length as are needed, in sweeps or seconds of
    the model, with an interval of 95 %, and in seconds of this machine. docs/problems.md says how it is counted.
    """
    from bioasm.results.success import estimate

    if picture is not None:
        from bioasm.plot.files import check_picture

        check_picture(picture)
    named = [(_label(path), _tried(path, **wanted)) for path in paths]
    estimates = [estimate(tries, confidence) for _, tries in named]
    if as_json:
        common.print_json(_as_json(named, estimates, wanted["target"], confidence))
    else:
        sys.stdout.write(_table(named, estimates, confidence))
    if picture is not None:
        _draw(named, wanted["target"], picture)
    return 0


def _label(path: str) -> str:
    return "standard input" if path == common.STDIO else Path(path).stem


def _tried(path: str, target: float, seeds: int, seed: int, lanes: int, settings: tuple[str, ...], driver: str) -> Tries:
    """All tries of one program."""
    from bioasm.api.tts import time_to_target
    from bioasm.drivers import RunOptions
    from bioasm.drivers.registry import make_driver
    from bioasm.settings import split_settings, verified_program

    verified, parameters = verified_program(common.load(path), split_settings(settings))
    with make_driver(driver, {}) as made:
        options = RunOptions(lanes=lanes, parameters=parameters)
        return time_to_target(verified.program, made, target, range(seed, seed + seeds), options)


# --- what is told -----------------------------------------------------------------------------------


def _table(named: Named, estimates: list[Estimate], confidence: float) -> str:
    """A row for each program, columns of one width."""
    unit = named[0][1].unit
    head = ("program", "reached", "share (95 %)", f"median [{unit}]", f"best length [{unit}]",
            f"time to {confidence:.4g} [{unit}] (95 %)", "on this machine")  # fmt: skip
    rows = [head, *(_row(label, tries, found) for (label, tries), found in zip(named, estimates, strict=True))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(line.rstrip() + "\n" for line in lines)


def _row(label: str, tries: Tries, found: Estimate) -> tuple[str, ...]:
    low, share, high = found.share
    least, time, most = found.time
    return (
        label,
        f"{found.successes} of {found.tries}",
        f"{share:.3g} ({low:.2g} to {high:.2g})",
        _number(found.median),
        _number(found.length) if found.successes else "-",
        f"{_number(time)} ({_number(least)} to {_number(most)})" if found.successes else f"more than {_number(least)}",
        f"{tries.seconds * time / tries.end:.3g} s" if found.successes and tries.end else "-",
    )


def _number(value: float) -> str:
    if not isfinite(value):
        return "never"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _as_json(named: Named, estimates: list[Estimate], target: float, confidence: float) -> Any:
    rows = [
        {
            "program": label,
            "successes": found.successes,
            "tries": found.tries,
            "share": list(found.share),
            "median": _finite(found.median),
            "length": found.length,
            "time_to_target": [_finite(value) for value in found.time],
            "unit": tries.unit,
            "seconds": _finite(tries.seconds * found.time[1] / tries.end if tries.end else inf),
            "hits": [_finite(value) for value in tries.hits.tolist()],
        }
        for (label, tries), found in zip(named, estimates, strict=True)
    ]
    return {"target": target, "confidence": confidence, "programs": rows}


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _draw(named: Named, target: float, path: str) -> None:
    from bioasm.plot.energies import alt_shares, draw_shares
    from bioasm.plot.files import keep
    from bioasm.plot.style import new_figure, rendered, settle, style

    with style():
        figure = new_figure(2.8)
        draw_shares(figure.subplots(), named, "tries", target)
        settle(figure)
    keep(path, rendered(figure, Path(path).suffix[1:].lower(), alt_shares(named, "tries", target)))
