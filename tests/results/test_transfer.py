"""Results as bytes: the same Result on the other side, and nothing but an error where the bytes are damaged."""

from __future__ import annotations

import json
import struct
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError, Diagnostic, Span
from bioasm.results import Reading, Recording, Result, Spikes
from bioasm.results.transfer import pack_result, unpack_result
from bioasm.units import Dimension


def sample() -> Result:
    """A result in which every field holds something."""
    spikes = Spikes(np.array([0.1, 0.2]), np.array([1, 0]), np.array([0, 1]))
    return Result(
        driver="intan",
        model="lif_critical",
        n=2,
        lanes=2,
        seed=2**64 - 1,
        program_sha256="ab" * 32,
        versions={"bioasm": "0.1.0"},
        timing={"run": 0.25},
        results=(Reading("x", 0.1 + 0.2), Reading("state", np.array([[1 / 3, np.nan]])), Reading("spikes", spikes)),
        state=np.array([[0.1, np.inf], [-0.0, 1e-310]]),
        energy=np.array([1.5, np.nan]),
        best_energy=np.array([-2.0, -np.inf]),
        best_state=np.array([[1, 0], [0, 1]], np.int8),
        energy_trace=np.zeros((2, 0)),
        spikes=spikes,
        spike_count=np.array([[1, 2], [3, 4]]),
        recordings={"v": Recording(np.array([0.0]), np.array([0]), np.zeros((2, 1, 1)))},
        steps=17,
        seconds_per_step=1e-4,
        status="interrupted",
        diagnostics=(Diagnostic("B402", "no", Span("a.basm", 3, 1, 4), "try"), Diagnostic("B117", "w", severity="warning")),
        extras={"chip": "rhd2132", "list": [1, 2.5, None], "deep": {"yes": True}},
        clock=Dimension.TIME,
    )


def alike(a: Any, b: Any) -> bool:
    """Whether two values are the same bit for bit."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, Spikes | Recording | Reading):
        return all(alike(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(alike(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[k], b[k]) for k in a)
    return bool(a == b)


@pytest.mark.parametrize("name", [f.name for f in fields(Result)])
def test_field_survives(name: str) -> None:
    before, after = sample(), unpack_result(pack_result(sample()))
    assert alike(getattr(before, name), getattr(after, name))


def test_exact_number_of_a_reading_survives() -> None:
    value = unpack_result(pack_result(sample())).results[0].value
    assert isinstance(value, float)
    assert value.hex() == (0.1 + 0.2).hex()


def test_bytes_of_equal_results_are_equal() -> None:
    assert pack_result(sample()) == pack_result(sample())


def test_arrays_are_writable() -> None:
    after = unpack_result(pack_result(sample()))
    after.state[0, 0] = 5.0
    assert after.state[0, 0] == 5.0


@pytest.mark.parametrize("length", [0, 1, 3, 4, 20, 100, -1, -8])
def test_truncated_bytes_are_refused(length: int) -> None:
    with pytest.raises(BioasmError) as caught:
        unpack_result(pack_result(sample())[:length])
    assert caught.value.diagnostics[0].code == "B531"


def test_bytes_that_follow_are_refused() -> None:
    with pytest.raises(BioasmError, match="too many"):
        unpack_result(pack_result(sample()) + bytes(8))


def remade(change: dict[str, Any]) -> bytes:
    """The sample's bytes with another head."""
    data = pack_result(sample())
    (length,) = struct.unpack_from("<I", data)
    head = json.loads(data[4 : 4 + length]) | change
    text = json.dumps(head).encode()
    start, new = 4 + length, struct.pack("<I", len(text)) + text
    return new + bytes(-len(new) % 8) + data[start + (-start % 8) :]


@pytest.mark.parametrize(
    "change",
    [
        {"arrays": []},
        {"arrays": [["<f8", [1 << 60]]]},
        {"arrays": [["|O", [1]]]},
        {"arrays": [["<f8", [-1]]]},
        {"arrays": 3},
        {"tree": {}},
        {"tree": []},
    ],
)
def test_head_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BioasmError, match="B531"):
        unpack_result(remade(change))


@pytest.mark.parametrize("seed", range(5))
def test_random_damage_is_refused_or_changes_numbers_only(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(60):
        data = bytearray(pack_result(sample()))
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        try:
            after = unpack_result(bytes(data))
        except BioasmError as why:
            assert why.diagnostics[0].code == "B531"
        else:
            assert isinstance(after, Result)


def test_sample_differs_from_another() -> None:
    assert pack_result(sample()) != pack_result(replace(sample(), steps=18))
