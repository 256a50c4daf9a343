"""`bioasm drivers`: the drivers that are installed, and whether they can be used."""

from __future__ import annotations

import sys
from typing import Any

from bioasm.cli import common
from bioasm.diagnostics import BioasmError


@common.command(
    "drivers",
    examples="""
        bioasm drivers
        bioasm drivers --json
    """,
)
@common.json_option
def command(as_json: bool) -> None:
    """List the drivers that can run programs, with their abilities.

    A driver of another package is found by its entry point in the group `bioasm.drivers`.
    """
    from bioasm.drivers import driver_names

    found = [described(name) for name in driver_names()]
    if as_json:
        common.print_json({"drivers": found})
    else:
        sys.stdout.write("\n".join(_page(driver) for driver in found))


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
