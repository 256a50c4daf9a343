"""Time to target: shares, restarts, first hits in traces and behind MERGE, and the command that tells them."""

from __future__ import annotations

import weakref
from math import inf, log
from pathlib import Path

import numpy as np
import pytest

from bioasm.api.tts import hits_of, time_to_target, watched
from bioasm.drivers import RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.results.result import Result
from bioasm.results.success import Tries, estimate, restarts
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify
from tests.command import bioasm as command


def tries(*hits: float, end: float = 100.0) -> Tries:
    return Tries(np.array(hits), end, "sweeps", 1.0)


def test_one_success_is_enough_where_every_try_succeeds() -> None:
    found = estimate(tries(10, 20, 30, 40))
    assert (found.successes, found.tries, found.median, found.length) == (4, 4, 20, 40)
    assert found.time[1] == 40


def test_the_best_length_of_a_try_weighs_restarts_against_waiting() -> None:
    found = estimate(tries(10, 10, 90, inf))
    assert found.length == 10
    assert found.time[1] == pytest.approx(10 * log(0.01) / log(0.5))
    assert found.time[0] < found.time[1] < found.time[2]
    assert found.share[0] < found.share[1] == 0.75 < found.share[2]
    assert estimate(tries(10, 10, 90, inf), 0.5).time[1] == pytest.approx(10)


def test_without_a_success_there_is_a_least_time() -> None:
    found = estimate(tries(inf, inf, inf))
    assert (found.successes, found.median, found.time[1], found.time[2]) == (0, inf, inf, inf)
    assert 100 < found.time[0] < inf


def test_restarts_are_at_least_one() -> None:
    assert restarts(np.array([0.0, 0.5, 0.999, 1.0]), 0.99).tolist() == pytest.approx([inf, log(0.01) / log(0.5), 1, 1])


FALLING = """
MODEL ising
ALC 3
LDS [1, 1, 1]
LDH [-1, -2, -4]
SIG 0
MOV r0, 2
again:
CLAMP [0, 1, 2], 1
RUN 2
FREE
RUN 1
LOOP r0, again
"""


def test_a_try_hits_with_the_first_entry_of_its_trace() -> None:
    with CpuDriver() as driver:
        result = driver.run(verify(assemble(FALLING)), RunOptions(lanes=2))
        assert hits_of(result, -7.0).tolist() == [3, 3]
        assert hits_of(result, 7.0).tolist() == [1, 1]
        assert hits_of(result, -7.5).tolist() == [inf, inf]
        found = time_to_target(assemble(FALLING), driver, -7.0, range(3), RunOptions(lanes=2))
    assert (found.hits.tolist(), found.end, found.unit) == ([3.0] * 6, 6, "sweeps")


def test_results_of_seeds_are_not_kept() -> None:
    """Nor their traces: each is gone before the run after the next begins."""
    kept: list[weakref.ref[Result]] = []

    class Watched(CpuDriver):
        def run(self, verified: Verified, options: RunOptions) -> Result:
            assert all(one() is None for one in kept[:-1])
            result = super().run(verified, options)
            kept.append(weakref.ref(result))
            return result

    with Watched() as driver:
        assert len(time_to_target(assemble(FALLING), driver, -7.0, range(4), RunOptions()).hits) == 4


MERGING = """
MODEL ising
ALC 4
LDS [1, 1, 1, 1]
LDJ [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
LDH [1, 0, 1, 0]
LDS [1, 1, -1, -1]
RUN 0
LDS [-1, -1, 1, 1]
SIG 100
RUN 4
again:
JMP on
on:
MERGE
JMP end
end:
HLT
"""


def test_a_merge_that_reaches_the_target_counts_when_it_does() -> None:
    program = watched(assemble(MERGING))
    assert [i.row.mnemonic for i in program.instructions][-5:] == ["MERGE", "RD", "RD", "JMP", "HLT"]
    with CpuDriver() as driver:
        result = driver.run(verify(program), RunOptions())
    assert [one.what for one in result.results] == ["steps", "best_energy"]
    hits = hits_of(result, float(result.best_energy[0]))
    assert hits[0] <= 4


def test_what_only_the_best_energy_tells_counts_at_the_end() -> None:
    text = "MODEL ising\nALC 2\nLDS [-1, -1]\nLDJ [[0, 1], [1, 0]]\nLDH [0.25, 0.25]\nSIG 0\nRUN 5\nLDS [1, 1]\n"
    with CpuDriver() as driver:
        result = driver.run(verify(assemble(text)), RunOptions())
    assert (result.best_energy.tolist(), result.energy_trace.min()) == ([-1.5], -0.5)
    assert hits_of(result, -1.5).tolist() == [5]


def test_the_command_tells_and_draws(tmp_path: Path) -> None:
    (tmp_path / "a.basm").write_text(FALLING)
    pytest.importorskip("matplotlib")
    found = command("tts", tmp_path / "a.basm", "--target", -7, "--seeds", 2, "--lanes", 3, "--plot", tmp_path / "s.svg")
    assert "6 of 6" in found.text
    assert "6 of 6 tries" in (tmp_path / "s.svg").read_text()
    told = command("tts", tmp_path / "a.basm", "--target", -8, "--seeds", 2, "--lanes", 3, "--json").json
    (row,) = told["programs"]
    assert (row["successes"], row["tries"], row["hits"]) == (0, 6, [None] * 6)


def test_wrong_pictures_and_programs_are_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "a.basm").write_text(FALLING)
    assert command("tts", tmp_path / "a.basm", "--target", -7, "--plot", tmp_path / "s.txt").code == 2
    assert command("tts", tmp_path / "none.basm", "--target", -7).code == 1
    assert command("tts", tmp_path / "a.basm", "--target", "nan").code == 2


@pytest.mark.parametrize("text", ["MODEL ising\nALC 2\n", "POP cells, lif, 2\nRUN 1 ms\n"])
def test_a_program_without_a_trace_reaches_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.basm").write_text(text)
    found = command("tts", tmp_path / "a.basm", "--target", -100, "--seeds", 1, "--lanes", 2)
    assert (found.code, "0 of 2" in found.text) == (0, True)
    assert "Warning" not in found.text
