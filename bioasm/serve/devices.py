"""Devices of a server, from its command line: `intan,name=rig1,port=/dev/ttyACM0`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bioasm.diagnostics import EXIT_USAGE, BioasmError, error
from bioasm.drivers import Driver
from bioasm.drivers.registry import find_driver, make_driver
from bioasm.serve.tokens import NAME

_WORKERS = 64


@dataclass(frozen=True, slots=True)
class Device:
    """A device: its name, the driver with its options, and the number of concurrent jobs (one for a rig)."""

    name: str
    driver: str
    options: dict[str, str] = field(default_factory=dict)
    workers: int = 1

    def text(self) -> str:
        """Serialise the device as JSON, for the process of a worker."""
        return json.dumps(asdict(self))

    def make(self) -> Driver:
        """A driver of the device, not connected."""
        return make_driver(self.driver, self.options)


def device_of(text: str) -> Device:
    """Deserialise a device from JSON."""
    return Device(**json.loads(text))


def parse_device(text: str) -> Device:
    """Parse a device of the command line. Raises BioasmError as `make_driver` does; B406 for a syntax error."""
    driver, *parts = text.split(",")
    known = {"name", "workers", *find_driver(driver).options}
    options: dict[str, str] = {}
    last = None
    for part in parts:
        name, equals, value = part.partition("=")
        if equals and name.strip() in known:
            last = name.strip()
            if last in options:
                raise _wrong(f"{last} of driver {driver} is given twice: {options[last]} and {value}", "give it once")
            options[last] = value
        elif last is not None:  # a comma within a value, as in culture=window=0.2,bias=0.3
            options[last] += f",{part}"
        else:
            raise _wrong(f"driver {driver} has no option {part!r}", f"its options are: {', '.join(sorted(known))}")
    device = Device(options.pop("name", driver), driver, options, _workers(driver, options.pop("workers", "1")))
    if not NAME.fullmatch(device.name):
        raise _wrong(f"{device.name!r} can't be the name of a device", "letters, digits and ._@- make a name")
    device.make()
    return device


def _workers(driver: str, word: str) -> int:
    if not (word.isascii() and word.isdigit() and 1 <= int(word[:5]) <= _WORKERS):
        raise _wrong(f"workers is {word!r}; it is a whole number from 1 to {_WORKERS}", "one worker runs one job at a time")
    if int(word) > 1 and find_driver(driver).remote:
        raise _wrong(f"driver {driver} stands for one device, which runs one job at a time", "leave workers out")
    return int(word)


def check_names(devices: Sequence[Device]) -> None:
    """Refuse devices with the same name, or the same port by different paths. Raises BioasmError B406."""
    seen: set[str] = set()
    for device in devices:
        if device.name in seen:
            raise _wrong(f"two devices are called {device.name}", "name one of them, as in cpu,name=second")
        seen.add(device.name)
    _check_ports([device for device in devices if not device.options.get("port", "emu:").startswith("emu:")])


def _check_ports(devices: Iterable[Device]) -> None:
    at: dict[str, str] = {}
    for device in devices:
        other = at.setdefault(os.path.realpath(device.options["port"]), device.name)
        if other != device.name:
            raise _wrong(f"{other} and {device.name} are at one port, {device.options['port']}", "a board is one device")


def _wrong(message: str, hint: str) -> BioasmError:
    return error("B406", message, hint=hint, exit_code=EXIT_USAGE)


def about(device: Device, driver: Driver) -> dict[str, Any]:
    """The abilities of a device, from its connected driver."""
    return {
        "name": device.name,
        "driver": device.driver,
        "summary": driver.summary,
        "abilities": sorted(driver.abilities),
        "models": sorted(driver.models),
        "reproducible": driver.reproducible,
        "checkpoints": keeps_checkpoints(driver),
        "stimulating": sorted(driver.stimulating),
    }


def keeps_checkpoints(driver: Driver) -> bool:
    """Whether runs of the driver can resume from a checkpoint."""
    return type(driver).checkpoint_seed is not Driver.checkpoint_seed
