"""Comparisons of drivers that the tests make, without a command line."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("brian2", reason="Brian2 is not installed")

from bioasm.isa.program import Program
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verification.deviations import Row
from bioasm.verification.verify import Report, Request, verify_drivers
from bioasm.verifier.gate import verify

NETWORK = (
    "ALC 5\nLDJ [[0, 1, 0, -1, 2], [1, 0, 1, 0, 0], [0, 1, 0, 0, 3], [-1, 0, 0, 0, 0], [2, 0, 3, 0, 0]]\n"
    "LDH [0.5, -0.2, 0.1, 0.7, -1]\nSIG 4 mV\nRUN 60 ms\nRD energy\nGET r0, spike_count\nOUT r0, spikes\n"
)
SPINS = "MODEL ising\nALC 4\nLDJ [[0, 1, 0, -1], [1, 0, 2, 0], [0, 2, 0, 1], [-1, 0, 1, 0]]\n"
SPINS += "SIG 1.5\nRUN 60 sweeps\nRD best_state\n"


def compared(text: str | Program, driver: str = "cpu", against: str = "brian2", **wanted: Any) -> Report:
    """A report; `wanted` are fields of Request, and seed, lanes and fuel."""
    asked = {name: wanted.pop(name) for name in ("lanes", "fuel") if name in wanted}
    options = RunOptions(seed=wanted.pop("seed", 1), **asked)
    program = assemble(text) if isinstance(text, str) else text
    return verify_drivers(verify(program), Request(driver, against, options, **wanted))


def row(report: Report, name: str) -> Row:
    """The row of this name."""
    (found,) = [one for one in report.rows if one.name == name]
    return found
