"""A row of the instruction table without a meaning is an error when tests are collected, not a crash in somebody's run."""

from __future__ import annotations

import pytest

from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.interpreted import InterpretedDriver
from bioasm.hardware.board.substrates.culture import CultureRun
from bioasm.isa.table import ROWS, Trait
from bioasm.runtime.instructions import MEANINGS
from bioasm.runtime.interpreter import COVERED

STIMULATION = {"STIM"}  # of the culture alone
WITHOUT = {row.mnemonic for row in ROWS} - COVERED - STIMULATION
if WITHOUT:
    raise NotImplementedError(f"no meaning in bioasm.runtime for {', '.join(sorted(WITHOUT))}")


def test_no_meaning_is_left_over() -> None:
    assert {row.mnemonic for row in ROWS} >= COVERED


@pytest.mark.parametrize("row", [row for row in ROWS if Trait.HOST in row.traits], ids=lambda row: row.mnemonic)
def test_what_the_compiled_loop_hands_over_has_a_meaning_where_it_is_claimed(row) -> None:
    assert row.mnemonic in MEANINGS or row.needs not in CpuDriver.abilities | InterpretedDriver.meanings.keys()


def test_the_culture_gives_the_meaning_of_stimulation() -> None:
    assert all(hasattr(CultureRun, f"_{mnemonic.lower()}") for mnemonic in STIMULATION)
