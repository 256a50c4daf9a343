"""Cells that are trees as programs: what is refused and where, what `info` tells, files of samples, cuts of a run."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import program_hash, to_bytes
from bioasm.cli.info import described
from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.drivers.cpu import CpuDriver
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.verifier.gate import verify
from bioasm.vm.checkpoint import load_checkpoint, save_checkpoint
from bioasm.vm.machine import Machine
from tests.models.run import reading, run, trace
from tests.models.test_cables import program
from tests.vm.support import everything, finish

CELL = """\
.cell one {
  branch soma: length 20 um, diameter 20 um
  branch dend from soma: length 100 um, diameter 2 um
  region near = distance < 50 um
  cv: 5 per branch
  place mid = dend(0.5)
}
    POP cells, one, 2
"""


def fault(*lines: str, text: str = CELL) -> Diagnostic:
    """The one thing that is wrong with a program."""
    with pytest.raises(BioasmError) as caught:
        verify(assemble("\n".join([text, *lines, ""])))
    (found,) = caught.value.diagnostics
    return found


@pytest.mark.parametrize(
    ("lines", "code", "words"),
    [
        (["MECH a, pas, cells.dend", "MECH b, pas, cells.near"], "B144", "pas is painted on dend as a"),
        (["MECH a, pas, cells", "MECH b, pas, cells.soma"], "B144", "pas is painted on all as a"),
        (["MECH a, pas, cells.axon"], "B145", "no region or place 'axon'"),
        (["MECH a, pas, cells.mid"], "B123", "pas adds A/m2 to I"),
        (["MECH a, expsyn, cells.dend"], "B123", "expsyn adds A to I"),
        (["POP cells_cv, lif, 1"], "B008", "cells_cv"),
        (["SET cells.v_mid, -60 mV"], "B145", "follows from the cable"),
        (["MECH a, pas, cells.dend", "MECH b, pas, cells_cv"], "B144", "pas is painted on dend as a"),
        (["MECH a, expsyn, cells_cv"], "B123", "expsyn adds A to I"),
        (["CLAMP [0], -60 mV"], "B114", "can't do CLAMP"),
        (["POP more, membrane, 1", "CLAMP [3], -60 mV"], "B114", "can't do CLAMP"),
        (["SIG 1 mV"], "B114", "no noise"),
        (["POP spins, ising, 2"], "B127", "spins stand alone"),
    ],
)
def test_what_is_refused(lines: list[str], code: str, words: str) -> None:
    found = fault(*lines)
    assert found.code == code
    assert words in found.message
    assert found.span is not None and found.span.line == CELL.count("\n") + 1 + len(lines)


def in_front(text: str, *lines: str) -> Diagnostic:
    """The one thing that is wrong with the cells, a text before them and lines behind."""
    return fault(*lines, text=text + CELL)


def test_what_a_step_of_cells_does_not_do_is_refused_in_mechanisms() -> None:
    """Noise, refractory times, and events by whatever name the membrane is called."""
    noise = "(1 A/m2)*sqrt(1 ms)*xi"
    for line in (f"adds:\n    I += {noise}", f"state:\n    x = 0 A/m2\n  step:\n    dx/dt = {noise}/(1 ms)"):
        found = in_front(f".mechanism noisy {{\n  {line}\n}}\n", "MECH n, noisy, cells")
        assert (found.code, "equations of a neuron only" in found.message) == ("B030", True)
    hot = ".mechanism hot {\n  uses:\n    v : V\n  state:\n    n = 0\n  event warm:\n    v > 0 V\n    n := n + 1\n}\n"
    for place in ("cells", "cells.dend", "cells.mid", "cells_cv"):
        assert "a step of cells that are trees has none" in in_front(hot, f"MECH h, hot, {place}").message


def test_what_follows_from_the_cable_is_changed_by_no_synapse() -> None:
    kick = ".synapse kick {\n  uses:\n    v_post : V\n  on pre:\n    v_post += 1 mV\n}\n"
    lines = ["POP more, membrane, 1", "SYN s, more, cells", "CON s, all", "VIA s, kick"]
    found = in_front(kick, *lines)
    assert (found.code, found.message) == ("B145", "kick changes v_post, and cells.v follows from the cable of the cells")
    verify(assemble("\n".join([kick + CELL, *lines, ""]).replace("more, cells", "more, cells_cv")))


def test_a_step_takes_what_goes_into_cvs_at_its_place() -> None:
    """Two CVs that hardly know of each other: each comes to rest where its own currents and conductances sum to 0."""
    text = """
        .mechanism shunt {
          parameters:
            i = 3 pA
            g = 4 nS
          adds:
            I += i
            G += g
        }
        .cell two {
          branch only: length 40 um, diameter 20 um
          ra = 1e15 ohm*cm
          cv: 2 per branch
          place far = only(0.75)
          spikes at only(0.25)
        }
            POP cells, two, 1
            MECH leak, pas, cells
            MECH more, shunt, cells.far
            INP cells_cv.I, 0.01 A/m2
            INP cells.I, 5 pA
            INP cells.I_far, 7 pA
            RUN 200 ms
            RD cells_cv.v
    """
    area, leak, rest = np.pi * 20e-6 * 20e-6, 10.0, -70e-3
    own = area * leak, area * (leak * rest + 0.01)  # conductance, and current at 0 mV
    expected = [(own[1] + 5e-12) / own[0], (own[1] + 10e-12) / (own[0] + 4e-9)]
    assert reading(run(text), "cells_cv.v") == pytest.approx(expected, rel=1e-8)


def test_a_synapse_to_a_mechanism_at_a_place_acts_there() -> None:
    """Two CVs that hardly know of each other: `v_post`, `I_post` and `G_post` are those of the mechanism's place."""
    text = """
        .mechanism counter {
          state:
            arrived = 0
        }
        .synapse bridge {
          parameters:
            g = 4 nS
          uses:
            v_post : V
          state:
            seen = 0 V
          adds:
            I_post += g*(v_post + 20 mV)
            G_post += g
          step:
            seen := v_post
        }
        .cell two {
          branch only: length 40 um, diameter 20 um
          ra = 1e15 ohm*cm
          cv: 2 per branch
          place far = only(0.75)
          spikes at only(0.25)
        }
            POP cells, two, 1
            MECH leak, pas, cells
            MECH counts, counter, cells.far
            SYN s, cells, counts
            CON s, all
            VIA s, bridge
            INP cells.I, 5 pA
            RUN 200 ms
            RD cells_cv.v
            RD s.seen
    """
    result = run(text)
    area, leak, rest, g = np.pi * 20e-6 * 20e-6, 10.0, -70e-3, 4e-9
    expected = [rest + 5e-12 / (area * leak), (area * leak * rest + g * 20e-3) / (area * leak)]  # I and G: g (v + 20 mV) - g v
    assert reading(result, "cells_cv.v") == pytest.approx(expected, rel=1e-8)
    assert reading(result, "s.seen") == pytest.approx([expected[1]], rel=1e-8)


def test_a_synapse_to_a_mechanism_at_a_place_cannot_put_its_potential() -> None:
    kick = ".synapse kick {\n  uses:\n    v_post : V\n  on pre:\n    v_post += 1 mV\n}\n"
    lines = ["MECH syn, expsyn, cells.mid", "POP more, membrane, 1", "SYN s, more, syn"]
    found = in_front(kick, *lines, "CON s, all", "VIA s, kick")
    assert (found.code, found.message) == ("B145", "kick changes v_post, and cells.cv_mid follows from the cable of the cells")


def test_a_mechanism_at_a_place_starts_with_the_potential_there() -> None:
    """As a painted one does: with what the control volumes start at, and not with the 0 mV of a place that saw none yet."""
    text = """
        .mechanism gate {
          uses:
            v : V
          state:
            start = 2*v
        }
        .cell two {
          branch only: length 40 um, diameter 20 um
          cv: 2 per branch
          place far = only(0.75)
          spikes at only(0.25)
        }
        .data rest = [-60e-3, -61e-3, -70e-3, -71e-3]
            POP cells, two, 2
            MECH painted, gate, cells
            MECH there, gate, cells.far
            SET cells_cv.v0, rest
            RD painted.start
            RD there.start
            RUN 1 ms
            RST
            RD there.start
    """
    painted, *there = (np.asarray(one.value)[0] for one in run(text).results)
    assert painted == pytest.approx([-120e-3, -122e-3, -140e-3, -142e-3])
    for values in there:
        assert values == pytest.approx([-140e-3, -142e-3])


def test_what_is_held_is_from_before_spikes_that_arrive() -> None:
    text = """
        .mechanism gate {
          state:
            a = 0
          receive:
            a += weight
          adds:
            I += (1 nA)*held(a)
        }
    """
    more = ["MECH g, gate, cells.mid", "EVT g, [[0.1e-3, 0]], 1", "REC cells.cv_mid, 0.025 ms", "RUN 0.3 ms"]
    held = "\n".join([text + CELL, *more, ""])
    for source, step in ((held, 6), (held.replace("held(a)", "a"), 5)):
        moved = np.flatnonzero(np.diff(trace(run(source), "cells.cv_mid")[:, 0]) > 1e-9)
        assert moved[0] + 1 == step


def test_memory_is_bounded_before_cvs_are_made() -> None:
    found = fault(text=CELL.replace("5 per branch", "at most 0.000001 um"))
    assert (found.code, found.span and found.span.line) == ("B111", 8)
    found = fault(text=CELL.replace("5 per branch", "10000000 per branch"))
    assert (found.code, "limit is 1048576" in found.message, found.hint is not None) == ("B111", True, True)


def test_faults_of_a_cell_are_told_at_their_lines() -> None:
    found = fault(text=CELL.replace("distance < 50 um", "axon"))
    assert (found.code, found.span and found.span[1:3]) == ("B143", (4, 17))


def test_the_driver_that_cannot_says_so() -> None:
    driver = type("Point", (CpuDriver,), {"name": "point", "abilities": CpuDriver.abilities - {"cables"}})()
    (found,) = driver.missing(verify(assemble(CELL)))
    assert found.message == "driver point can't run POP (it needs the ability cables)"


def test_info_tells_cvs_regions_and_places() -> None:
    facts = described(verify(assemble(CELL)))
    (cell,) = facts["cells"]
    assert (cell["cvs"], cell["branches"], cell["places"]["mid"]["cv"]) == (5, 1, 2)
    assert cell["regions"]["near"] == {"cvs": 3, "area_um2": pytest.approx(400 * np.pi + 30 * 2 * np.pi, abs=1e-5)}
    assert "cables" in facts["needs"]


# --- files of samples ---------------------------------------------------------------------------------

ROWS = "# traced\n1 1 -8 0 0 8 -1\n2 1 8 0 0 8 1\n\n3 3 18 0 0 1 2\n"
OF_FILE = '.cell one {\n  swc "cell.swc" as arbor\n  place tip = distal(dand)\n}\nPOP cells, one, 1\n'


def test_a_file_becomes_part_of_the_program(tmp_path: Path) -> None:
    (tmp_path / "cell.swc").write_text(ROWS, encoding="utf-8")
    text = OF_FILE.replace("dand", "dend")
    made = assemble(text, folder=tmp_path)
    alone = assemble(disassemble(made), folder=tmp_path / "elsewhere")
    assert to_bytes(alone) == to_bytes(made) == to_bytes(from_bytes(to_bytes(made)))
    assert verify(alone).n == 2
    with pytest.raises(BioasmError) as caught:  # places of other lines stay where they were
        verify(assemble(OF_FILE, folder=tmp_path))
    assert caught.value.diagnostics[0].span is not None and caught.value.diagnostics[0].span.line == 3


@pytest.mark.parametrize(("rows", "code", "line"), [(ROWS.replace("1 2\n", "1\n"), "B141", 5), (ROWS[:-2] + "9\n", "B142", 5)])
def test_a_malformed_file_is_told_at_its_line(rows: str, code: str, line: int, tmp_path: Path) -> None:
    (tmp_path / "cell.swc").write_text(rows, encoding="utf-8")
    with pytest.raises(BioasmError) as caught:
        assemble(OF_FILE, folder=tmp_path)
    (found,) = caught.value.diagnostics
    assert found.code == code and found.span is not None
    assert (Path(found.span.source).name, found.span.line) == ("cell.swc", line)


@pytest.mark.parametrize(
    ("rows", "line"), [("", 1), ("#\n1 1 0 0 0 5 -1\n", 2), ("1 1 0 0 0 5 -1\n2 1 0 0 0 5 1\n3 3 0 0 0 1 2\n", 1)]
)
def test_samples_that_make_no_cable_are_told_in_their_file(rows: str, line: int, tmp_path: Path) -> None:
    (tmp_path / "cell.swc").write_text(rows, encoding="utf-8")
    with pytest.raises(BioasmError) as caught:
        assemble(OF_FILE, folder=tmp_path)
    (found,) = caught.value.diagnostics
    assert found.code == "B141" and found.span is not None
    assert (Path(found.span.source).name, found.span.line) == ("cell.swc", line)


def test_what_has_no_end_is_no_file_of_samples(tmp_path: Path) -> None:
    with pytest.raises(BioasmError) as caught:
        assemble(OF_FILE.replace("cell.swc", "/dev/zero"), folder=tmp_path)
    assert [(one.code, one.message) for one in caught.value.diagnostics] == [("B301", "/dev/zero is no file")]


def test_a_missing_file_is_told_where_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(BioasmError) as caught:
        assemble(OF_FILE, folder=tmp_path)
    assert caught.value.diagnostics[0].code == "B301"


# --- cuts of a run ------------------------------------------------------------------------------------

TEXT = program(
    "INP cells.I_tip, [0.0, 5e-11, -2e-11]", "REC cells_cv.v, 0.025 ms", *["RUN 1 ms"] * 2, "RD cells_cv.v", "RD cells.v_side"
)


def machine(lanes: int, threads: int = 1) -> Machine:
    return Machine(verify(assemble(TEXT)), 1, lanes, threads)


def test_slices_threads_and_a_checkpoint_change_no_bit(tmp_path: Path) -> None:
    whole = everything(finish(machine(11)))
    assert everything(finish(machine(11, threads=2), itertools.cycle([3, 40]))) == whole
    digest, file = program_hash(assemble(TEXT)), tmp_path / "half"
    first = machine(11)
    first._budget = 30
    while first.steps == 0:  # a slice ends after an instruction of the host that took long
        first.run_slice()
    assert 0 < first.steps < 80
    save_checkpoint(file, first, digest)
    second = machine(11)
    load_checkpoint(file, second, digest)
    assert second.steps == first.steps
    assert everything(finish(second)) == whole
