"""Plugin registry: drivers by name, built-in ones from a table, others from the entry points `bioasm.drivers`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from bioasm.diagnostics import EXIT_USAGE, did_you_mean, error
from bioasm.drivers.base import Driver

GROUP = "bioasm.drivers"
BUILT_IN = {
    "cpu": "bioasm.drivers.cpu:CpuDriver",
    "gpu": "bioasm.drivers.gpu.driver:GpuDriver",
    "brian2": "bioasm.drivers.brian2.driver:Brian2Driver",
    "intan": "bioasm.drivers.intan.driver:IntanDriver",
    "remote": "bioasm.drivers.remote.driver:RemoteDriver",
    "cloud": "bioasm.drivers.remote.driver:RemoteDriver",
}


def _entry_points() -> dict[str, str]:
    """Installed drivers by name; the query is slow, so the built-in table comes first."""
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=GROUP)}


def driver_names() -> list[str]:
    """The names of all drivers, whether or not they can be used here."""
    return sorted({*BUILT_IN, *_entry_points()})


def find_driver(name: str) -> type[Driver]:
    """The class of a driver, without connecting to anything.

    Raises BioasmError: B501 for an unknown name, B503 where it can't be loaded.
    """
    target = BUILT_IN.get(name) or _entry_points().get(name)
    hint: str | None
    if target is None:
        hint = did_you_mean(name, driver_names()) or f"there are {', '.join(driver_names())}"
        raise error("B501", f"no driver is called {name!r}", hint=hint, exit_code=EXIT_USAGE)
    module, _, attribute = target.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except Exception as cause:  # an import of another package may fail in any way, which must not affect other drivers
        hint = f"pip install 'bioasm[{name}]'" if name in BUILT_IN and isinstance(cause, ModuleNotFoundError) else None
        why = cause if isinstance(cause, ImportError | AttributeError) else f"{type(cause).__name__}: {cause}"
        raise error("B503", f"driver {name} can't be loaded: {why}", hint=hint) from cause
    if not (isinstance(found, type) and issubclass(found, Driver)):
        raise error("B503", f"driver {name} can't be loaded: {target} is no class that derives from bioasm.drivers.Driver")
    return found


def make_driver(name: str, options: Mapping[str, str]) -> Driver:
    """A driver that is not connected, with options from a command line.

    Raises BioasmError: as `find_driver`, B406 where the driver has no such option or can't use its value.
    """
    found = find_driver(name)
    for option in options:
        if option not in found.options:
            known = ", ".join(found.options) or "none"
            hint = did_you_mean(option, found.options) or f"its options are: {known}"
            raise error("B406", f"driver {name} has no option {option!r}", hint=hint, exit_code=EXIT_USAGE)
    return found(**options)


def connect(name: str = "cpu", **options: Any) -> Driver:
    """A connected driver, as from pykoppu's `connect`. Options are passed to the driver's constructor."""
    driver = find_driver(name)(**options)
    driver.connect()
    return driver
