"""`bioasm man`: manual pages, made from the same text as --help."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from bioasm.cli import common
from bioasm.diagnostics import EXIT_USAGE, did_you_mean, error


@common.command(
    "man",
    examples="""
        bioasm man run | man -l -
        bioasm man -o ~/.local/share/man/man1        all pages, where man finds them
    """,
)
@click.argument("name", metavar="[COMMAND]", required=False)
@common.output_option("Write the pages of all commands into this folder.")
def command(name: str | None, output: str | None) -> int:
    """Print the manual page of COMMAND, or of bioasm itself."""
    from bioasm.cli.main import COMMANDS

    if name is not None and name not in COMMANDS:
        hint = did_you_mean(name, COMMANDS) or "`bioasm --help` lists the commands"
        raise error("B301", f"there is no command {name}", hint=hint, exit_code=EXIT_USAGE)
    if output is None or output == common.STDIO:
        sys.stdout.write(page(name))
        return 0
    for each in [name] if name else [None, *COMMANDS]:
        _write(Path(output), each)
    return 0


def _write(folder: Path, name: str | None) -> None:
    from bioasm.files import unwritable, whole

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise unwritable(folder, cause) from cause
    with whole(folder / f"{_title(name)}.1") as stream:
        stream.write(page(name).encode())


def _title(name: str | None) -> str:
    return f"bioasm-{name}" if name else "bioasm"


def page(name: str | None) -> str:
    """The page of a command, or of the whole, as roff."""
    from bioasm import __version__
    from bioasm.cli.main import COMMANDS, cli

    context = click.Context(cli, info_name="bioasm", **cli.context_settings)
    found = cli.get_command(context, name) if name else cli
    assert found is not None
    if name:
        context = click.Context(found, info_name=name, parent=context, **found.context_settings)
    summary = COMMANDS[name][1] if name else cli.help or ""
    head = f'.TH "{_title(name).upper()}" "1" "" "bioasm {__version__}" "BioASM"'
    lines = [head, ".SH NAME", f"{_title(name)} \\- {_roff(summary.rstrip('.'))}", *_usage(found, context)]
    lines += [".SH DESCRIPTION", *_paragraphs(found.help or "")]
    lines += [*_options(found, context), *(_commands() if not name else ()), *_end(found)]
    return "\n".join(lines) + "\n"


def _usage(found: click.Command, context: click.Context) -> Iterator[str]:
    yield ".SH SYNOPSIS"
    yield _roff(f"{context.command_path} {' '.join(found.collect_usage_pieces(context))}")


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(text.replace("\b", "").strip().split("\n\n")):
        yield from (".PP",) if number else ()
        yield _roff(" ".join(paragraph.split()))


def _options(found: click.Command, context: click.Context) -> Iterator[str]:
    yield ".SH OPTIONS"
    for parameter in found.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            yield from (".TP", rf"\fB{_roff(record[0])}\fP", _roff(" ".join(record[1].split())))


def _commands() -> Iterator[str]:
    from bioasm.cli.main import COMMANDS

    yield ".SH COMMANDS"
    for name, (_, summary) in COMMANDS.items():
        yield from (".TP", rf"\fBbioasm-{_roff(name)}\fP(1)", _roff(summary))


def _end(found: click.Command) -> Iterator[str]:
    from bioasm.cli.main import EXAMPLES

    examples = found.examples if isinstance(found, common.Command) else EXAMPLES
    exits = found.exits if isinstance(found, common.Command) else common.EXIT_MEANINGS
    yield ".SH EXIT STATUS"
    for code, words in sorted(exits.items()):
        yield from (".TP", str(code), _roff(words))
    yield from (".SH EXAMPLES", ".nf", *(_roff(line.strip()) for line in examples.strip().splitlines()), ".fi")


def _roff(text: str) -> str:
    """Text in which nothing is a command of roff."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{plain}" if plain.startswith(".") else plain
