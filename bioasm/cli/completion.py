"""`bioasm completion`: the script that lets a shell complete commands, options, and their values."""

from __future__ import annotations

import sys

import click

from bioasm.cli import common


@common.command(
    "completion",
    examples="""
        bioasm completion bash >> ~/.bashrc
        bioasm completion zsh >> ~/.zshrc
        bioasm completion fish > ~/.config/fish/completions/bioasm.fish
    """,
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the script for SHELL. Commands, options, drivers, models, instructions, error codes and files are completed."""
    from click.shell_completion import get_completion_class

    from bioasm.cli.main import COMPLETE, cli

    kind = get_completion_class(shell)
    assert kind is not None
    sys.stdout.write(kind(cli, {}, "bioasm", COMPLETE).source() + "\n")
    return 0
