"""`bioasm examples`: lists the programs that come with BioASM, prints one, or copies some."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bioasm.cli import common
from bioasm.diagnostics import EXIT_USAGE, did_you_mean, error


@common.command(
    "examples",
    examples="""
        bioasm examples
        bioasm examples maxcut_petersen | bioasm run -
        bioasm examples -o programs                  copies all, with the files that they read
        bioasm examples waveform -o .
    """,
)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@common.output_option("Copy the examples, by default all, and the files that they read into this folder.")
def command(names: tuple[str, ...], output: str | None) -> int:
    """List the example programs, or print those that are named."""
    from bioasm import programs

    known = programs.names()
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or "`bioasm examples` lists them"
            raise error("B301", f"there is no example {name}", hint=hint, exit_code=EXIT_USAGE)
    if output is not None and output != common.STDIO:
        _copy(names or tuple(known), Path(output))
    elif names:
        sys.stdout.write("".join(programs.path(name).read_text(encoding="utf-8") for name in names))
    else:
        width = max(map(len, known))
        sys.stdout.write("".join(f"{name:<{width}}  {programs.title(name)}\n" for name in known))
    return 0


def _copy(names: tuple[str, ...], folder: Path) -> None:
    """Write the files that are not there; one that is there and differs is left, and refused before anything is written."""
    from bioasm import programs
    from bioasm.files import unwritable, whole

    wanted = dict.fromkeys(file for name in names for file in programs.files(name))
    new = [file for file in wanted if not (folder / file).exists()]
    for file in set(wanted) - set(new):
        if (folder / file).read_bytes() != (programs.FOLDER / file).read_bytes():
            raise error("B302", f"{folder / file} is there already and differs", hint="choose another folder")
    for file in new:
        target = folder / file
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as cause:
            raise unwritable(target, cause) from cause
        with whole(target) as stream:
            stream.write((programs.FOLDER / file).read_bytes())
    sys.stdout.write("".join(f"wrote {folder / file}\n" for file in new))
