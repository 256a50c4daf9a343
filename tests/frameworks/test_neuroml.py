"""NeuroML documents of a cell: its shape, regions and membrane in a program, its channels, and what is refused and where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.frameworks import read_network
from bioasm.models import MODELS
from bioasm.models.base import Model
from bioasm.models.values import evaluate
from bioasm.text.assemble import assemble
from bioasm.verifier.catalogue import Catalogue
from bioasm.verifier.gate import Verified, verify
from tests.command import bioasm as command

FILE = Path(__file__).with_name("hh.cell.nml")
DOCUMENT = FILE.read_text(encoding="utf-8")


def program(text: str = DOCUMENT) -> str:
    return read_network(text.encode(), "hh.cell.nml", "neuroml")


def verified(text: str = DOCUMENT) -> Verified:
    return verify(assemble(program(text)))


def fault(text: str) -> Diagnostic:
    with pytest.raises(BioasmError) as caught:
        program(text)
    (found,) = caught.value.diagnostics
    assert found.code == "B304" and found.span is not None and found.span.source == "hh.cell.nml"
    return found


def test_the_shape_the_groups_and_the_membrane() -> None:
    cell = verified().network.cables[0].cell
    assert [branch.parent for branch in cell.tree.branches] == [-1, 0, 0]
    assert [branch.length for branch in cell.tree.branches] == pytest.approx([70e-6, 50e-6, 60e-6])
    near = [branch.pieces[0].r0 for branch in cell.tree.branches]
    assert near == pytest.approx([10e-6, 0.75e-6, 0.75e-6])  # one without <proximal> begins as thick as its parent is there
    areas = {name: float(cell.volumes.covered(cell.region(name) or ()) @ cell.volumes.areas) for name in cell.region_names}
    assert areas["soma_group"] == pytest.approx(4e-10 * np.pi, rel=1e-9)
    assert areas["soma_group"] + areas["dendrite_group"] == pytest.approx(areas["all"], rel=1e-9)
    assert set(cell.ra) == {1.0} and set(cell.cm) == {0.01}


def test_channels_are_painted_with_their_numbers() -> None:
    text = program()
    for line in (
        "MECH leak_all, pas, cells.all",
        "MECH na_soma, na, cells.soma_group",
        "SET na_soma.gbar, 120 mS/cm2",
        "SET k_soma.erev, -77 mV",
        "SET cells_cv.v0, -65 mV",
        "SET cells.threshold, 0 mV",
    ):
        assert f"    {line}\n" in text


def _rates(model: Model, v: np.ndarray) -> dict[str, np.ndarray]:
    """The definitions of a model that follow from v and its parameters alone, in SI units."""
    known: dict[str, float | np.ndarray] = {"v": v} | {p.name: p.default for p in model.parameters}
    for one in model.definitions:
        known[one.name] = evaluate(one.expression, known)
    return {name: np.asarray(value) for name, value in known.items() if name.startswith(("alpha", "beta"))}


def test_gates_have_the_rates_of_hodgkin_and_huxley() -> None:
    own, v = Catalogue(assemble(program())), np.linspace(-0.09, 0.05, 29) + 1e-5
    shipped = MODELS["hh_channels"]
    expected = _rates(shipped, v)
    found = {name: rate for channel in ("na", "k") for name, rate in _rates(own.own[channel], v).items()}
    assert found.keys() == expected.keys() and len(found) == 6
    for name, rate in found.items():
        assert rate == pytest.approx(expected[name], rel=1e-9)


def test_a_segment_without_length_is_a_sphere() -> None:
    sphere = DOCUMENT.replace('<distal x="20" y="0" z="0" diameter="20"/>', '<distal x="0" y="0" z="0" diameter="20"/>')
    branch = verified(sphere).network.cables[0].cell.tree.branches[0]
    assert branch.pieces[0].end == pytest.approx(20e-6) and branch.pieces[0].r0 == 10e-6


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('<parent segment="0"/>', '<parent segment="7"/>', "parent 7 of segment 1 does not exist"),
        ('<parent segment="0"/>', '<parent segment="2"/>', "loop"),
        ('<parent segment="0"/>', "", "both have no parent"),
        ('<segment id="2"', '<segment id="1"', "two segments 1"),
        ('<segment id="2"', f'<segment id="{"9" * 5000}"', "whole number of at most 18 digits"),
        ('diameter="2"', 'diameter="0"', "more than 0"),
        ('fractionAlong="0.5"', 'fractionAlong="1.5"', "from 0 to 1"),
        ('<member segment="0"/>', '<member segment="9"/>', "no segment 9"),
        ('<include segmentGroup="soma_group"/>', '<include segmentGroup="all"/>', "part of itself"),
        ('<include segmentGroup="soma_group"/>', '<include segmentGroup="axon"/>', "no segment group 'axon'"),
        ('ion="na" segmentGroup="soma_group"', f'ion="na" segment="{"9" * 5000}"', "whole number of at most 18 digits"),
        ('ionChannel="na"', 'ionChannel="nap"', "channel nap is not in the document"),
        ('"0.3 mS_per_cm2"', '"0.3 mS"', "condDensity is '0.3 mS'"),
        ("<spikeThresh", "<channelPopulation", "<channelPopulation> is not read"),
        ('type="HHSigmoidRate"', 'type="Vtrap"', "type Vtrap is not read"),
        ("<gateHHrates id", "<gateHHtauInf id", "<gateHHtauInf>"),
        ("<forwardRate", "<q10Settings/><forwardRate", "<q10Settings> of a gate is not read"),
        ("<neuroml ", "<!DOCTYPE a [<!ENTITY b 'c'>]><neuroml ", "entities are refused"),
        ("</morphology>", "", "this is no XML"),
        ('<cell id="pyr">', '<cell id="a"/><cell id="pyr">', "2 cells"),
    ],
)
def test_what_is_refused_is_told_at_its_line(old: str, new: str, words: str) -> None:
    text = DOCUMENT.replace(old, new, 1) if old != "<gateHHrates id" else DOCUMENT.replace("gateHHrates", "gateHHtauInf")
    found = fault(text)
    assert words in found.message and found.span is not None
    line = next((n for n, row in enumerate(DOCUMENT.split("\n"), 1) if old.partition(" ")[0] in row), 0)
    assert found.span.line >= line or "no parent" in words or "cells" in words


@pytest.mark.parametrize("name", ["r7", "SET", "file", "cells", "pas", "a" * 300, "a-b", "\u00e9", "7"])
def test_any_name_becomes_a_name_of_a_program(name: str) -> None:
    text = DOCUMENT
    for own in ("pyr", "na", "na_soma", "soma_group"):
        text = text.replace(f'"{own}"', f'"{name}"')
    assert verified(text).n == verified().n
    assert len({line.split()[1] for line in program(text).splitlines() if line.startswith((".cell", ".mech", "    MECH"))}) == 6


def test_the_command_knows_the_format_by_the_suffix() -> None:
    assert command("import", str(FILE)).text == program() == command("import", "neuroml", str(FILE)).text
