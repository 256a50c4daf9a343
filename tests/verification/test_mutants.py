"""What is wrong in a small way is found: kernels of changed models, changed results, a feedback that comes a step late."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("brian2", reason="Brian2 is not installed")

from bioasm.drivers import registry
from bioasm.drivers.brian2.network import Neurons
from tests.verification.mutants import MODELS, RESULTS
from tests.verification.support import NETWORK, SPINS, compared, row

# A membrane that spikes bring to its threshold exactly, and that stays there: powers of two, so that nothing is rounded.
ON_THE_EDGE = (
    "SET El, -0.5\nSET Vt, -0.25\nSET Vr, -0.5\nSET R, 1\nSET I_offset, 0.25\nSET tau, 0.0078125\nSET dt, 0.0009765625\n"
    "SET feedback_interval, 0.0009765625\nALC 1\nSIG 0\nSPK [[0, 0]], 0.21875\nRUN 0.02\n"
)
WITH_SPIKES = NETWORK.replace("RUN", "SPK [[2e-3, 0], [2e-3, 1], [30e-3, 2]], 7 mV\nPOI 300 Hz, 5 mV\nRUN")
NEEDS = {"jumps of spikes off": WITH_SPIKES, "threshold >=": ON_THE_EDGE}


@pytest.fixture(autouse=True)
def mutants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutants are found by name as drivers are."""
    monkeypatch.setitem(registry.BUILT_IN, "mutant", "tests.verification.mutants:Mutant")


def of(change: str, text: str = NETWORK, **wanted: Any) -> Any:
    """The report on a mutant."""
    return compared(text, "mutant", driver_options={"name": change}, **wanted)


@pytest.mark.parametrize("text", [NETWORK, SPINS, ON_THE_EDGE, WITH_SPIKES])
def test_a_mutant_without_a_change_agrees(text: str) -> None:
    assert of("none", text).agrees


@pytest.mark.parametrize("change", MODELS)
def test_kernels_of_a_changed_model_are_caught(change: str) -> None:
    assert not of(change, NEEDS.get(change, NETWORK)).agrees


@pytest.mark.parametrize("change", RESULTS)
def test_changed_results_are_caught(change: str) -> None:
    report = of(change)
    assert not report.agrees
    assert report.piece is None


@pytest.mark.parametrize("text", [NETWORK, SPINS])
def test_other_noise_is_caught(text: str) -> None:
    assert not of("other seed", text).agrees


def test_a_late_feedback_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    due = Neurons._feedback_is_due
    monkeypatch.setattr(Neurons, "_feedback_is_due", lambda self, step: due(self, step - 1))
    report = compared(NETWORK)
    assert not report.agrees
    assert not row(report, "v").within


def test_what_is_wrong_is_not_taken_for_rounding_in_a_network_that_magnifies_it() -> None:
    longer = NETWORK.replace("60 ms", "500 ms").replace("LDJ", "SET tau, 5 ms\nLDJ")
    report = of("tau off by a millionth", longer)
    assert not report.agrees
    assert report.piece is None


def test_the_report_says_when_a_deviation_began() -> None:
    report = of("tau off by 0.1 %")
    assert row(report, "v").time == pytest.approx(1e-4)
    assert row(report, "energy_trace").entry == 1
    spikes = row(report, "spikes")
    assert (spikes.missed or 0) + (spikes.extra or 0) > 0 or spikes.within


@pytest.mark.parametrize("change", ["noise off by 0.1 %", "none"])
def test_statistics_of_equal_noise_can_not_tell_a_thousandth(change: str) -> None:
    assert of(change, own_noise=True, lanes=40).agrees


@pytest.mark.parametrize("change", ["no reset"])
def test_statistics_tell_what_is_plainly_wrong(change: str) -> None:
    report = of(change, own_noise=True, lanes=40)
    assert not report.agrees
    assert "rate" in {c.name for c in report.comparisons if not c.agrees}
