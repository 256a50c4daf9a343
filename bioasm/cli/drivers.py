"""`bioasm drivers`: the drivers that are installed, and whether they can be used."""

from __future__ import annotations

import sys
from typing import Any

import click

from bioasm.cli import common
from bioasm.diagnostics import EXIT_DEVICE, EXIT_OK, BioasmError


@common.command(
    "drivers",
    examples="""
        bioasm drivers
        bioasm drivers --json
        bioasm drivers --probe
        bioasm drivers --probe --port "emu:rhd2132?seed=1"
    """,
    exits={3: "a board was asked for and none answered"},
)
@common.json_option
@click.option("--probe", is_flag=True, help="Greet what is at the serial ports, and list the boards that answer.")
@click.option("--port", "ports", multiple=True, metavar="URL", help="Probe this port. May be repeated.")
def command(as_json: bool, probe: bool, ports: tuple[str, ...]) -> int:
    """List the drivers that can run programs, with their abilities.

    A driver of another package is found by its entry point in the group `bioasm.drivers`. To probe a port opens it, which
    makes some boards start anew; nothing is uploaded, armed, cleared or run.
    """
    if probe or ports:
        return _probe(ports, as_json)
    from bioasm.drivers import driver_names

    found = [described(name) for name in driver_names()]
    if as_json:
        common.print_json({"drivers": found})
    else:
        sys.stdout.write("\n".join(_page(driver) for driver in found))
    return EXIT_OK


def described(name: str) -> dict[str, Any]:
    """A driver as a JSON object: name, summary, abilities, models, whether it is usable, and else what it lacks."""
    from bioasm.drivers import find_driver

    try:
        driver = find_driver(name)
    except BioasmError as lacking:
        words = "; ".join(d.message for d in lacking.diagnostics)
        return {"name": name, "summary": "", "abilities": [], "models": [], "options": {}, "usable": False, "lacks": words}
    return {
        "name": name,
        "summary": driver.summary,
        "abilities": sorted(driver.abilities),
        "models": sorted(driver.models),
        "options": dict(driver.options),
        "usable": True,
        "lacks": None,
    }


def _page(driver: dict[str, Any]) -> str:
    if not driver["usable"]:
        return f"{driver['name']}: not usable\n  {driver['lacks']}\n"
    lists = "".join(f"  {key}: {', '.join(driver[key])}\n" for key in ("models", "abilities"))
    options = "".join(f"  --driver-option {name}=...: {meaning}\n" for name, meaning in driver["options"].items())
    return f"{driver['name']}: {driver['summary']}\n{lists}{options}"


# --- boards -----------------------------------------------------------------------------------------


def _probe(ports: tuple[str, ...], as_json: bool) -> int:
    """List what answers. Where a port was named and none of them answers, the device is lost."""
    from bioasm.drivers.intan.probe import probe, serial_ports

    found = [each.as_dict() for each in probe([(port, "") for port in ports] or serial_ports())]
    if as_json:
        common.print_json({"ports": found})
    else:
        sys.stdout.write("".join(_port(each) for each in found) or "there are no serial ports here\n")
    return EXIT_DEVICE if ports and not any(each["board"] for each in found) else EXIT_OK


def _port(found: dict[str, Any]) -> str:
    name = f"{found['port']} ({found['description']})" if found["description"] else found["port"]
    board = found["board"]
    if board is None:
        return f"{name}: {found['trouble']}\n"
    chips = f"{', '.join(board['chips'])} ({board['channels']} channels at {board['sample_rate']:g} Hz)"
    kind = f"{'simulated' if board['simulated'] else 'real'}, {'stimulates' if board['stimulates'] else 'records only'}"
    lines = {
        "board": f"{board['uid']}, firmware {board['firmware']}, {kind}",
        "chips": chips,
        "runs": f"{' or '.join(board['substrates'])}, {board['neurons']} neurons, {board['lanes']} lanes",
        "state": board["state"],
    }
    return f"{name}\n" + "".join(f"  {word}: {text}\n" for word, text in lines.items())
