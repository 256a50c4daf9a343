"""`bioasm merge`: joins the results of pieces of the lanes to the result of the whole."""

from __future__ import annotations

import sys

import click

from bioasm.cli import common


@common.command(
    "merge",
    examples="""
        bioasm merge a.npz b.npz -o whole.npz
    """,
)
@click.argument("paths", metavar="PIECE...", nargs=-1, required=True)
@common.json_option
@common.output_option("Save the whole result, by suffix as `bioasm run -o` does; `-` writes npz to a pipe.")
def command(paths: tuple[str, ...], as_json: bool, output: str | None) -> int:
    """Join PIECEs, the results of runs with --lanes FIRST:END/ALL (.npz, .json, .h5 or .zarr), in any order.

    The result has the bytes of the result of all lanes in one run, but for its times.
    """
    from bioasm.results.reading import load
    from bioasm.sweeps.merge import merge

    _refuse_contradictions(paths, as_json, output)
    whole = merge([load(path) for path in paths], paths)
    if output == common.STDIO:
        from bioasm.results.files import write_npz

        with common.binary_output(output) as stream:
            write_npz(whole, stream)
        return 0
    if output:
        from bioasm.results.files import save

        save(whole, output)
    if as_json:
        from bioasm.results.json import to_text

        sys.stdout.write(to_text(whole, output))
        return 0
    from bioasm.results.summary import headline, summary

    sys.stdout.write(f"{headline(whole)}\n{summary(whole)}" + (f"saved {output}\n" if output else ""))
    return 0


def _refuse_contradictions(paths: tuple[str, ...], as_json: bool, output: str | None) -> None:
    """Refuse contradictory options before pieces are read."""
    if as_json and output == common.STDIO:
        raise click.UsageError("--json and -o - both write to standard output")
    if output is None:
        return
    from bioasm.results.files import check_place, suffix_of

    if output in paths:
        raise click.UsageError(f"{output} is a piece, and -o would take its place")
    common.refuse_terminal(output)
    suffix_of("-.npz" if output == common.STDIO else output)
    if output != common.STDIO:
        check_place(output)
