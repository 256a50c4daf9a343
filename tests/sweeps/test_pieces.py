"""Pieces of the lanes merge to the bytes of the whole, and what can't be cut is refused at its place."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.drivers import find_driver
from bioasm.results import Result
from bioasm.results.piece import Piece, Trace
from bioasm.results.reading import load
from bioasm.results.transfer import pack_result, unpack_result
from bioasm.sweeps.merge import merge
from bioasm.verifier.gate import verify
from bioasm.verifier.lanes import check_separable, lane_flow
from tests.command import bioasm as command
from tests.programs.support import FOLDER, NAMES, program
from tests.sweeps.support import SPINS, TEXTS, both, dumped, kept, pieces

CUTS = [(4, (1,)), (7, (3, 5)), (18, (13, 17))]  # less than a wide block, one, and two whose second is cut
COUPLED = "[[0, 1, 0, 0, 0], [1, 0, 1, 0, 0], [0, 1, 0, 1, 0], [0, 0, 1, 0, -1], [0, 0, 0, -1, 0]]"
# Programs that take minutes: fewer connections, samples and times, where those have a name.
SMALLER: dict[str, dict[str, object]] = {
    "coba": {"p": 0.002},
    "cuba": {"p": 0.002},
    "ferromagnet_2d": {"samples": 100},
    "potjans_diesmann": {"scale": 0.01, "span": "40 ms", "settle": "20 ms"},
}
STEERED = {"boltzmann", "closed_loop", "factor_15", "invertible_and", "own_mechanisms", "song_abbott"}  # by a reading
INSEPARABLE = STEERED | {"population", "tempering"}  # whose lanes take states from others


@pytest.mark.parametrize(("lanes", "cuts"), CUTS)
@pytest.mark.parametrize("name", TEXTS)
def test_pieces_merge_to_the_bytes_of_the_whole(name: str, lanes: int, cuts: tuple[int, ...]) -> None:
    whole, parts = bioasm.run(TEXTS[name], lanes=lanes, seed=5), pieces(TEXTS[name], lanes, cuts)
    assert both(merge(parts)) == both(whole)
    assert both(merge([kept(part) for part in reversed(parts)])) == both(whole)
    assert set(merge(parts).timing) == set(whole.timing)


@pytest.mark.parametrize("name", ["tsp5", "waveform", "lif_fi_curve"])
def test_programs_merge_to_the_bytes_of_the_whole(name: str) -> None:
    assert both(merge(pieces(program(name), 7, (3, 5)))) == both(bioasm.run(program(name), lanes=7, seed=5))


@pytest.mark.long
@pytest.mark.parametrize(("lanes", "cuts"), CUTS)
@pytest.mark.parametrize("name", sorted(set(NAMES) - INSEPARABLE))
def test_every_separable_program_merges_to_the_bytes_of_the_whole(name: str, lanes: int, cuts: tuple[int, ...]) -> None:
    options = {"set": SMALLER.get(name)}
    whole = bioasm.run(program(name), lanes=lanes, seed=5, **options)
    assert both(merge([kept(part) for part in pieces(program(name), lanes, cuts, **options)])) == both(whole)


def test_all_programs_but_those_of_the_list_are_separable() -> None:
    assert {name for name in NAMES if lane_flow(verify(program(name))).meetings} == STEERED
    assert {name for name in NAMES if not _is_separable(name)} == INSEPARABLE


def _is_separable(name: str) -> bool:
    try:
        check_separable(verify(program(name)))
    except BioasmError as refused:
        assert {one.code for one in refused.diagnostics} == {"B601"}
        return False
    return True


@pytest.mark.parametrize(
    ("use", "what"),
    [
        ("JGT r1, 0, end", "JGT"),
        ("LOOP r1, end", "LOOP"),
        ("ADD r2, r1, 1\nRUN r2", "RUN"),
        ("SIG r1", "SIG"),
        ("LDO r1", "LDO"),
        ("PEEK r2, s, r1", "PEEK"),
        ("MOV r3, r1\nMOV r1, 0\nMIN r1, r1, r3\nFREE r1", "FREE"),
    ],
)
def test_reading_that_decides_what_lanes_do_is_refused_at_its_place(use: str, what: str) -> None:
    text = f"MODEL ising\nALC 2\nLDJ [[0, 1], [1, 0]]\nSIG 1\nRUN 1\nGET r1, energy\n{use}\nend:\nRUN 1\n"
    with pytest.raises(BioasmError) as refused:
        bioasm.run(text, lanes="0:2/4", seed=1)
    (found,) = refused.value.diagnostics
    assert found.code == "B601"
    assert f"and {what} in line" in found.message
    assert found.span.line == 6


@pytest.mark.parametrize(("shift", "refused"), [("", False), ("0", False), ("1", True), ("r0", True)])
def test_lanes_that_take_from_others_are_refused(shift: str, refused: bool) -> None:
    text = f"MODEL ising\nALC 5\nLDJ {COUPLED}\nSIG 1\nRUN 3\nMOV r0, 0\nMERGE {shift}\nRUN 2\nRD spins\n"
    if not refused:
        assert both(merge(pieces(text, 3, (1,)))) == both(bioasm.run(text, lanes=3, seed=5))
        return
    with pytest.raises(BioasmError, match="B601.*MERGE with a shift"):
        bioasm.run(text, lanes="0:2/4", seed=1)


def test_reading_in_the_first_register_is_traced() -> None:
    text = "MODEL ising\nALC 2\nLDJ [[0, 1], [1, 0]]\nSIG 1\nRUN 1\nGET r0, energy\nOUT r0\n"
    assert lane_flow(verify(bioasm.assemble(text))).traced == {5, 6}


def test_number_that_all_lanes_have_alike_may_decide() -> None:
    text = "MODEL ising\nALC 2\nSIG 1\nRUN 3\nGET r1, energy\nOUT r1\nGET r1, time\nagain:\nRUN 1\nLOOP r1, again\nOUT r1\n"
    assert both(merge(pieces(text, 3, (1,)))) == both(bioasm.run(text, lanes=3, seed=5))


def test_out_of_fuel_at_one_place_merges() -> None:
    whole = bioasm.run(SPINS, lanes=7, seed=5, fuel=40)
    assert whole.status == "out of fuel"
    assert both(merge(pieces(SPINS, 7, (3,), fuel=40))) == both(whole)


def test_parameters_are_those_of_one_whole() -> None:
    parts = [
        bioasm.run(SPINS, lanes=f"{k}:{k + 1}/2", seed=5, set={"rule": r}) for k, r in enumerate(("glauber", "metropolis"))
    ]
    with pytest.raises(BioasmError, match="another parameters"):
        merge(parts)


def test_checkpoint_belongs_to_its_piece(tmp_path: Path) -> None:
    file = tmp_path / "c.ckpt"
    options = {"seed": 5, "checkpoint": file}
    cut = bioasm.run(SPINS, lanes="3:5/7", fuel=45, **options)
    assert cut.status == "out of fuel"
    assert len(cut.piece.trace.steps) > 0
    resumed = bioasm.run(SPINS, lanes="3:5/7", resume=True, **options)
    assert dumped(resumed) == dumped(pieces(SPINS, 7, (3, 5))[1])
    for other in ("2:4/7", "3:5/8", 2):
        with pytest.raises(BioasmError, match="B404.*piece of lanes"):
            bioasm.run(SPINS, lanes=other, resume=True, **options)


def test_threads_do_not_show_in_a_piece() -> None:
    one, several = (bioasm.run(TEXTS["membranes"], lanes="5:45/60", seed=5, threads=threads) for threads in (1, 3))
    assert dumped(one) == dumped(several)


# --- what does not fit together ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts() -> list[Result]:
    return pieces(SPINS, 7, (3, 5))


def refusal(parts: list[Result]) -> str:
    with pytest.raises(BioasmError) as refused:
        merge(parts)
    assert {d.code for d in refused.value.diagnostics} == {"B602"}
    return str(refused.value)


def test_what_is_not_whole_is_refused(parts: list[Result]) -> None:
    a, b, c = parts
    assert "no piece to merge" in refusal([])
    assert "lanes 3 to 4 are missing before piece 1" in refusal([a, c])
    assert "lanes 5 to 6 are missing" in refusal([a, b])
    assert "begins with lane 3, and another piece has lanes up to 4" in refusal([a, b, b, c])
    assert "is no piece" in refusal([a, bioasm.run(SPINS, lanes=7, seed=5)])
    assert "another seed than piece 0: 6, not 5" in refusal([a, replace(b, seed=6), c])
    assert "another end" in refusal([a, replace(b, status="interrupted"), c])
    assert "ended with `interrupted`" in refusal([replace(part, status="interrupted") for part in parts])
    assert "another program" in refusal([a, replace(b, program_sha256="0"), c])
    later = {name: replace(one, t=one.t + 1) for name, one in b.recordings.items()}
    assert refusal([a, replace(b, recordings=later), c]).endswith("piece 1 has another set of recorded times than piece 0")


def test_piece_travels_as_it_is(parts: list[Result]) -> None:
    for part in parts:
        assert dumped(unpack_result(pack_result(part))) == dumped(part)


@pytest.mark.parametrize(
    "steps",
    [[[9, 0, 0]], [[0, 1, 0]], [[0x31, 0, 0]], [[0, 0, 0], [0x58, 0, 9]], [[0, 0, 0], [0x58, 1, 0]], [[0, 0, 0]] * 2, []],
)
def test_damaged_trace_is_told(steps: list[list[int]]) -> None:
    trace = Trace(np.array(steps, np.int64).reshape(-1, 3), np.zeros((1, 2)))
    assert trace.flaw(2, 3) is not None


def test_sound_trace_has_no_flaw() -> None:
    trace = Trace(np.array([[0, 0, 0], [0x31, 0, -1], [0x58, 1, 2]]), np.zeros((1, 2)), (0.5,))
    assert trace.flaw(2, 3) is None
    assert trace.flaw(3, 3) is not None


def test_constants_of_a_trace_are_exact_in_json() -> None:
    piece = Piece(0, 4, Trace(np.array([[0, 0, 0], [0x31, 0, -1]]), np.zeros((1, 2)), (float("inf"), -0.0)))
    assert [float.fromhex(c) for c in json.loads(json.dumps(piece.content()["trace"]["constants"]))] == [float("inf"), -0.0]


# --- the command ------------------------------------------------------------------------------------


def test_command_merges_files_of_several_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.basm").write_text(SPINS)
    for lanes, name in (("0:3/7", "a.npz"), ("3:7/7", "b.json")):
        told = command("run", "p.basm", "--seed", 5, "--lanes", lanes, "-o", name)
        assert told.code == 0
    assert "lanes 3 to 6 of 7" in told.text
    assert command("merge", "b.json", "a.npz", "-o", "w.npz").code == 0
    assert command("run", "p.basm", "--seed", 5, "--lanes", 7, "-o", "x.npz").code == 0
    whole, merged = (dict(np.load(name)) for name in ("x.npz", "w.npz"))
    assert whole.keys() == merged.keys()
    assert all(np.array_equal(whole[name], merged[name], equal_nan=True) for name in whole if name != "provenance")
    assert command("merge", "a.npz", "b.json", "--json").json["lanes"] == 7


def test_command_replaces_an_older_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zarr")
    monkeypatch.chdir(tmp_path)
    Path("p.basm").write_text(SPINS)
    assert command("run", "p.basm", "--seed", 5, "--lanes", "0:2/2", "-o", "w.zarr").code == 0
    for lanes, name in (("0:3/7", "a.npz"), ("3:7/7", "b.npz")):
        assert command("run", "p.basm", "--seed", 5, "--lanes", lanes, "-o", name).code == 0
    assert command("merge", "a.npz", "b.npz", "-o", "w.zarr").code == 0
    assert load("w.zarr").lanes == 7
    Path("mine.zarr").mkdir()
    assert command("merge", "a.npz", "b.npz", "-o", "mine.zarr").code == 1


def test_command_refuses_what_makes_no_sense(tmp_path: Path) -> None:
    source = FOLDER / "closed_loop.basm"
    assert command("run", source, "--lanes", "0:2/4").code == 1
    for wrong in ("3:2/4", "1:5/4", "0:0/4", "1:2", "-1", "x", "0:2/99999999"):
        assert command("run", source, f"--lanes={wrong}").code == 2
    assert command("merge", tmp_path / "none.npz").code == 1
    assert command("merge", "a.npz", "-o", "a.npz").code == 2
    assert command("merge", "a.npz", "--json", "-o", "-").code == 2


@pytest.mark.skipif(find_spec("brian2") is None, reason="Brian2 is not installed")
@pytest.mark.parametrize("name", TEXTS)
def test_pieces_on_brian2_merge_to_its_whole(name: str) -> None:
    whole = bioasm.run(TEXTS[name], lanes=8, seed=5, driver="brian2")
    assert both(merge(pieces(TEXTS[name], 8, (1, 5), driver="brian2"))) == both(whole)


@pytest.mark.skipif(find_spec("brian2") is None, reason="Brian2 is not installed")
def test_brian2_with_noise_of_its_own_has_no_pieces() -> None:
    with pytest.raises(BioasmError, match="B502.*no piece"):
        bioasm.run(TEXTS["spins"], lanes="0:2/4", seed=5, driver=find_driver("brian2")(noise="own"))  # type: ignore[call-arg]
