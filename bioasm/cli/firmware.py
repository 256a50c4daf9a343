"""`bioasm firmware`: models as C for the firmware, and the generated files of an image."""

from __future__ import annotations

from pathlib import Path

import click

from bioasm.cli import common


@common.command(
    "firmware",
    examples="""
        bioasm firmware --model hh_brainpy -o step.c
        bioasm firmware --folder build/firmware/generated --model hh_brainpy
    """,
)
@click.option("--model", "models", metavar="NAME", multiple=True, help="A model; several only with --folder.")
@click.option("--folder", metavar="DIR", help="Write all generated files of an image with these models there.")
@common.output_option("Where to write the C file of the model. By default standard output.")
def command(models: tuple[str, ...], folder: str | None, output: str | None) -> None:
    """Print a neuron model as C for the firmware.

    The file has the model's step and the tables by which the firmware finds its memory, parameters and words. Images have
    `lif_critical` and `ising` in any case; see docs/firmware.md.
    """
    from bioasm.firmware.model_file import model_file
    from bioasm.firmware.sources import write_sources

    if folder is not None:
        write_sources(Path(folder), models)
    elif len(models) == 1:
        common.write_text(model_file(models[0]), output)
    else:
        raise click.UsageError("give one --model, or --folder")
