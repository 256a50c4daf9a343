"""The firmware's machine gives the cpu driver's bytes for every program within its abilities."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioasm.isa.program import Program
from bioasm.loading import from_text, load
from tests.firmware.support import differences, on_cpu, result

PROGRAMS = Path(__file__).resolve().parents[2] / "programs"
WITHIN = (
    *("anneal_loop", "boltzmann"),
    *("factor_15", "ferromagnet_2d"),
    *("hopfield", "invertible_and"),
    *("knapsack", "lif_maxcut"),
    *("maxcut_karate", "maxcut_petersen"),
    *("number_partition", "sat3"),
    *("schedule_pykoppu", "tsp5"),
)
LONG = {"boltzmann", "ferromagnet_2d", "invertible_and"}

TEXTS = {
    "formulas": """
        .const T = 4
        .const half = "T/2"
        MODEL ising
        ALC 3
        LDJ [[0, 1, 0], [1, 0, -1], [0, -1, 0]]
        SIG half
        RUN 5
        RD
        OUT half
    """,
    "registers": """
        MOV r0, 7
        MOD r1, r0, -3
        OUT r1, a
        MOD r1, -7.5, 2
        OUT r1, b
        POW r2, 2, 0.5
        EXP r3, -1.5
        LOG r4, 10
        SQRT r5, 2
        FLOOR r6, -2.5
        MIN r7, r2, r3
        MAX r8, r2, r3
        ABS r9, r6
        DIV r10, 1, 0
        NEG r11, r10
        OUT r2
        OUT r3
        OUT r4
        OUT r5
        OUT r6
        OUT r7
        OUT r8
        OUT r9
        OUT r10
        OUT r11
    """,
    "membranes": """
        ALC 3
        LDJ [[0, 1.25e-9, -0.3e-9], [1e-9, 0.5e-9, 0.7e-9], [0.1e-9, -2e-9, 0]]
        LDH [1e-10, 0, -1e-10]
        SIG 3 mV
        RUN 50 ms
        RD
        RD v
        RD I
        RD spikes
        RD energy_trace
        GET r0, spike_count
        OUT r0
        RST
        RUN 20 ms
        RD spike_count
        RD best_state
        RD time
        RD steps
        RD noise
        RD energy
    """,
    "membranes of bytes": """
        ALC 5
        LDJ [[0, 1, -3, 2, 5], [1, 0, 0, 0, -7], [2, 2, 0, 1, 1], [0, 0, 4, 0, -1], [9, 0, 0, -2, 0]]
        SIG 4 mV
        RUN 60 ms
        RD
        RD spikes
        RD best_energy
    """,
    "membranes with clamps": """
        ALC 4
        SET tau, [20e-3, 25e-3, 18e-3, 20e-3]
        LDJ [[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]]
        CLAMP [1, 3], [-55e-3, -65e-3]
        SIG 3 mV
        RUN 20 ms
        FREE 1
        RUN 20 ms
        RST
        RD v
        RUN 10 ms
        RD v
        SET v, -60 mV
        RUN 3 ms
        RD v
    """,
    "membranes with other steps": """
        SET dt, 0.2 ms
        SET feedback_interval, 2 ms
        SET I_max, 1 nA
        ALC 2
        SET I_offset, 0.39 nA
        LDJ sparse(2) { 0 1 3e-9 | 1 0 -1e-9 }
        SIG 1 mV
        RUN 40.1 ms
        RUN 0.1 ms
        RD spikes
        RD v
    """,
    "neurons that send no spikes": """
        MODEL nir_li
        ALC 3
        SET v, [0.1, 0.2, 0.3]
        CLAMP 1, 0.5
        RUN 20 ms
        RD v
        FREE
        RUN 1 ms
        RD
        RST
        SET r, 2
        RUN 100 ms
        RD i
        GET r0, steps
        OUT r0
    """,
    "spins of floats": """
        MODEL ising
        ALC 4
        LDJ [[0.1, 1.3, 0, 0.7], [1.1, 0.25, 0.3, 0], [0, 0.2, 0, 0.9], [0.5, 0, 0.1, 0.3]]
        LDH [0.1, -0.2, 0.3, 0]
        SIG 0.8
        RUN 1500
        RD
        RD energy_trace
        RD best_state
        RD best_energy
    """,
    "spins in sparse floats": """
        MODEL ising
        SET rule, metropolis
        ALC 5
        LDJ sparse(5) { 0 1 0.3 | 1 0 0.4 | 1 1 0.7 | 2 4 -1.1 | 3 2 0.6 }
        LDT terms(5) { 0 1 2 0.3 | 1 2 3 4 -0.7 }
        SIG 0.5
        RUN 300
        RD spins
        RD energy_trace
        GET r1, energy
        OUT r1
    """,
    "spins under way": """
        MODEL ising
        ALC 6
        RD best_state
        LDH [1, -1, 1, -1, 0, 0]
        CLAMP [0, 5], [1, -1]
        SIG 1
        RUN 5
        LDS [1, 1, 1, -1, -1, -1]
        RD
        RST
        RD best_energy
        RUN 4
        FREE
        LDT terms(6) { 0 1 2 2 | 3 4 5 -2 }
        RUN 6
        RD
        RD best_energy
        PEEK r0, s, 3
        OUT r0
    """,
}


def text(words: str) -> Program:
    return from_text(words, source="test", folder=Path())


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.long) if n in LONG else n for n in WITHIN])
def test_shipped_programs(name: str, machine: Path, tmp_path: Path) -> None:
    program = load(str(PROGRAMS / f"{name}.basm"))
    mine = result(machine, program, tmp_path)
    assert mine is not None
    assert differences(mine, on_cpu(program)) == []


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("seed", [0, (1 << 64) - 3])
def test_programs_of_every_kind(name: str, seed: int, machine: Path, tmp_path: Path) -> None:
    program = text(TEXTS[name])
    mine = result(machine, program, tmp_path, seed)
    assert mine is not None
    assert differences(mine, on_cpu(program, seed)) == []


def test_slices_do_not_change_a_run(machine: Path, tmp_path: Path) -> None:
    program = text(TEXTS["membranes"])
    one, other = (result(machine, program, tmp_path, piece=piece) for piece in (1, 100000))
    assert one is not None
    assert other is not None
    assert differences(one, other) == []


@pytest.mark.parametrize("fuel", [1, 2, 5, 40, 200])
def test_fuel_ends_where_it_does_on_cpu(fuel: int, machine: Path, tmp_path: Path) -> None:
    program = text(TEXTS["spins under way"])
    mine = result(machine, program, tmp_path, fuel=fuel)
    assert mine is not None
    assert differences(mine, on_cpu(program, fuel=fuel)) == []


def test_what_is_beyond_it_is_refused(machine: Path, tmp_path: Path) -> None:
    refused = {path.stem for path in PROGRAMS.glob("*.basm") if path.stem not in WITHIN}
    assert refused
    for name in sorted(refused):
        assert result(machine, load(str(PROGRAMS / f"{name}.basm")), tmp_path) is None, name


@pytest.mark.parametrize("words", ["CLAMP ising, 1", "CLAMP ising[1:3], 1", "FREE ising[0:1]"])
def test_neurons_by_name_are_beyond_it(words: str, machine: Path, tmp_path: Path) -> None:
    assert result(machine, text(f"MODEL ising\nALC 3\nCLAMP 0, 1\n{words}\nRUN 2\nRD\n"), tmp_path) is None
