"""The command `bioasm`: finds the subcommand, and turns every way of ending into a message and an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bioasm.cli.sources import Sources
    from bioasm.diagnostics import BioasmError

# Name, the module that holds it (imported when the command is used), and the line that `bioasm --help` shows.
COMMANDS: dict[str, tuple[str, str]] = {
    "asm": ("asm", "Assemble a program text into bytecode."),
    "disasm": ("disasm", "Print bytecode as program text."),
    "check": ("check", "Report what is wrong with programs, without running them."),
    "fmt": ("fmt", "Rewrite program texts in the standard form."),
    "run": ("run", "Run a program on a driver and print its results."),
    "sweep": ("sweep", "Run a program for many values, seeds and lanes on an executor, into a folder."),
    "tts": ("tts", "Measure in what time programs reach an energy, over seeds and lanes."),
    "merge": ("merge", "Join the results of pieces of the lanes to the result of the whole."),
    "plot": ("plot", "Draw saved results: spikes, traces, energies, success over time."),
    "report": ("report", "Write a page with the pictures, results and program of a run."),
    "verify": ("verify", "Run a program on two drivers and compare what they computed."),
    "test": ("test", "Run programs and check what their comments promise."),
    "import": ("import_", "Turn a problem file (graph, QUBO, ...) or a network (NIR, ...) into a program."),
    "export": ("export", "Write a problem, or that of a program, in another format."),
    "info": ("info", "Show what a program holds and needs."),
    "examples": ("examples", "List the example programs, print one, or copy some."),
    "new": ("new", "Make a project: a program, a test of it, and a CI file."),
    "help": ("help", "Explain an instruction, or list all instructions."),
    "emit-c": ("emit_c", "Print the dynamics of a program as C, with a test vector."),
    "firmware": ("firmware", "Print a neuron model as C for a microcontroller, or all that an image is made of."),
    "drivers": ("drivers", "List the drivers that can run programs."),
    "serve": ("serve", "Serve the devices of this machine to clients elsewhere."),
    "jobs": ("jobs", "List, join, fetch and cancel the jobs of a server; manage its tokens."),
    "emulate": ("emulate", "Serve an emulated board with a culture behind its electrodes."),
    "models": ("models", "List neuron models, mechanisms and synapses, or describe one."),
    "completion": ("completion", "Print the script that lets a shell complete commands and values."),
    "man": ("man", "Print manual pages, or write them all."),
    "explain": ("explain", "Explain an error code, or list all codes."),
}

COMPLETE = "_BIOASM_COMPLETE"  # set by the shell that wants words completed

EXAMPLES = """
    bioasm run problem.basm --seed 1
    bioasm asm problem.basm | bioasm disasm - | bioasm check -
"""


class Commands(click.Group):
    """The subcommands, each imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order in which a program passes through them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command called `cmd_name`."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"bioasm.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        if COMPLETE in os.environ:
            from bioasm.cli.values import give_values

            give_values(command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command named where there is no such command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from bioasm.diagnostics import did_you_mean

            hint = did_you_mean(args[0], COMMANDS) or "`bioasm --help` lists the commands."
            raise click.UsageError(f"there is no command '{args[0]}'; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the blocks `Examples:` and `Exit status:`."""
        from bioasm.cli.common import EXIT_MEANINGS, write_epilog

        write_epilog(formatter, EXAMPLES, EXIT_MEANINGS)


class Settings:
    """Settings of the whole command line: when to colour, and the sources that messages show lines of."""

    color = "auto"
    sources: Sources | None = None


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from bioasm.cli.version import version_lines

        click.echo("\n".join(version_lines()))
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version,
              help="Show the versions of bioasm and of what it runs on.")  # fmt: skip
def cli() -> None:
    """Assemble, check and run programs that make neurons compute."""


def main(args: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. Never raises, never shows a traceback."""
    settings = Settings()
    _open_closed_streams()
    _write_utf8()
    try:
        return _run(sys.argv[1:] if args is None else list(args), settings)
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return 130
    except BrokenPipeError:
        _drop_output()
        return 1
    except Exception as cause:  # noqa: BLE001  (whatever it is, the user gets a message and an exit code)
        if isinstance(cause, OSError):
            _drop_output()
        return _failed(cause, settings)


def _open_closed_streams() -> None:
    """Python has None where the shell closed a standard stream (`>&-`).

    Input is then empty, messages are dropped, and writing results fails: what was asked for must not be lost without a word.
    The number is taken as well, so that no file that is opened later gets what is meant for the stream.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: SIM115  (stays open until the process ends)


def _write_utf8() -> None:
    """Programs are UTF-8 in every locale, and so is what is printed; odd names of files keep their bytes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        if isinstance(sys.stdout.buffer, io.RawIOBase):
            sys.stdout = _with_buffer(sys.stdout)
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def _with_buffer(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """Buffered writer over a stream that `python -u` or PYTHONUNBUFFERED left without one.

    A raw stream drops what is left of a write that the system takes in part, as of a process that is stopped and goes on.
    """
    raw: Any = stream.detach()
    return io.TextIOWrapper(io.BufferedWriter(raw), line_buffering=True)


def _run(args: list[str], settings: Settings) -> int:
    if COMPLETE in os.environ:
        cli.main(args, prog_name="bioasm")
    try:
        with cli.make_context("bioasm", args, obj=settings) as context:
            code: Any = cli.invoke(context)
    except click.exceptions.Exit as done:
        code = done.exit_code
    sys.stdout.flush()
    return int(code or 0)


def _drop_output(name: str = "stdout") -> None:
    """Our output is not taken (`bioasm ... | head`, a full disk): let it go, so that Python's last flush does not fail too."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), getattr(sys, name).fileno())
    except (OSError, ValueError):
        setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  (stays open until the process ends)


def _failed(cause: Exception, settings: Settings) -> int:
    from bioasm.cli.common import report
    from bioasm.diagnostics import BioasmError

    failure = cause if isinstance(cause, BioasmError) else _explained(cause)
    try:
        report(failure.diagnostics, settings)
    except OSError:  # standard error is full or gone; the exit code is all that can be told
        _drop_output("stderr")
    return failure.exit_code


def _explained(cause: Exception) -> BioasmError:
    from bioasm.diagnostics import EXIT_INTERNAL, error
    from bioasm.files import reason

    if isinstance(cause, MemoryError):
        return error("B403", "the memory of this machine did not suffice", hint="try fewer lanes or neurons")
    if os.environ.get("BIOASM_DEBUG"):
        import traceback

        traceback.print_exception(cause)
    if isinstance(cause, OSError) and cause.filename is None:
        words = "standard output is closed" if cause.errno == errno.EBADF else reason(cause)
        return error("B302", f"can't write the output: {words}")
    hint = "please report it with the program and the command line; BIOASM_DEBUG=1 shows where it happened"
    return error("B901", f"internal error: {type(cause).__name__}: {cause}", hint=hint, exit_code=EXIT_INTERNAL)
