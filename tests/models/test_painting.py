"""Parameters of CVs by formulas of their place, mechanisms on regions, and further places that see spikes."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.formulas import with_constants
from bioasm.isa.program import Quantity
from bioasm.network.painting import Painted
from bioasm.runtime.painting import painted_values
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.units import Dimension
from bioasm.verifier.gate import Verified, verify
from bioasm.verifier.lane_values import check_lane_values
from bioasm.vm.names import NameTable
from tests.models.mirrors import Array
from tests.models.run import reading, run, trace

CELL = """\
.cell one {
  branch soma: length 20 um, diameter 20 um
  branch dend from soma: length 100 um, diameter 2 um to 1 um
  cv: 6 per branch
}
.const g0 = 10 mS/cm2
    POP cells, one, 2
    MECH leak, pas, cells
    MECH more, hh_channels, cells.dend
"""
MIDDLES = np.array([10, 30, 50, 70, 90, 110]) * 1e-6  # of the CVs


def verified(*lines: str) -> Verified:
    return verify(assemble("\n".join([CELL, *lines, ""])))


def painted(text: str, parameter: str = "leak.g") -> Array:
    """The values that a formula gives the CVs of one cell."""
    return values(verified(f'SET {parameter}, "{text}"'))


def values(of: Verified) -> Array:
    (formula,) = [o for i in of.instructions for o in i.operands if isinstance(o, Painted)]
    both = painted_values(formula).reshape(-1, 2)
    assert (both[:, 0] == both[:, 1]).all()
    return both[:, 0]


def test_a_formula_is_worked_out_in_the_middle_of_cvs() -> None:
    found = painted("g0*exp(-distance/(50 um))")
    assert found == pytest.approx(100 * np.exp(-MIDDLES / 50e-6), rel=1e-14)
    radii = np.array([10, *(1 - 0.5 * (MIDDLES[1:] - 20e-6) / 100e-6)]) * 1e-6
    assert painted("g0*(radius/(1 um))^2") == pytest.approx(100 * (radii / 1e-6) ** 2, rel=1e-12)
    assert painted("g0").tolist() == [100.0] * 6


def test_the_name_of_a_region_is_the_part_that_lies_in_it() -> None:
    near = CELL.replace("cv:", "region near = distance < 30 um\n  cv:")
    of = verify(assemble(f'{near}    SET leak.g, "g0*(soma + 2*near)"\n'))
    cone = [1, 0.95, 0.9]  # radii in um at 20, 30 and 40 um from the root
    half = (cone[0] + cone[1]) / (cone[0] + 2 * cone[1] + cone[2])
    assert values(of) == pytest.approx(100 * np.array([3, 2 * half, 0, 0, 0, 0]), rel=1e-6)


def test_cvs_outside_of_the_region_keep_the_default() -> None:
    found = painted("g0*(distance - 20 um)/(1 um)", "more.gnabar")  # less than 0 on the soma
    assert found[0] == 1200.0
    assert found[1:] == pytest.approx(100 * (MIDDLES[1:] - 20e-6) * 1e6)


def test_a_cv_with_several_cables_has_their_mean_by_area() -> None:
    coarse = CELL.replace("cv: 6 per branch", "branch side from soma: length 50 um, diameter 2 um\n  cv: 1 per branch in soma")
    of = verify(assemble(f'{coarse}    SET leak.g, "g0*distance/(1 um)"\n'))
    network = of.network.cables[0].cell.volumes
    assert [len(cables) for cables in network.cables] == [1, 3]  # the end of the soma's cable, and two dendrites
    areas, middles = np.array([network.area(cable) for cable in network.cables[1][1:]]), np.array([70.0, 45.0])
    assert values(of)[1] == pytest.approx(100 * (areas @ middles) / areas.sum(), rel=1e-12)


def test_the_text_goes_through_bytecode_and_follows_constants() -> None:
    made = assemble(f'{CELL}    SET leak.g, "g0*exp(-distance/(50 um))"\n')
    again = assemble(disassemble(from_bytes(to_bytes(made))))
    assert to_bytes(again) == to_bytes(made)
    more = verify(with_constants(made, {"g0": Quantity(200.0, Dimension.CONDUCTANCE_DENSITY)}))
    assert values(more) == pytest.approx(200 * np.exp(-MIDDLES / 50e-6), rel=1e-14)
    with pytest.raises(BioasmError, match="alike in all lanes"):
        check_lane_values(more, ["g0"], {})


def test_a_run_takes_formulas_as_it_takes_vectors() -> None:
    """Of parameters of mechanisms and of the membrane, and the factor of the capacitance."""
    end = "RUN 1 ms\nRD cells_cv.v\n"
    lines = {
        "leak.g": ("g0*exp(-distance/(50 um))", 100 * np.exp(-MIDDLES / 50e-6)),
        "cells_cv.ena": ("50 mV - 5 mV*soma", np.array([0.045, *[0.05] * 5])),
        "cells_cv.cm_factor": ("1 + distance/(100 um)", 1 + MIDDLES / 100e-6),
    }
    formulas = "".join(f'SET {name}, "{text}"\n' for name, (text, _) in lines.items())
    vectors = "".join(f"SET {name}, {np.repeat(of, 2).tolist()}\n" for name, (_, of) in lines.items())
    one, other = (reading(run(CELL + each + end), "cells_cv.v") for each in (formulas, vectors))
    assert np.ptp(one) > 1e-5
    assert one == pytest.approx(other, rel=1e-13)


def fault(line: str, text: str = CELL) -> Diagnostic:
    with pytest.raises(BioasmError) as caught:
        verify(assemble(f"{text}    {line}\n"))
    (found,) = caught.value.diagnostics
    return found


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ('SET leak.g, "distance"', "B022", "has the unit m; the unit S/m2 is wanted"),
        ('SET leak.g, "g0*dand"', "B021", "dand"),
        ('SET leak.g, "g0*("', "B020", ""),
        ('SET leak.g, "g0*(1 - distance/(50 um))"', "B116", "-40 70 um from the root"),
        ('SET leak.g, "g0/0"', "B109", "no finite value"),
        ('SET leak.g, "held(g0)"', "B027", "held"),
        ('SET leak.g, "distance > 3 um"', "B022", "condition"),
        ('SET cells.threshold, "-10 mV"', "B004", "no constant, datum or word"),
        ('SET cells_cv.v, "-10 mV"', "B004", "the state v is a number"),
    ],
)
def test_what_is_refused(line: str, code: str, words: str) -> None:
    found = fault(line)
    assert (found.code, words in found.message) == (code, True)
    assert found.span is not None and found.span.line == CELL.count("\n") + 1


def test_a_formula_of_the_capacitance_is_one_of_a_size() -> None:
    def graded(formula: str) -> str:
        return CELL.replace("  cv:", f'  cm in dend = "{formula}"\n  cv:')

    of = verify(assemble(graded("1 uF/cm2*(1 + distance/(100 um))"))).network.cables[0].cell
    assert (of.volumes.capacities(of.cm) / of.volumes.areas)[1:] == pytest.approx(0.01 * (1 + MIDDLES[1:] / 100e-6), rel=1e-3)
    assert "-0.001 in SI units 110 um from the root" in fault("", graded("1 uF/cm2*(1 - distance/(100 um))")).message
    assert fault("", graded("1 uF/cm2*(1 - dist/(100 um))")).code == "B140"


# --- loops over regions, and places that see spikes ---------------------------------------------------

SEEN = """
.cell one {
  branch soma: length 20 um, diameter 20 um
  branch axon from soma: length 600 um, diameter 1 um
  cv: 1 per branch in soma
  cv: 6 per branch in axon
  spikes at soma(0.5)
  spikes tip at axon(0.97)
}
    POP cells, one, 2
    MECH hs, hh_channels, cells.soma
    MECH ha, hh_channels, cells.axon
    MECH syn, expsyn, cells
    SYN back, cells_tip, syn
    CON back, others
    SET back.weight, 20 nS
    SET back.delay, 1 ms
    SET cells_tip.threshold, -10 mV
    EVT syn, [[1.2131e-3, 1], [1.225e-3, 0]], 1 nS
    REC cells_cv.v, 0.025 ms
    REC syn.g, 0.025 ms
    INP cells.I, [1e-9, 0]
    RUN 3.3 ms
    RD ha.m
    RD cells_tip.crossing_time
    RD cells_tip.spike_count
    RD cells.spike_count
"""


def test_a_further_place_sees_and_sends_spikes_of_its_own() -> None:
    result = run(SEEN)
    v, g = trace(result, "cells_cv.v").reshape(-1, 7, 2), trace(result, "syn.g")
    tip, level = v[:, 6, 0], -10e-3
    (step,) = np.flatnonzero((tip[:-1] <= level) & (tip[1:] > level))
    time = (step + (level - tip[step]) / (tip[step + 1] - tip[step])) * 0.025e-3
    assert reading(result, "cells_tip.crossing_time") == pytest.approx([time, -1.0], rel=1e-9)
    assert reading(result, "cells_tip.spike_count").tolist() == [1, 0] == reading(result, "cells.spike_count").tolist()
    soma = np.flatnonzero((v[:-1, 0, 0] <= 0) & (v[1:, 0, 0] > 0))
    assert soma[0] + 2 < step
    rises = np.flatnonzero(np.diff(g[:, 1]) > 15e-9)
    assert rises.tolist() == [step + 40]  # of the other cell, 1 ms later; not of its own
    assert (np.diff(g[:, 0]) < 15e-9).all()
    # spikes from outside act on the step that they lie in: 1.2131 ms on that from 1.2 ms, 1.225 ms on that from 1.225 ms
    assert [int(np.flatnonzero(np.diff(g[:, cell]) > 0)[0]) for cell in (1, 0)] == [48, 49]
    gates = reading(result, "ha.m").reshape(7, 2)
    assert gates[0].tolist() == [gates[0, 0]] * 2 and np.ptp(gates[1:, 0]) > 0.1  # the soma has none that is stepped


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("SET cells_tip.v, -60 mV", "B145", "follows from the cable"),
        ("MECH hh, hh_channels, cells_tip", "B145", "no mechanism stands on it"),
        ("CLAMP cells_tip, -60 mV", "B114", "can't do CLAMP"),
    ],
)
def test_what_a_detector_is_not(line: str, code: str, words: str) -> None:
    with pytest.raises(BioasmError) as caught:
        verify(assemble(SEEN.replace("    EVT", f"    {line}\n    EVT")))
    assert (caught.value.diagnostics[0].code, words in caught.value.diagnostics[0].message) == (code, True)


def test_the_name_of_a_detector_is_free() -> None:
    assert fault("POP one_tip, lif, 1", SEEN.partition("    MECH")[0].replace("POP cells", "POP one")).code == "B008"
    twice = SEEN.replace("  spikes tip", "  spikes tip at soma(0.5)\n  spikes tip").partition("    SYN")[0]
    assert "another place sees spikes" in fault("", twice).message


def test_a_mechanism_that_meets_another_has_no_loop_of_its_own() -> None:
    pool = """
        .mechanism pool {
          inputs:
            ica : A/m2
          state:
            c = 0
          step:
            dc/dt = ica/(1 A/m2)/(1 ms) - c/(5 ms)
        }
        .mechanism channel {
          uses:
            v : V
          definitions:
            i = (1 S/m2)*(v - 100 mV)
          adds:
            I += -i
            ica += -i
        }
    """
    text = SEEN.partition("    MECH syn")[0] + "    MECH ca, pool, cells.axon\n    MECH in, channel, cells.axon\n"
    names = NameTable(verify(assemble(pool + text)).network, verify(assemble(pool + text)), {})
    assert [one.name for one in names.system(1).apart] == ["hs", "ha"]


def test_two_kinds_of_cells_with_mechanisms_on_regions_are_what_each_is_alone() -> None:
    other = CELL.partition(".const")[0].replace("one", "two").replace("2 um to 1 um", "3 um")
    more = "    POP others, two, 1\n    MECH soma, pas, others.soma\n    MECH dend, hh_channels, others.dend\n"
    rest = "    INP {0}.I, 50 pA\n    RUN 2 ms\n    RD {0}_cv.v\n"
    both = f"{other}{CELL}{more}    INP others.I, 50 pA\n{rest.format('cells')}    RD others_cv.v\n"
    found = run(both)
    for name, alone in (("cells_cv.v", CELL + rest.format("cells")), ("others_cv.v", other + more + rest.format("others"))):
        assert reading(found, name).tolist() == reading(run(alone), name).tolist()
