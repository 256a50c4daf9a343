"""Every program within the firmware's abilities gives the bytes of the driver cpu, over the link, on boards of each kind."""

from __future__ import annotations

import pytest

from bioasm.drivers.intan.driver import IntanDriver
from bioasm.loading import load
from bioasm.runtime.options import RunOptions
from bioasm.verifier.gate import verify
from tests.firmware.support import differences, on_cpu
from tests.firmware.test_conformance import factory
from tests.firmware.test_machine import LONG, PROGRAMS, TEXTS, WITHIN, text

pytestmark = pytest.mark.long


def test_every_program_gives_the_bytes_of_cpu(port: str) -> None:
    made = factory(port)
    programs = {name: load(str(PROGRAMS / f"{name}.basm")) for name in WITHIN if name not in LONG}
    for name, program in (programs | {name: text(words) for name, words in TEXTS.items()}).items():
        driver: IntanDriver = made()
        mine = driver.run(verify(program), RunOptions(seed=3))
        assert set(differences(mine, on_cpu(program, 3))) <= {"metadata"}, name
