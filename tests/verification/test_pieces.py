"""A run that is led back to another's states piece by piece, and connections where each side draws its own noise."""

from __future__ import annotations

import numpy as np

from bioasm.network.references import VariableRef
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.verification.support import NETWORK, compared

PIECE = 100


def test_the_last_step_of_a_piece_is_compared_as_well() -> None:
    from bioasm.drivers.brian2.driver import Brian2Driver
    from bioasm.runtime.dynamics import Guide

    program = verify(assemble(NETWORK.replace("LDJ", "REC v\nLDJ", 1)))
    with Brian2Driver() as driver:
        free = driver.run(program, RunOptions(seed=1)).recordings["v"].values
        other = free.copy()
        other[:, PIECE] += 1e-3  # what another machine would have made of the last step of the first piece
        guide = Guide({VariableRef("lif_critical", "v"): other}, PIECE, 1)
        led = driver.run(program, RunOptions(seed=1, guide=guide)).recordings["v"].values
    assert np.array_equal(led[:, : PIECE + 1], free[:, : PIECE + 1])
    assert np.abs(led[:, PIECE + 1] - free[:, PIECE + 1]).min() > 0.9e-3


def test_random_connections_are_the_same_where_each_side_draws_its_own_noise() -> None:
    text = "POP a, lif_critical, 6\nSIG 4 mV\nINP a.I, 0.2 nA\nSYN s, a, a\nCON s, probability, 0.4\n"
    text += "SET s.weight, 5 mV\nRUN 100 ms\n"
    assert compared(text, lanes=30, own_noise=True).agrees
