"""Values that a shell completes: names of drivers, models, instructions, error codes, examples, and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _among(names: Callable[[], Iterable[tuple[str, str]]]) -> Complete:
    """Completes one of some names, each with a line of help."""

    def complete(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
        fits = ((name, about) for name, about in names() if name.lower().startswith(begun.lower()))
        return [CompletionItem(name, help=about or None) for name, about in fits]

    return complete


def _drivers() -> Iterable[tuple[str, str]]:
    from bioasm.drivers.registry import driver_names

    return ((name, "") for name in driver_names())


def _models() -> Iterable[tuple[str, str]]:
    from bioasm.models import MODELS

    return ((name, MODELS.summary(name)) for name in MODELS)


def _mnemonics() -> Iterable[tuple[str, str]]:
    from bioasm.isa.table import ROWS

    return ((row.mnemonic, row.summary) for row in ROWS)


def _codes() -> Iterable[tuple[str, str]]:
    from bioasm.diagnostics.codes import CODES

    return ((code, entry.title) for code, entry in CODES.items())


def _examples() -> Iterable[tuple[str, str]]:
    from bioasm import programs

    return ((name, programs.title(name)) for name in programs.names())


def files(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Lets the shell complete the name of a file."""
    return [CompletionItem(begun, type="file")]


drivers, models, mnemonics, codes, examples = map(_among, (_drivers, _models, _mnemonics, _codes, _examples))

# Which values belong to a parameter, by its command (any for *) and name.
VALUES: dict[tuple[str, str], Complete] = {
    ("*", "driver"): drivers,
    ("*", "against"): drivers,
    ("*", "path"): files,
    ("*", "paths"): files,
    ("*", "output"): files,
    ("*", "checkpoint"): files,
    ("*", "report"): files,
    ("*", "plot"): files,
    ("*", "junit"): files,
    ("*", "map"): files,
    ("*", "program"): files,
    ("models", "name"): models,
    ("help", "mnemonic"): mnemonics,
    ("explain", "code"): codes,
    ("examples", "names"): examples,
}


def give_values(command: click.Command) -> click.Command:
    """Let the parameters of a command complete their values."""
    for parameter in command.params:
        found = VALUES.get((command.name or "", str(parameter.name))) or VALUES.get(("*", str(parameter.name)))
        if found is not None:
            parameter._custom_shell_complete = found
    return command
