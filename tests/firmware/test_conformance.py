"""The conformance kit on the driver intan, with the firmware behind its port: a board of each kind that serves all checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from bioasm.drivers.intan.driver import IntanDriver
from bioasm.testing import driver_conformance_tests
from tests.firmware.boards import missing, running
from tests.firmware.conftest import IMAGES, make

pytestmark = pytest.mark.long
ABILITIES = {"core", "control", "kbody", "clamp", "start"}
FACTORIES: dict[str, Callable[[], IntanDriver]] = {}


@pytest.fixture(autouse=True, scope="module")
def boards(builds: Path) -> Iterator[None]:
    """A board of each kind for which this computer lacks nothing; afterwards they end."""
    with ExitStack() as ends:
        for kind in IMAGES:
            if missing(kind) is None:
                image = make(builds.joinpath("fast"), IMAGES[kind], SANITIZE="", OPTIMISE="-O2")
                FACTORIES[kind] = factory(ends.enter_context(running(kind, image)))
        yield


def factory(port: str) -> Callable[[], IntanDriver]:
    """What makes drivers for a port, which know what its board can do before they are connected."""
    with IntanDriver(port=port) as first:
        abilities, models = first.abilities, first.models

    def made() -> IntanDriver:
        driver = IntanDriver(port=port)
        driver.abilities, driver.models = abilities, models  # type: ignore[misc]
        return driver

    return made


def on(kind: str) -> IntanDriver:
    """A driver for the board of a kind."""
    lack = missing(kind)
    if lack is not None:
        pytest.skip(lack)
    return FACTORIES[kind]()


@driver_conformance_tests(partial(on, "host"), abilities=ABILITIES)
class TestHost:
    pass


@driver_conformance_tests(partial(on, "m7"), abilities=ABILITIES)
class TestCortexM7:
    pass


@driver_conformance_tests(partial(on, "m4"), abilities=ABILITIES)
class TestCortexM4:
    pass
