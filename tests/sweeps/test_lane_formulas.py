"""Constants whose formulas read `lane` and `lanes`: each lane has a value of its own, as with `--set-lanes`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bioasm
from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions, find_driver
from bioasm.isa.formulas import lane_constants
from bioasm.isa.program import Quantity
from bioasm.sweeps.merge import merge
from bioasm.text.disassemble import disassemble
from bioasm.verifier.gate import verify
from bioasm.vm.emit import emit_c
from tests.sweeps.support import both, pieces

SPINS = """
.const T0 = 0.5
.const T1 = 4
.const up = "lane/max(lanes - 1, 1)"
.const T = "T0*(T1/T0)^up"
MODEL ising
ALC 4
LDJ [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, -1], [0, 0, -1, 0]]
SIG T
REC s, 4 sweeps
RUN 40 sweeps
RD energy
"""
LADDER = (0.5, 1.0, 2.0, 4.0)
TWIN = '.const I = "(0.1 nA)*lane"\nALC 2\nCUR I\nRUN 5 ms\nRD v\n'


def refusal(text: str, driver: str = "cpu", lanes: int = 4) -> tuple[str, str]:
    with pytest.raises(BioasmError) as refused:
        bioasm.run(text, driver=driver, lanes=lanes, seed=1)
    (found,) = refused.value.diagnostics
    return found.code, found.message


def test_a_formula_gives_each_lane_what_set_lanes_gives() -> None:
    plain = SPINS.replace('"lane/max(lanes - 1, 1)"', "0").replace('"T0*(T1/T0)^up"', "1")
    told, given = bioasm.run(SPINS, seed=1, lanes=4), bioasm.run(plain, seed=1, set={"T": LADDER})
    assert told.extras["lane_values"] == {"up": [0, 1 / 3, 2 / 3, 1], "T": pytest.approx(LADDER)}
    for name in ("state", "energy", "energy_trace"):
        assert np.array_equal(getattr(told, name), getattr(given, name)), name
    alike = bioasm.run(plain, seed=1, lanes=4, set={"T": 0.5})
    assert not np.array_equal(told.energy_trace, alike.energy_trace)
    for lanes in (1, 8):
        assert np.array_equal(bioasm.run(SPINS, seed=1, lanes=lanes).energy_trace.reshape(lanes, -1)[0], told.energy_trace[0])


def test_settings_reach_the_formula_or_replace_it() -> None:
    assert bioasm.run(SPINS, seed=1, lanes=2, set={"T1": 1}).extras["lane_values"]["T"] == [0.5, 1.0]
    assert bioasm.run(SPINS, seed=1, lanes=2, set={"T": 3}).extras["lane_values"] == {"up": [0, 1]}
    assert bioasm.run(SPINS, seed=1, lanes=2, set={"T": [3, 5]}).extras["lane_values"]["T"] == [3, 5]


@pytest.mark.parametrize("text", [SPINS, TWIN])
def test_pieces_have_the_values_of_the_whole(text: str) -> None:
    merged = merge(pieces(text, 6, (2, 3)))
    assert both(merged) == both(bioasm.run(text, seed=5, lanes=6))


def test_a_run_that_is_cut_ends_with_the_same_bytes(tmp_path: Path) -> None:
    verified, driver = verify(bioasm.assemble(SPINS)), find_driver("cpu")()
    whole = driver.run(verified, RunOptions(seed=2, lanes=4))
    driver.run(verified, RunOptions(seed=2, lanes=4, fuel=20, checkpoint=tmp_path / "c"))
    rest = driver.run(verified, RunOptions(seed=2, lanes=4, checkpoint=tmp_path / "c", resume=True))
    assert np.array_equal(whole.energy_trace, rest.energy_trace)


def test_text_bytecode_and_c_keep_the_formula() -> None:
    program = from_bytes(to_bytes(bioasm.assemble(SPINS)))
    assert '.const T = "T0*(T1/T0)^up"' in disassemble(program)
    assert '.const T = "T0*(T1/T0)^up"' in disassemble(replace(program, constants={**program.constants, "T": Quantity(7.0)}))
    assert list(lane_constants(program)) == ["up", "T"] and program.constants["T"].value == 0.5
    assert emit_c(verify(program), 1, 4, 8) != emit_c(verify(bioasm.assemble(SPINS.replace("^up", "^0"))), 1, 4, 8)


def test_a_constant_of_that_name_above_is_the_constant() -> None:
    text = SPINS.replace(".const up", ".const lane = 0\n.const up").replace("lanes", "3")
    assert "lane_values" not in bioasm.run(text, seed=1, lanes=4).extras


def test_the_gate_refuses_what_is_one_for_all_lanes() -> None:
    code, message = refusal(SPINS.replace("RUN 40", "MOV r0, T\nRUN 40"))
    assert (code, message.split(":")[0]) == ("B603", "T can't have values of the lanes' own, for MOV takes it")
    with pytest.raises(BioasmError, match="what it decides is alike"):
        verify(bioasm.assemble(SPINS.replace("RUN 40 sweeps", "RUN T").replace("T0 = 0.5", "T0 = 1")))


def test_a_lane_without_a_value_is_named() -> None:
    message = "the constant up in lane 2 of 4: `1/(2 - lane)` has no finite value"
    assert refusal(SPINS.replace("lane/max(lanes - 1, 1)", "1/(2 - lane)")) == ("B109", message)
    assert refusal(SPINS.replace('"T0*(T1/T0)^up"', '"1 - lane"')) == ("B402", "SIG got -2 as level")
    assert refusal(SPINS, lanes=70000)[0] == "B111"


def test_brian2_gives_spins_temperatures_and_no_other_values() -> None:
    pytest.importorskip("brian2")
    of_both = [bioasm.run(SPINS, seed=1, lanes=4, driver=name) for name in ("cpu", "brian2")]
    assert np.array_equal(of_both[0].state, of_both[1].state)
    assert np.allclose(of_both[0].energy_trace, of_both[1].energy_trace) and of_both[0].extras == of_both[1].extras
    assert refusal(TWIN, "brian2") == ("B502", "driver brian2 gives all lanes the same values, and none of their own")
    assert refusal(SPINS.replace('"T0*(T1/T0)^up"', '"-up"'), "brian2") == (
        "B402",
        "SIG got -1; noise is a finite number of at least 0",
    )
