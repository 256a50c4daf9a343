"""Every program of programs/ does on Brian2 what it does on the compiled machine, with the same noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bioasm.isa.formulas import with_constants
from bioasm.isa.program import Instruction, Program, Quantity
from bioasm.isa.table import BY_MNEMONIC
from bioasm.text.assemble import assemble
from bioasm.units import Dimension
from bioasm.verification.report import to_text
from tests.seeds import rarely
from tests.verification.support import compared, row

FOLDER = Path(__file__).resolve().parents[2] / "programs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.basm"))
# What takes minutes on Brian2 is run shorter, with fewer samples of the same.
SHORTER = {
    "boltzmann": {"samples": 2000.0},
    "ferromagnet_2d": {"samples": 20.0},
    "invertible_and": {"samples": 1000.0},
    "closed_loop": {"rounds": 12.0, "averaged": 6.0},
    "potjans_diesmann": {"scale": 0.02},
}
LONG_ENOUGH = ("closed_loop", "lif_fi_curve", "poisson_input")
VOLTS = 1e-9


def program(name: str) -> Program:
    """A program, some of them shorter."""
    made = assemble((FOLDER / f"{name}.basm").read_text(encoding="utf-8"), source=name, folder=FOLDER)
    values = {c: Quantity(v, made.constants[c].dimension) for c, v in SHORTER.get(name, {}).items()}
    return with_constants(made, values)


def longer(made: Program) -> Program:
    """The program with a second of biological time behind its end, where it counts in time."""
    second = Instruction(BY_MNEMONIC["RUN"], (Quantity(1.0, Dimension.TIME),))
    return replace(made, instructions=(*made.instructions, second))


TEXTS = {name: (FOLDER / f"{name}.basm").read_text(encoding="utf-8") for name in NAMES}
SPINS = [name for name in NAMES if "MODEL ising" in TEXTS[name]]
OTHERS = [name for name in NAMES if "POP " in TEXTS[name] or ".model " in TEXTS[name]]
MEMBRANES = [name for name in NAMES if name not in SPINS + OTHERS]
# One of each kind each time; the others with the long tests, as those of 55 projections, each of which costs Brian2 its time.
EVERYDAY = ("adex_patterns", "cuba", "dynapse", "gap_junction", "izhikevich", "olive", "painted_cell", "tsodyks_markram")
STEPS = 3000  # of the programs whose models take Brian2 a millisecond a step


@pytest.mark.parametrize("name", SPINS)
def test_spins_do_the_same(name: str) -> None:
    report = compared(program(name))
    assert report.agrees
    assert row(report, "s").deviation == 0.0


@pytest.mark.parametrize("name", MEMBRANES)
def test_membranes_do_the_same_over_a_second(name: str) -> None:
    made = program(name)
    report = compared(made if name in LONG_ENOUGH else longer(made))
    assert report.agrees
    assert report.second.result is not None and report.second.result.time >= 1.0
    for found in report.rows:
        if found.name in report.second.result.recordings:
            assert found.deviation < VOLTS
        assert not found.missed and not found.extra


@pytest.mark.parametrize("name", [*EVERYDAY, *rarely(*(n for n in OTHERS if n not in EVERYDAY))])
def test_other_models_do_the_same_for_thousands_of_steps(name: str) -> None:
    report = compared(program(name), fuel=STEPS)
    assert report.agrees
    assert report.second.result is not None and report.second.result.steps > 100


def test_only_the_chaotic_ones_are_followed_in_pieces() -> None:
    assert compared(program("lif_maxcut")).piece == 100
    assert compared(program("lif_twin")).piece is None


def test_the_side_that_can_follow_is_named_whichever_it_is() -> None:
    swapped = compared(program("lif_maxcut"), "brian2", "cpu")
    assert swapped.agrees and swapped.follower is swapped.first
    assert "brian2 following cpu in pieces" in to_text(swapped)
