"""Events of a model's own: when they happen, what they do and in which order, however the run is cut, and as on Brian2."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.results import Result, Spikes
from bioasm.results.reading import load
from bioasm.results.transfer import pack_result, unpack_result
from bioasm.sweeps.merge import merge
from bioasm.text.assemble import assemble
from bioasm.verification.verify import Request, verify_drivers
from bioasm.verifier.gate import Verified, verify
from bioasm.vm.checkpoint import load_checkpoint, save_checkpoint
from bioasm.vm.layout import Status
from bioasm.vm.machine import Machine
from bioasm.vm.view import View
from tests.vm.support import finish, machine, program, run
from tests.vm.test_hostile_checkpoints import closed, opened

TEXT = """
.mechanism gate {
  parameters:
    tau = 5 ms > 0
  uses:
    v : V
  state:
    g = 0
  step:
    dg/dt = -g/tau using exact
  event open: v crosses 3 mV
    g += 1
  adds:
    I += g*(2 mV)
}
.model watched {
  parameters:
    tau = 10 ms > 0
  noise: sigma = 0 mV
  inputs:
    I : V
  state:
    v = 0 mV
    n = 0
    seen = 0 mV
  step:
    dv/dt = (I - v)/tau + sigma*sqrt(2/tau)*xi
  spike: v > 8 mV
  reset:
    v := 0 mV
  refractory: 1 ms
  event warn: v > 5 mV
    n += 1
    v := v - 0.05 mV
  event again: v > 5 mV and held(v) > 5 mV
    seen := held(v) + v
}
POP cells, watched, 3
POP more, watched, 2
MECH gate, gate, more
INP cells.I, [5.5e-3, 9e-3, 30e-3]
INP more.I, 12 mV
SIG {noise}
REC more.warn
REC cells.warn
REC gate.open
REC cells.again
CLAMP [0], 7 mV
RUN 20 ms
UNREC cells.warn
FREE
RUN 10 ms
REC cells.warn
RUN 30 ms
RD cells.warn
RD cells.n
RD cells.seen
RD gate.g
"""
QUIET, NOISY = TEXT.replace("{noise}", "0 V"), TEXT.replace("{noise}", "1 mV")


def listed(times: Spikes, lane: int = 0) -> list[tuple[int, int]]:
    mine = times.lane == lane
    return list(zip(np.rint(times.t[mine] / 1e-4).astype(int).tolist(), times.i[mine].tolist(), strict=True))


def by_hand() -> tuple[dict[str, list[tuple[int, int]]], list[float], list[float]]:
    """The cells of the program step by step, with the definition of docs/model-language.md."""
    drive, v, n, seen, still = [5.5e-3, 9e-3, 30e-3], [0.0] * 3, [0.0] * 3, [0.0] * 3, [0] * 3
    found: dict[str, list[tuple[int, int]]] = {"cells.warn": [], "cells.again": []}
    v[0] = 7e-3
    for step in range(600):
        for i in range(3):
            clamped = i == 0 and step < 200
            before, still[i] = v[i], max(0, still[i] - 1)
            v[i] = v[i] if clamped else v[i] + 1e-4 * (drive[i] - v[i]) / 10e-3
            warns = v[i] > 5e-3
            again = warns and before > 5e-3
            if v[i] > 8e-3 and still[i] == 0 and not clamped:
                v[i], still[i] = 0.0, 10
            if warns:
                n[i] += 1
                v[i] -= 0.0 if clamped else 0.05e-3
                if not 200 <= step < 300:
                    found["cells.warn"].append((step, i))
            if again:
                seen[i] = before + v[i]
                found["cells.again"].append((step, i))
    return found, n, seen


def test_they_happen_and_act_as_a_plain_loop_finds() -> None:
    result, (found, n, seen) = run(QUIET, lanes=2), by_hand()
    for lane in (0, 1):
        assert {name: listed(result.events[name], lane) for name in found} == found
    assert [list(row) for row in result["cells.n"]] == [n] * 2
    assert np.allclose(result["cells.seen"], [seen] * 2, rtol=1e-12, atol=0)
    assert len({i for _, i in found["cells.warn"]}) == 3  # a clamped and a refractory neuron among them
    assert list(result.events) == ["more.warn", "cells.warn", "gate.open", "cells.again"]
    assert set(result.events["gate.open"].i.tolist()) == {3, 4}  # numbered through, as spikes are
    assert listed(next(r.value for r in result.results if r.what == "cells.warn")) == found["cells.warn"]


def told(result: Result) -> dict[str, list[list[float]]]:
    times = {**result.events, "spikes": result.spikes}
    return {name: [one.t.tolist(), one.i.tolist(), one.lane.tolist()] for name, one in times.items()}


@pytest.mark.parametrize("lanes", [1, 20])
def test_a_run_that_is_cut_has_the_same_events(lanes: int, tmp_path: Path) -> None:
    whole = run(NOISY, seed=3, lanes=lanes)
    assert len(whole.events["more.warn"].t) > 20 * lanes
    assert told(run(NOISY, seed=3, lanes=lanes, threads=2)) == told(whole)
    spooled = run(NOISY, seed=3, lanes=lanes, spool=tmp_path / "spool")
    assert told(spooled) == told(whole)
    this = machine(NOISY, 3, lanes)
    for at in range(40):
        this._budget = 7
        this.run_slice()
        if at in (3, 20, 33):
            this = _reloaded(this, lanes, tmp_path / f"{at}.npz")
    finish(this, repeat(11))
    events = {ref.word: times for ref, times in this.model.recorded_events().items()}
    assert {name: [t.t.tolist(), t.i.tolist(), t.lane.tolist()] for name, t in events.items()} == {
        name: found for name, found in told(whole).items() if name != "spikes"
    }


def test_a_look_between_slices_shows_the_events_of_lane_0() -> None:
    this, seen = machine(NOISY, 3, 20), dict[str, list[tuple[int, int]]]()
    view, status = View(this), Status.SLICE
    while status is Status.SLICE:
        this._budget = 50
        status = this.run_slice()
        for name, (t, i) in view().events.items():
            seen.setdefault(name, []).extend(zip(np.rint(t / 1e-4).astype(int).tolist(), i.tolist(), strict=True))
    whole = run(NOISY, seed=3, lanes=20)
    assert {name: sorted(found) for name, found in seen.items()} == {name: listed(one) for name, one in whole.events.items()}


def _reloaded(this: Machine, lanes: int, path: Path) -> Machine:
    save_checkpoint(path, this, "x")
    this.close()
    fresh = machine(NOISY, 3, lanes)
    load_checkpoint(path, fresh, "x")
    return fresh


def test_a_checkpoint_whose_samples_are_those_of_an_event_is_refused(tmp_path: Path) -> None:
    path, this = tmp_path / "c.npz", machine(QUIET)
    this._budget = 30
    this.run_slice()
    save_checkpoint(path, this, "x")
    this.close()
    meta, arrays = opened(path.read_bytes())
    place = next(k for k, i in enumerate(program(QUIET).instructions) if i.mnemonic == "REC")
    path.write_bytes(closed(meta | {"recorders": [[place, 0, True, 0]]}, arrays))
    with pytest.raises(BioasmError, match="records an event"):
        load_checkpoint(path, machine(QUIET), "x")


def test_pieces_are_merged_and_files_read_back(tmp_path: Path) -> None:
    whole = run(NOISY, seed=3, lanes=20)
    parts = [run(NOISY, seed=3, lanes=n, first_lane=first, all_lanes=20) for first, n in ((16, 4), (0, 16))]
    assert told(merge(parts)) == told(whole)
    for suffix in ("npz", "json"):
        whole.save(tmp_path / f"r.{suffix}")
        assert told(load(tmp_path / f"r.{suffix}")) == told(whole)
    assert told(unpack_result(pack_result(whole))) == told(whole)


def test_brian2_finds_the_same_events() -> None:
    pytest.importorskip("brian2")
    report = verify_drivers(verify(program(NOISY)), Request("cpu", "brian2", RunOptions(seed=3, lanes=2)))
    rows = {row.name: row for row in report.rows}
    assert report.agrees and not report.whole
    assert all(rows[name].matched for name in ("more.warn", "cells.warn", "gate.open", "cells.again"))


FAULTS = {
    "REC cells.warm": ("B108", "REC cells.warm"),
    "REC cells.warn, 1 ms": ("B003", "REC cells.warn, 1 ms"),
    "RD more.again": ("B108", "RD more.again"),
    "PEEK r0, cells.warn, 0": ("B108", "PEEK r0, cells.warn, 0"),
    "GET r0, cells.warn": ("B108", "GET r0, cells.warn"),
    "SET cells.warn, 1": ("B105", "SET cells.warn, 1"),
}


@pytest.mark.parametrize("line", FAULTS)
def test_faults_get_one_diagnostic_at_their_place(line: str) -> None:
    code, wanted = FAULTS[line]
    text = QUIET + line + "\n"
    with pytest.raises(BioasmError) as raised:
        verify(assemble(text))
    (found,) = raised.value.diagnostics
    assert found.code == code and found.span is not None
    assert text.splitlines()[found.span.line - 1] == wanted


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("SYN wire, cells.warn, more", "cells.warn is an event; what SYN sends are the spikes of a population", "spike"),
        ("GET r0, cells.warn", "'warn' of cells is an event, and no observable", "a state count it"),
        ("INP gate.open, 1", "'open' of gate is an event, and no input", "a state count it"),
    ],
)
def test_an_event_out_of_place_is_called_an_event(line: str, message: str, hint: str) -> None:
    with pytest.raises(BioasmError) as raised:
        verify(assemble(QUIET.replace("SIG", f"{line}\nSIG")))
    (found,) = raised.value.diagnostics
    assert found.message == message and hint in str(found.hint)


def test_a_driver_without_the_ability_refuses_by_name() -> None:
    class Plain(CpuDriver):
        name, abilities = "plain", CpuDriver.abilities - {"events"}

    checked: Verified = verify(program(QUIET))
    (found, *others) = Plain().missing(checked)
    assert "no events of a model's own, as warn of watched is" in found.message and found.code == "B502"
    assert len(others) == 1 and "open of gate" in others[0].message
