"""Parts that all subcommands share: the look of their help, input and output, colour, and how findings are reported."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

import click

from bioasm.diagnostics import Diagnostic, error

if TYPE_CHECKING:
    from bioasm.cli.main import Settings
    from bioasm.cli.sources import Sources
    from bioasm.isa.program import Program

    LanesType = click.ParamType[Any]
else:
    LanesType = click.ParamType  # the lowest version of click that will do has no generic one

STDIO = "-"
_LETTERS = 1 << 20  # that are encoded at a time
EXIT_MEANINGS = {
    0: "fine",
    1: "the program is at fault, or a file can't be read or written",
    2: "wrong usage",
    3: "the device was lost",
    4: "an internal error of bioasm",
    130: "interrupted",
}


# --- commands ---------------------------------------------------------------------------------------


class Command(click.Command):
    """A subcommand whose help ends with examples and exit statuses, and which takes --color."""

    def __init__(self, *args: Any, examples: str, exits: Mapping[int, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.exits = {**{code: EXIT_MEANINGS[code] for code in (0, 1, 2)}, **exits}
        self.params.append(_color_option())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the blocks `Examples:` and `Exit status:`."""
        write_epilog(formatter, self.examples, self.exits)


def write_epilog(formatter: click.HelpFormatter, examples: str, exits: Mapping[int, str]) -> None:
    """The end of a help text: one example a line, and what each exit code means."""
    with formatter.section("Examples"):
        for line in examples.strip().splitlines():
            formatter.write(f"  {line.strip()}\n")
    with formatter.section("Exit status"):
        formatter.write_dl([(str(code), meaning) for code, meaning in sorted(exits.items())])


def command(name: str, *, examples: str, exits: Mapping[int, str] | None = None) -> Callable[[Callable[..., Any]], Command]:
    """Decorator: make a function the subcommand `name`. `exits` adds to the meanings of 0, 1 and 2."""
    settings = {"help_option_names": ["-h", "--help"]}

    def decorate(function: Callable[..., Any]) -> Command:
        made = click.command(name, cls=Command, examples=examples, exits=exits or {}, context_settings=settings)(function)
        assert isinstance(made, Command)
        return made

    return decorate


def program_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: one program, from a file or `-`."""
    return click.argument("path", metavar="PROGRAM")(function)


def programs_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: one program or several, from files or `-`."""
    return click.argument("paths", metavar="PROGRAM...", nargs=-1, required=True)(function)


def output_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: `-o FILE`."""
    return click.option("-o", "--output", metavar="FILE", help=what)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)


class AnyNumber(click.types.FloatParamType):
    """A number; NaN is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or wrong usage."""
        number = super().convert(value, param, ctx)
        if number != number:
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


class Number(AnyNumber, click.FloatRange):
    """A number within bounds."""


class Lanes(LanesType):
    """A number of lanes, or a piece FIRST:END/ALL of them."""

    name = "lanes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The span of lanes, or wrong usage."""
        from bioasm.diagnostics import BioasmError
        from bioasm.settings import lane_span

        try:
            return lane_span(str(value))
        except BioasmError as wrong:
            self.fail("; ".join(str(part) for d in wrong.diagnostics for part in (d.message, d.hint) if part), param, ctx)


FUEL = click.IntRange(1, 2**63 - 1)


# --- colour and findings ----------------------------------------------------------------------------


def _color_option() -> click.Option:
    def keep(ctx: click.Context, _: click.Parameter, choice: str) -> None:
        if ctx.obj is not None:
            ctx.obj.color = choice

    return click.Option(
        ["--color"],
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        callback=keep,
        expose_value=False,
        is_eager=True,
        help="When to colour messages; auto heeds NO_COLOR, FORCE_COLOR and TERM.",
    )


def colored(stream: TextIO, choice: str = "auto") -> bool:
    """Whether to colour what goes to `stream`: by the user's choice, NO_COLOR, TERM, FORCE_COLOR, or by terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal(stream)


def is_terminal(stream: TextIO) -> bool:
    """Whether someone looks at `stream`."""
    return not stream.closed and stream.isatty()


def report(diagnostics: Iterable[Diagnostic], settings: Settings) -> None:
    """Show findings on standard error."""
    from bioasm.diagnostics.render import render_text

    shown = settings.sources.with_excerpts(diagnostics) if settings.sources else diagnostics
    sys.stdout.flush()
    sys.stderr.write(render_text(shown, color=colored(sys.stderr, settings.color)))
    sys.stderr.flush()


# --- input and output -------------------------------------------------------------------------------


def stdin() -> BinaryIO:
    """Standard input as bytes."""
    return sys.stdin.buffer


def sources() -> Sources:
    """The sources of the present command: standard input as a stream, and the lines that messages show."""
    from bioasm.cli.sources import Sources

    settings = click.get_current_context().obj
    settings.sources = settings.sources or Sources()
    kept: Sources = settings.sources
    return kept


def load(path: str, *, debug: bool = False) -> Program:
    """The program in a file, or in standard input for `-`. Raises BioasmError."""
    from bioasm.loading import load as loaded

    kept = sources()
    kept.paths.add(path)
    return loaded(path, kept, debug=debug)


def write_text(text: str, output: str | None) -> None:
    """Write text to a file, or to standard output where `output` is None or `-`."""
    if output is None or output == STDIO:
        sys.stdout.write(text)
        return
    from bioasm.files import whole

    with whole(output) as stream:
        for first in range(0, len(text), _LETTERS):
            stream.write(text[first : first + _LETTERS].encode())


@contextmanager
def binary_output(output: str) -> Iterator[BinaryIO]:
    """A stream for bytes: the file `output`, whole or absent, or standard output for `-`.

    Raises BioasmError B307 (exit code 2) rather than write bytes to a terminal.
    """
    if output != STDIO:
        from bioasm.files import whole

        with whole(output) as stream:
            yield stream
        return
    refuse_terminal(output)
    sys.stdout.flush()
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


def refuse_terminal(output: str) -> None:
    """Raise BioasmError B307 where bytes would go to a terminal."""
    if output == STDIO and is_terminal(sys.stdout):
        hint = "give -o FILE, or send the output into a pipe"
        raise error("B307", "bytes are not written to a terminal", hint=hint, exit_code=2)


def print_json(value: Any) -> None:
    """Print one JSON object on one line. NaN has no place in JSON, so the caller has turned it into None."""
    from bioasm.diagnostics.jsontext import dumps

    sys.stdout.write(dumps(value) + "\n")
