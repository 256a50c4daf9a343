"""What tests of the driver share: programs, a driver on a test board, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any
from unittest.mock import patch

import pytest

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.drivers import Observer, RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.intan.driver import IntanDriver
from bioasm.hardware.link.messages import Capabilities
from bioasm.results import Result
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify
from tests.intan.board import Script, TestBoard, board

ISING = "MODEL ising\nALC 3\nLDJ [[0, 1, 0], [1, 0, 1], [0, 1, 0]]\nSIG 1\nRUN 200 sweeps\nRD\nRD energy\n"
LIF = "ALC 2\nLDJ [[0, -1], [-1, 0]]\nRUN 20 ms\nRD\nRD spikes\n"
FOREVER = "MODEL ising\nALC 3\nLDJ [[0, 1, 0], [1, 0, 1], [0, 1, 0]]\nSIG 1\nRD\nRUN 400000000\n"
STIM = "ALC 2\nRUN 1 ms\nSTIM 0, 2 uA, 100 us\nRUN 1 ms\n"


@cache
def gate(text: str) -> Verified:
    """The verified program of a text, its kernel compiled: a test board that compiles would be silent for too long."""
    verified = verify(assemble(text))
    if not CpuDriver().missing(verified):
        with suppress(BioasmError):  # a fault of the program is for the test to see
            CpuDriver().run(verified, RunOptions(seed=1, fuel=50))
    return verified


@contextmanager
def connected(
    able: Capabilities | None = None, script: Script | None = None, **options: Any
) -> Iterator[tuple[IntanDriver, TestBoard]]:
    """A driver with a session on a test board."""
    with board(able, script) as (made, wire):
        opening = patch("bioasm.drivers.intan.driver.open_wire", lambda chosen: wire())
        with opening, IntanDriver(**{"port": "test", **options}) as driver:
            assert isinstance(driver, IntanDriver)
            yield driver, made


def ran(
    text: str, able: Capabilities | None = None, script: Script | None = None, observer: Observer | None = None,
    seed: int = 1, lanes: int = 1, fuel: int = 10**12, **options: Any,
) -> tuple[Result, TestBoard]:  # fmt: skip
    """The result of a program on a test board, and the board."""
    with connected(able, script, **options) as (driver, made):
        return driver.run(gate(text), RunOptions(seed=seed, lanes=lanes, fuel=fuel), observer), made


def refused(text: str, able: Capabilities | None = None, run: RunOptions | None = None, **options: Any) -> list[Diagnostic]:
    """What a driver says to a program that it refuses before anything is sent."""
    with connected(able, **options) as (driver, made):
        with pytest.raises(BioasmError) as caught:
            driver.run(gate(text), run or RunOptions(seed=1))
        assert made.requests == []
        assert made.uploads == {}
        assert caught.value.partial is None
    return list(caught.value.diagnostics)
