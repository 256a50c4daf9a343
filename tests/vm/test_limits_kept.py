"""A run that would keep more than the limits allow ends with a finding, and what it had by then is kept."""

from __future__ import annotations

import pytest

import bioasm
from bioasm import BioasmError
from bioasm.isa import limits

# How long they run depends on what they compute, so that it is not known before.
RUN = "GET r0, energy\nMUL r0, r0, 0\nADD r0, r0, 10\nRUN r0\nRD\n"
TEXTS = {
    "record_bytes": f"ALC 4\nOUT 7\nREC v\n{RUN}",
    "spikes": f"ALC 4\nOUT 7\nCUR 1 nA\n{RUN}",
    "trace_entries": f"ALC 4\nLDH [1, 1, 1, 1]\nOUT 7\n{RUN}",
}


@pytest.mark.parametrize(("name", "text"), TEXTS.items())
def test_a_run_over_a_limit_keeps_what_it_had(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.LIMITS, name, limits.LIMITS[name]._replace(value=50))
    with pytest.raises(BioasmError) as told:
        bioasm.run(text, seed=1)
    so_far = told.value.partial
    assert told.value.diagnostics[0].code == "B111"
    assert so_far.status == "failed"
    assert [(r.what, r.value) for r in so_far.results] == [("value", 7.0)]
    assert so_far.recordings["v"].values.size > 50 if name == "record_bytes" else so_far.steps > 0


@pytest.mark.parametrize("name", ["record_bytes", "trace_entries"])
def test_what_is_known_to_be_over_a_limit_does_not_begin(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.LIMITS, name, limits.LIMITS[name]._replace(value=50))
    with pytest.raises(BioasmError, match="B111") as told:
        bioasm.run(TEXTS[name].replace(RUN, "RUN 10\n"), seed=1)
    assert told.value.partial is None


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_run_that_fills_the_memory_keeps_what_it_had(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.vm.outputs.memory", lambda: 3000)
    with pytest.raises(BioasmError, match="this machine has") as told:
        bioasm.run(text, seed=1)
    so_far = told.value.partial
    assert told.value.diagnostics[0].code == "B403"
    assert so_far.steps > 0
    assert [(r.what, r.value) for r in so_far.results] == [("value", 7.0)]
