"""`bioasm jobs`: the jobs of a server, and the tokens of a server's folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioasm.cli import common
from bioasm.diagnostics import EXIT_OK, BioasmError

if TYPE_CHECKING:
    from bioasm.cli.main import Settings
    from bioasm.drivers.remote.client import Client
    from bioasm.results import Result
    from bioasm.serve.store import Store

EXAMPLES = """
    bioasm jobs list --at ssh://rig
    bioasm jobs wait 3f1c09ab77e2 --at ssh://rig -o result.npz
    bioasm jobs fetch 3f1c09ab77e2 --at ssh://rig --only best_state,best_energy -o best.npz
    bioasm jobs cancel 3f1c09ab77e2 --at ssh://rig
    bioasm jobs token-add ada --rights submit,read --quota lanes=64 --days 90
"""
_RUN_EXITS = {3: "the server or its device was lost", 130: "interrupted; the job goes on"}


class Group(click.Group):
    """The actions, with the examples and exit statuses that each command's help ends with."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the blocks `Examples:` and `Exit status:`."""
        exits = {code: common.EXIT_MEANINGS[code] for code in (0, 1, 2)}
        common.write_epilog(formatter, EXAMPLES, {**exits, **_RUN_EXITS})


@click.group("jobs", cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """List, join, fetch and cancel the jobs of a server, and manage its tokens.

    A job is named by its id or the first characters of it.
    """


def server_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: where the server is, and what lets one in."""
    for option in (
        click.option("--ca", metavar="FILE", help="Certificates that the server's is checked against."),
        click.option("--token", metavar="FILE", help="File of the token; else BIOASM_TOKEN, or ~/.config/bioasm/remote.toml."),
        click.option("--at", metavar="ADDRESS", help="The server, as in --driver-option at=; else BIOASM_REMOTE."),
    ):
        function = option(function)
    return function


def _client(at: str | None, token: str | None, ca: str | None) -> Client:
    from bioasm.drivers.remote.driver import make_client

    return make_client(at, token, ca)


def _action(name: str, example: str, exits: dict[int, str] | None = None) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: make a function the action `name` of the group."""

    def decorate(function: Callable[..., Any]) -> Any:
        made = common.command(name, examples=example, exits=exits)(function)
        command.add_command(made)
        return made

    return decorate


# --- looking ----------------------------------------------------------------------------------------


@_action("list", "bioasm jobs list --at ssh://rig")
@server_options
@common.json_option
def list_jobs(at: str | None, token: str | None, ca: str | None, as_json: bool) -> int:
    """List the newest jobs of a server."""
    found = _client(at, token, ca).call("GET", "/v1/jobs").json()
    if as_json:
        common.print_json(found)
    else:
        sys.stdout.write("".join(_line(job) for job in found.get("jobs", [])) or "there are no jobs\n")
    return EXIT_OK


def _line(job: dict[str, Any]) -> str:
    from bioasm.diagnostics.render import visible

    age = _ago(job.get("created"))
    words = (str(job.get(name)) for name in ("device", "model", "n"))
    device, model, n = (visible(word) for word in words)
    state = visible(str(job.get("status") or job.get("state")))
    return f"{visible(str(job.get('id')))[:12]}  {state:<12} {device:<10} {model}, n {n}, {age}\n"


def _ago(created: Any) -> str:
    seconds = max(0.0, time.time() - created) if isinstance(created, float) else 0.0
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


@_action("show", "bioasm jobs show 3f1c09ab77e2 --at ssh://rig")
@click.argument("job")
@server_options
def show(job: str, at: str | None, token: str | None, ca: str | None) -> int:
    """Print all that the server says of a job, as JSON."""
    common.print_json(_client(at, token, ca).job(_named(job)))
    return EXIT_OK


def _named(job: str) -> str:
    """Validate a name as a component of a URL."""
    if not (8 <= len(job) <= 64 and set(job) <= set("0123456789abcdef")):
        raise click.UsageError(f"{job!r} is no job: at least 8 characters of its id, 0-9 and a-f")
    return job


# --- joining and fetching ---------------------------------------------------------------------------


@_action("wait", "bioasm jobs wait 3f1c09ab77e2 --at ssh://rig -o result.npz", _RUN_EXITS)
@click.argument("job")
@server_options
@common.json_option
@common.output_option("Save the result, by suffix as .npz, .json or .h5.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.pass_obj
def wait(settings: Settings, job: str, at: str | None, token: str | None, ca: str | None, as_json: bool,
         output: str | None, quiet: bool) -> int:  # fmt: skip
    """Join a job, wait for its end, and print its results as `bioasm run` does. Ctrl-C leaves it running."""
    from bioasm.cli.watch import Watch
    from bioasm.drivers.remote.driver import Follower, left

    client = _client(at, token, ca)
    said = client.job(_named(job))
    try:
        with Watch(show=not quiet and common.is_terminal(sys.stderr), leaves=True) as watch:
            Follower(client, str(said["id"]), watch).follow(int(said["after"]))
    except KeyboardInterrupt:
        raise left(job, str(client.place)) from None
    return _deliver(client, str(said["id"]), as_json, output, settings)


@_action("fetch", "bioasm jobs fetch 3f1c09ab77e2 --at ssh://rig -o result.npz", _RUN_EXITS)
@click.argument("job")
@server_options
@common.json_option
@common.output_option("Save the result, by suffix as .npz, .json or .h5.")
@click.option("--only", metavar="NAMES", help="Fetch these arrays alone, as .npz, as in state,best_energy; needs -o.")
@click.pass_obj
def fetch(settings: Settings, job: str, at: str | None, token: str | None, ca: str | None, as_json: bool,
          output: str | None, only: str | None) -> int:  # fmt: skip
    """Fetch the result of a job that ended, whole or in parts."""
    client = _client(at, token, ca)
    if only is None:
        return _deliver(client, str(client.job(_named(job))["id"]), as_json, output, settings)
    if output is None or as_json:
        raise click.UsageError("--only needs -o FILE, and no --json")
    from bioasm.drivers.remote.parts import fetch_parts

    data = fetch_parts(client, _named(job), only)
    with common.binary_output(output) as stream:
        stream.write(data)
    return EXIT_OK


def _deliver(client: Client, job: str, as_json: bool, output: str | None, settings: Settings) -> int:
    """Print and save a result; the error of a failed job follows its partial result."""
    from bioasm.drivers.remote.driver import finished

    fault: BioasmError | None = None
    try:
        result = finished(client, job)
    except BioasmError as failed:
        if failed.partial is None:
            raise
        fault, result = failed, failed.partial
    _print(result, as_json, output)
    if fault is not None:
        common.report(fault.diagnostics, settings)
    from bioasm.cli.run import EXIT_CODES

    return EXIT_CODES[result.status]


def _print(result: Result, as_json: bool, output: str | None) -> None:
    if output is not None:
        from bioasm.results.files import save

        save(result, output)
    if as_json:
        from bioasm.results.json import to_text

        sys.stdout.write(to_text(result, output))
        return
    from bioasm.results.summary import headline, summary

    sys.stdout.write(f"{headline(result)}\n{summary(result)}{f'saved {output}' + chr(10) if output else ''}")


@_action("cancel", "bioasm jobs cancel 3f1c09ab77e2 --at ssh://rig")
@click.argument("job")
@server_options
@click.option("--all", "everyone", is_flag=True, help="Also where others want it; needs the right admin.")
def cancel(job: str, at: str | None, token: str | None, ca: str | None, everyone: bool) -> int:
    """Cancel a job: it stops at once, and what it computed so far is kept. Where others want it too, it goes on for them."""
    query = "?for=all" if everyone else ""
    found = _client(at, token, ca).call("DELETE", f"/v1/jobs/{_named(job)}{query}").json()
    sys.stdout.write(f"{job} {_after_cancelling(found)}\n")
    return EXIT_OK


def _after_cancelling(job: dict[str, Any]) -> str:
    """The state of a job after a request to cancel it, in words."""
    from bioasm.diagnostics.render import visible
    from bioasm.drivers.remote.protocol import ENDED

    if job.get("state") == ENDED and job.get("status") != "interrupted":
        return f"had ended: {visible(str(job.get('status')))}"
    return "is cancelled" if job.get("state") == ENDED or job.get("wanted") == "cancel" else "goes on for others"


# --- tokens -----------------------------------------------------------------------------------------


def store_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: the folder of the server, on its machine."""
    return click.option("--store", metavar="FOLDER", help="The folder of the server, on its machine.")(function)


def _store(folder: str | None) -> Store:
    from bioasm.serve.store import Store, default_folder

    return Store(Path(folder).expanduser() if folder else default_folder())


@_action("token-add", "bioasm jobs token-add ada --rights submit,read --quota lanes=64 --days 90")
@click.argument("name")
@click.option("--rights", default="submit,read", show_default=True, help="Of submit, read, stimulate, admin.")
@click.option("--quota", "quotas", metavar="NAME=N", multiple=True, help="Most lanes, fuel, bytes or jobs. May be repeated.")
@click.option("--days", type=common.Number(0, min_open=True), help="After which it expires.")
@store_option
def token_add(name: str, rights: str, quotas: tuple[str, ...], days: float | None, store: str | None) -> int:
    """Make a token and print it, this once; the server keeps its hash."""
    from bioasm.serve.audit import Audit
    from bioasm.serve.tokens import add_token
    from bioasm.settings import split_settings

    most = {quota: _count(value) for quota, value in split_settings(quotas, "--quota").items()}
    with _store(store) as kept:
        token = add_token(kept, name, [right for right in rights.replace(" ", "").split(",") if right], most, days)
        Audit(kept.folder).write("token-add", "", "done", token=name, rights=rights)
    sys.stdout.write(f"{token}\n")
    return EXIT_OK


def _count(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 19):
        raise click.UsageError(f"{word!r} is no quota: a whole number")
    return int(word)


@_action("token-list", "bioasm jobs token-list")
@store_option
def token_list(store: str | None) -> int:
    """List tokens with their rights, quotas and ends."""
    from bioasm.serve.tokens import tokens

    with _store(store) as kept:
        known = tokens(kept)
    for one in known:
        quotas = "".join(f", {quota} {most:,}" for quota, most in one["quotas"].items())
        until = "" if one["expires"] is None else f", until {time.strftime('%Y-%m-%d %H:%M', time.localtime(one['expires']))}"
        sys.stdout.write(f"{one['name']}: {' '.join(one['rights'])}{quotas}{until}\n")
    return EXIT_OK


@_action("token-remove", "bioasm jobs token-remove ada")
@click.argument("name")
@store_option
def token_remove(name: str, store: str | None) -> int:
    """Let a token end at once."""
    from bioasm.serve.audit import Audit
    from bioasm.serve.tokens import remove_token

    with _store(store) as kept:
        remove_token(kept, name)
        Audit(kept.folder).write("token-remove", "", "done", token=name)
    return EXIT_OK
