"""The target cpp_standalone: what it runs agrees with the compiled machine, and what it can't run is refused by name."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from tests.brian2.support import assert_alike, on_brian2, on_cpu

needs_compiler = pytest.mark.skipif(not (shutil.which("g++") and shutil.which("make")), reason="g++ or make is not installed")

TWO_KINDS = """
    POP a, lif_critical, 3
    POP b, hh, 2
    SET dt, 0.02 ms
    SIG 0
    INP a.I, 400 pA
    INP b.I, 10 uA/cm2
    REC a.v, 1 ms
    REC b.m, 0.1 ms
    RUN 40 ms
    RD spikes
    RD b.v
"""


@needs_compiler
@pytest.mark.long
def test_two_kinds_of_neurons_agree_with_the_machine() -> None:
    found, wanted = on_brian2(TWO_KINDS, lanes=2, target="cpp_standalone"), on_cpu(TWO_KINDS, lanes=2)
    assert min(wanted.spike_count[0, 0], wanted.spike_count[0, 3]) > 0
    assert_alike(found, wanted, 1e-9)
    assert set(found.timing) == {"import", "build", "codegen", "run", "total"}


@needs_compiler
def test_noise_of_its_own_has_the_statistics_of_the_shared_one() -> None:
    text = "ALC 100\nSIG 5 mV\nRUN 100 ms\n"
    cpp, wanted = on_brian2(text, lanes=20, target="cpp_standalone", noise="own"), on_cpu(text, lanes=20)
    assert not np.array_equal(cpp.state, wanted.state)
    assert np.std(cpp.state) == pytest.approx(np.std(wanted.state), rel=0.1)
    assert np.mean(cpp.state) == pytest.approx(np.mean(wanted.state), abs=0.15 * np.std(wanted.state))
    again = on_brian2("ALC 2\nSIG 0\nRUN 1 ms\n")  # numpy is what runs where nothing else is asked for
    assert_alike(again, on_cpu("ALC 2\nSIG 0\nRUN 1 ms\n"))


REFUSED = {
    "feedback": ("ALC 2\nSIG 0\nLDJ [[0,1],[1,0]]\nRUN 1 ms\n", "LDJ"),
    "a loop": ("ALC 2\nSIG 0\nMOV r0, 2\nagain: RUN 1 ms\nLOOP r0, again\n", "MOV"),
    "a second run": ("ALC 2\nSIG 0\nRUN 1 ms\nRUN 1 ms\n", "second RUN"),
    "an input after the run": ("ALC 2\nSIG 0\nRUN 1 ms\nCUR 1 pA\n", "CUR after the RUN"),
    "Poisson spikes": ("ALC 2\nSIG 0\nPOI 10 Hz, 1 mV\nRUN 1 ms\n", "POI"),
    "spins": ("MODEL ising\nALC 2\nRUN 1\n", "spins"),
    "shared noise": ("ALC 2\nSIG 1 mV\nRUN 1 ms\n", "noise of lif_critical"),
    "counted spikes": ("ALC 2\nSIG 0\nREC spike_count, 1 ms\nRUN 1 ms\n", "spike_count"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_python_is_refused_by_its_name(name: str) -> None:
    text, word = REFUSED[name]
    with pytest.raises(BioasmError, match=f"B502.*{word}"):
        on_brian2(text, target="cpp_standalone")


def test_without_a_compiler_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BioasmError, match=r"B503.*g\+\+"):
        on_brian2("ALC 2\nSIG 0\nRUN 1 ms\n", target="cpp_standalone")
