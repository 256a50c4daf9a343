"""`bioasm serve`: serves devices of this machine to clients elsewhere, as a queue of jobs that outlive their clients."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioasm.cli import common
from bioasm.cli.signals import heeded
from bioasm.diagnostics import EXIT_OK, error

if TYPE_CHECKING:
    from bioasm.serve.run import Settings

_NEEDED = ("starlette", "uvicorn")


@common.command(
    "serve",
    examples="""
        bioasm serve
        bioasm serve --driver cpu,workers=2 --driver intan,name=rig1,port=/dev/ttyACM0
        bioasm serve --bind 127.0.0.1:8440
        bioasm serve --bind 0.0.0.0:8443 --cert rig.pem --key rig.key
        bioasm serve --stdio
    """,
    exits={0: "ended by a signal"},
)
@click.option("--driver", "drivers", metavar="NAME[,OPTION=VALUE]...", multiple=True, default=("cpu",), show_default=True, help="A device that runs jobs: a driver with its options; beside these name=NAME for the device, and workers=N jobs at a time. May be repeated.")  # noqa: E501  # fmt: skip
@click.option("--bind", metavar="ADDRESS", default="", help="Where to listen: unix:PATH (by default FOLDER/socket), a loopback address and port, or with --cert and --key any HOST:PORT.")  # noqa: E501  # fmt: skip
@click.option("--store", metavar="FOLDER", help="Where jobs, results and tokens are kept.")
@click.option("--cert", metavar="FILE", help="Certificate (PEM) for TLS.")
@click.option("--key", metavar="FILE", help="Its private key.")
@click.option("--local", metavar="RIGHTS", default="submit,read", show_default=True, help="What those may do who come through a socket file without a token: submit, read, stimulate, admin.")  # noqa: E501  # fmt: skip
@click.option("--every", type=common.Number(0, min_open=True), metavar="SECONDS", default=10.0, show_default=True, help="Time between checkpoints of a job.")  # noqa: E501  # fmt: skip
@click.option("--body", type=click.IntRange(1, 1 << 20), metavar="MB", default=1024, show_default=True, help="Largest program that is taken.")  # noqa: E501  # fmt: skip
@click.option("--keep", type=common.Number(0), metavar="DAYS", default=30.0, show_default=True, help="How long jobs that ended are kept.")  # noqa: E501  # fmt: skip
@click.option("--stdio", is_flag=True, help="Speak through standard input and output, as ssh:// addresses ask for; starts a server if none runs.")  # noqa: E501  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Say nothing on standard error.")
def command(stdio: bool, store: str | None, quiet: bool, **wanted: Any) -> int:
    """Serve devices of this machine: programs come as jobs, wait for their device, and outlive their clients.

    The first line of standard output is the address that `--driver-option at=` takes. Ctrl-C ends it; jobs go on when it is
    started again. docs/remote.md tells the whole.
    """
    _check_installed()
    from bioasm.serve.store import default_folder

    folder = Path(store).expanduser() if store else default_folder()
    if stdio:
        from bioasm.serve.relay import relay
        from bioasm.serve.run import socket_file

        relay(folder, socket_file(folder))
        return EXIT_OK
    return _serve(_settings(folder, wanted), quiet)


def _check_installed() -> None:
    """Refuse early where the extra is not installed, or the system can't do it."""
    from importlib.util import find_spec

    if os.name != "posix":
        raise error("B503", "`bioasm serve` runs on Linux and macOS; its clients run anywhere")
    if not all(find_spec(name) for name in _NEEDED):
        raise error("B503", "`bioasm serve` needs Starlette and uvicorn", hint="pip install 'bioasm[serve]'")


def _settings(folder: Path, wanted: dict[str, Any]) -> Settings:
    from bioasm.serve.devices import check_names, parse_device
    from bioasm.serve.run import Settings
    from bioasm.serve.tokens import check_rights

    if bool(wanted["cert"]) != bool(wanted["key"]):
        raise click.UsageError("--cert and --key belong together")
    devices = [parse_device(text) for text in wanted["drivers"]]
    check_names(devices)
    rights = check_rights([word for word in wanted["local"].replace(" ", "").split(",") if word])
    chosen = {name: wanted[name] for name in ("bind", "cert", "key", "every", "keep")}
    return Settings(folder, devices, local=rights, body_bytes=wanted["body"] << 20, **chosen)


def _serve(settings: Settings, quiet: bool) -> int:
    from bioasm.serve.run import serve

    def ready(where: str) -> None:
        print(where, flush=True)  # whoever reads this may send signals and connect from now on
        if not quiet:
            names = ", ".join(device.name for device in settings.devices)
            sys.stderr.write(f"serve: {names}; jobs are kept in {settings.folder}; Ctrl-C ends it\n")
            sys.stderr.flush()

    serve(settings, ready, heeded())
    return EXIT_OK
