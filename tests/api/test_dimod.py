"""The sampler of Ocean: dimod's own test kit, its composites, and what the options do."""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys
import unittest
from typing import Any

import dimod
import dimod.testing
import networkx
import numpy as np
import pytest
from dwave.preprocessing import FixVariablesComposite, ScaleComposite, SpinReversalTransformComposite

import bioasm
from bioasm.dimod import BioasmSampler

SAMPLER = BioasmSampler()
CHAIN = dimod.BinaryQuadraticModel({k: 0.1 * k for k in range(6)}, {(k, k + 1): -1.0 for k in range(5)}, 2.5, "SPIN")


@dimod.testing.load_sampler_bqm_tests(BioasmSampler)
class TestKit(unittest.TestCase):
    """The 32 checks that dimod has for samplers."""

    def test_the_call_is_that_of_a_sampler(self) -> None:
        dimod.testing.assert_sampler_api(SAMPLER)


def test_the_kit_has_its_checks() -> None:
    assert len([name for name in dir(TestKit) if name.startswith("test_sample")]) == 32


def ground(model: Any) -> float:
    """The lowest energy, by looking at all states."""
    solver = dimod.ExactSolver() if hasattr(model, "linear") else dimod.ExactPolySolver()
    found = solver.sample(model) if hasattr(model, "linear") else solver.sample_poly(model)
    return float(found.first.energy)


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_samples_are_the_models(vartype: str) -> None:
    model = CHAIN.change_vartype(vartype, inplace=False)
    found = SAMPLER.sample(model, num_reads=20, seed=3)
    assert (len(found), found.vartype.name) == (20, vartype)
    assert found.first.energy == pytest.approx(ground(model))
    dimod.testing.assert_sampleset_energies(found, model)
    assert found.aggregate().record.num_occurrences.sum() == 20


def test_a_seed_gives_the_same_samples() -> None:
    model = dimod.generators.gnp_random_bqm(30, 0.3, "SPIN", random_state=1)
    first, second = (SAMPLER.sample(model, num_reads=8, num_sweeps=3, seed=5) for _ in range(2))
    assert np.array_equal(first.record, second.record)
    assert first.info["seed"] == 5
    assert first.info["program_sha256"] == second.info["program_sha256"]
    assert SAMPLER.sample(model, num_reads=8, num_sweeps=3, seed=6).record.sample.tolist() != first.record.sample.tolist()


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_polynomials_of_any_order(vartype: str) -> None:
    model = dimod.BinaryPolynomial({"abc": 1.5, "bcde": -2, "ae": 1, "d": 0.5, "": 3}, vartype)
    found = SAMPLER.sample_poly(model, num_reads=10, seed=1)
    assert found.first.energy == pytest.approx(ground(model))
    dimod.testing.assert_sampleset_energies(found, model)


def test_the_other_ways_to_polynomials() -> None:
    assert SAMPLER.sample_hubo({("a", "b", "c"): -1, ("a",): 0.5}, seed=1).first.energy == -0.5
    assert SAMPLER.sample_hising({"a": 0.5}, {("a", "b", "c"): -1}, seed=1).first.energy == -1.5
    assert dimod.HigherOrderComposite(SAMPLER).sample_hubo({("a", "b", "c"): -1}, seed=1).first.energy == -1


def test_a_polynomial_without_variables() -> None:
    assert SAMPLER.sample_poly(dimod.BinaryPolynomial({(): 2.0}, "SPIN")).record.energy.tolist() == [2.0]


# --- composites -------------------------------------------------------------------------------------

COMPOSITES: dict[str, Any] = {
    "spin reversal": SpinReversalTransformComposite,
    "scale": ScaleComposite,
    "fix": lambda s: FixVariablesComposite(s, algorithm="roof_duality"),
    "truncate": lambda s: dimod.TruncateComposite(s, 3),
    "track": dimod.TrackingComposite,
    "structure": lambda s: dimod.StructureComposite(s, list(range(6)), [(k, k + 1) for k in range(5)]),
}


@pytest.mark.parametrize("name", COMPOSITES)
def test_composites_work(name: str) -> None:
    found = COMPOSITES[name](SAMPLER).sample(CHAIN, num_reads=5, seed=1)
    assert found.first.energy == pytest.approx(ground(CHAIN))
    dimod.testing.assert_sampleset_energies(found, CHAIN)


# --- options ----------------------------------------------------------------------------------------


def test_reads_start_from_initial_states() -> None:
    states = [[1, -1, 1, -1, 1, -1], [-1] * 6]
    frozen = {"beta_range": [1e9, 1e9], "num_sweeps": 1, "seed": 1}
    found = SAMPLER.sample(CHAIN, initial_states=(states, range(6)), **frozen)
    assert len(found) == 2
    assert found.record.sample[1].tolist() == [-1] * 6
    bits = SAMPLER.sample(CHAIN.change_vartype("BINARY", inplace=False), initial_states=([0] * 6, range(6)), **frozen)
    assert bits.record.sample.tolist() == [[0] * 6]


def test_initial_states_are_expanded() -> None:
    start = dict.fromkeys(range(6), -1)
    tiled = SAMPLER.sample(CHAIN, initial_states=start, initial_states_generator="tile", num_reads=4, seed=1, num_sweeps=1)
    assert len(tiled) == 4
    with pytest.raises(ValueError, match="initial"):
        SAMPLER.sample(CHAIN, initial_states=start, initial_states_generator="none", num_reads=4)


def test_initial_states_of_polynomials() -> None:
    model = dimod.BinaryPolynomial({"abc": -1.0}, "SPIN")
    found = SAMPLER.sample_poly(model, initial_states={"a": 1, "b": 1, "c": 1}, beta_range=[1e9, 1e9], num_sweeps=1, seed=1)
    assert found.record.sample.tolist() == [[1, 1, 1]]


def test_a_time_limit_ends_sampling() -> None:
    model = dimod.generators.ran_r(1, networkx.gnp_random_graph(80, 0.3, seed=1), seed=1)
    found = SAMPLER.sample(model, num_reads=4, time_limit=0.2, seed=1)
    assert (found.info["status"], len(found)) == ("time limit", 4)
    assert found.info["sweeps_done"] > 1000


def test_an_interrupt_function_ends_sampling() -> None:
    asked: list[int] = []
    found = SAMPLER.sample(CHAIN, num_sweeps=10**9, interrupt_function=lambda: asked.append(1) or len(asked) > 2, seed=1)
    assert (found.info["status"], len(asked)) == ("interrupted", 3)
    dimod.testing.assert_sampleset_energies(found, CHAIN)


def test_ctrl_c_ends_sampling() -> None:
    found = SAMPLER.sample(CHAIN, num_sweeps=10**9, interrupt_function=lambda: signal.raise_signal(signal.SIGINT), seed=1)
    assert found.info["status"] == "interrupted"


def test_sweeps_are_those_asked_for() -> None:
    for sweeps in (1, 7, 200, 1000):
        assert SAMPLER.sample(CHAIN, num_sweeps=sweeps, seed=1).info["sweeps_done"] == sweeps + 20


@pytest.mark.parametrize(
    "options",
    [{"num_reads": 0}, {"num_sweeps": 0}, {"num_sweeps": 1.5}, {"beta_range": [2, 1]}, {"beta_range": [0, 1]},
     {"time_limit": 0}, {"num_reads": 1 << 17}, {"seed": -1}],
)  # fmt: skip
def test_what_is_no_option(options: dict[str, Any]) -> None:
    with pytest.raises(bioasm.BioasmError):
        SAMPLER.sample(CHAIN, **options)


def test_an_unknown_option_is_told() -> None:
    with pytest.raises(TypeError, match="num_read"):
        SAMPLER.sample(CHAIN, num_read=3)


def test_labels_of_any_kind() -> None:
    labels = [("a", 1), frozenset("b"), "c", 4, np.int64(7)]
    model = dimod.BinaryQuadraticModel(dict.fromkeys(labels, -1.0), {}, "BINARY")
    assert set(SAMPLER.sample(model, seed=1).first.sample) == set(labels)


def test_without_dimod_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.extras.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "bioasm.dimod")
    with pytest.raises(bioasm.BioasmError, match="(?s)B312.*bioasm.dimod needs dimod.*pip install 'bioasm\\[dimod\\]'"):
        importlib.import_module("bioasm.dimod")


def test_it_is_found_by_its_name() -> None:
    code = "import bioasm; print(bioasm.dimod.BioasmSampler.__name__)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "BioasmSampler\n"


def test_options_of_dwave_are_followed_or_refused_by_name() -> None:
    followed = {"num_sweeps_per_beta": 5, "beta_schedule_type": "geometric", "randomize_order": False}
    found = SAMPLER.sample(CHAIN, num_sweeps=10, seed=1, **followed)
    assert (found.info["num_sweeps"], found.info["sweeps_done"]) == (10, 30)
    for options in ({"beta_schedule_type": "linear"}, {"beta_schedule": [1, 2]}, {"proposal_acceptance_criteria": "Gibbs"}):
        with pytest.raises(bioasm.BioasmError, match=f"B406.*{next(iter(options))}"):
            SAMPLER.sample(CHAIN, **options)
    with pytest.raises(TypeError, match="no option 'num_read': did you mean num_reads"):
        SAMPLER.sample(CHAIN, num_read=3)


@pytest.mark.parametrize(
    "options", [{"num_reads": "a"}, {"seed": "x"}, {"interrupt_function": 5}, {"beta_range": "ab"}, {"beta_range": 1}]
)
def test_options_of_another_kind_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(bioasm.BioasmError, match="B406"):
        SAMPLER.sample(CHAIN, **options)
