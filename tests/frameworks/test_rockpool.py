"""`bioasm import rockpool`: the conversion of LIF layers, merging, what is refused, and programs that run."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import numpy as np
import pytest

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.frameworks import read_network
from bioasm.frameworks.rockpool import CURRENTS, Flaw, layer_of, merge
from bioasm.units import find_unit, to_si
from bioasm.verifier.gate import verify
from tests.command import bioasm as command
from tests.models.mirrors import rockpool
from tests.models.support import recorded

EXAMPLE = {"tau_mem": [0.01, 0.02, 0.05], "tau_syn": [0.01, 0.005, 0.02], "threshold": [1, 0.5, 2], "bias": [0, 0.01, 0]}


def text_of(said: Any) -> str:
    """The program of a JSON file."""
    return read_network(json.dumps(said).encode(), "layer.json", "rockpool")


def settings(text: str) -> dict[str, list[float]]:
    """The values of all SETs of the neurons' parameters, in SI units."""
    found = re.findall(r"SET neurons\.(\w+), (\[[^\]]*\]|\S+) ?(\S*)", text)
    return {
        name: json.loads(value) if value.startswith("[") else [to_si(value, find_unit(unit) if unit else None)]
        for name, value, unit in found
    }


# --- conversion -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CURRENTS)
def test_conversion_against_the_recorded_one(name: str) -> None:
    ref = recorded("rockpool.npz")
    said = {key: ref[f"conv_in_{key}"].tolist() for key in EXAMPLE} | {"dt": float(ref["conv_dt"])}
    layer = layer_of(said)
    assert layer.currents[name] == pytest.approx(ref[f"conv_{name}"].tolist(), rel=1e-6)
    assert pytest.approx(float(ref["conv_Iscale"])) == layer.Iscale


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"r_gain_mem": 2, "r_gain_syn": 50},
        {"t_pulse": 5e-6, "t_ref": 2e-3},
        {"C_pulse": 1e-12, "C_ref": 2e-12, "C_mem": 5e-12, "C_syn": 24.5e-12},
        {"Iscale": 2e-8},
        {"dt": 1e-4},
    ],
)
def test_conversion_against_its_mirror(extra: dict[str, float]) -> None:
    rng = np.random.default_rng(1)
    said = {"tau_mem": rng.uniform(5e-3, 0.1, 7), "tau_syn": rng.uniform(2e-3, 0.05, 7)}
    said |= {"threshold": rng.uniform(0.2, 3, 7), "bias": rng.uniform(-0.1, 0.1, 7)}
    layer = layer_of({key: value.tolist() for key, value in said.items()} | extra)
    expected = rockpool.convert(**said, **extra)
    for name, values in expected.full().items():
        assert layer.currents[name] == pytest.approx(values, rel=1e-12), name
    assert (layer.dt, layer.Iscale) == (expected.dt, expected.Iscale)


def test_the_program_sets_what_was_converted() -> None:
    found, expected = settings(text_of(EXAMPLE)), rockpool.convert(*(np.array(v, float) for v in EXAMPLE.values()))
    assert found.keys() >= {*CURRENTS} - {"If_nmda"}
    for name in found.keys() & expected.currents.keys():
        values = expected.currents[name]
        assert found[name] == pytest.approx(values[:1] if len(found[name]) == 1 else values, rel=1e-15), name


def test_a_number_holds_for_all_neurons() -> None:
    layer = layer_of({"tau_mem": [0.01, 0.02], "tau_syn": 0.01, "threshold": 1, "bias": 0})
    assert layer.n == 2
    assert layer.currents["Itau_syn"].tolist() == [layer.currents["Itau_syn"][0]] * 2


@pytest.mark.parametrize(("more", "n"), [({}, 1), ({"n": 4}, 4), ({"w_in": [[1, 2, 3]]}, 3), ({"w_rec": [[0, 1], [1, 0]]}, 2)])
def test_how_many_neurons_numbers_alone_are(more: dict[str, Any], n: int) -> None:
    assert layer_of({"tau_mem": 0.01, "tau_syn": 0.01, "threshold": 1, "bias": 0} | more).n == n


def test_currents_are_taken_as_they_are() -> None:
    given = {
        "Itau_mem": [1e-12, 2e-12],
        "Igain_mem": 4e-12,
        "Itau_syn": 1e-11,
        "Igain_syn": 1e-9,
        "Ispkthr": 1e-8,
        "Iw_ahp": 3e-12,
    }
    found = settings(text_of(given))
    assert found["Itau_mem"] == [1e-12, 2e-12]
    assert (found["Iw_ahp"], found["Idc"]) == ([3e-12], [0.0])


# --- merging ----------------------------------------------------------------------------------------


def test_layers_are_merged_in_their_order() -> None:
    first = {"tau_mem": [0.01, 0.02], "tau_syn": 0.01, "threshold": 1, "bias": 0}
    second = {"tau_mem": 0.05, "tau_syn": 0.02, "threshold": 2, "bias": 0, "n": 3}
    merged = merge([layer_of(first), layer_of(second)])
    expected = rockpool.merge(
        [
            rockpool.convert(np.array([0.01, 0.02]), np.full(2, 0.01), np.ones(2), np.zeros(2)),
            rockpool.convert(np.full(3, 0.05), np.full(3, 0.02), np.full(3, 2.0), np.zeros(3)),
        ]
    )
    assert merged.n == expected.n == 5
    for name in CURRENTS:
        assert merged.currents[name] == pytest.approx(expected.currents[name], rel=1e-12)


def test_merged_layers_keep_their_weights_to_themselves() -> None:
    first = EXAMPLE | {"w_in": [[1, 2, 3]]}
    second = {
        "tau_mem": 0.01,
        "tau_syn": 0.01,
        "threshold": 1,
        "bias": 0,
        "n": 2,
        "w_rec": [[0, 5], [6, 0]],
        "w_in": [[7, 8], [9, 1]],
    }
    merged = merge([layer_of(first), layer_of(second)])
    assert merged.w_in is not None and merged.w_rec is not None
    assert merged.w_in.tolist() == [[1, 2, 3, 0, 0], [0, 0, 0, 7, 8], [0, 0, 0, 9, 1]]
    assert merged.w_rec[3:, 3:].tolist() == [[0, 5], [6, 0]]
    assert not merged.w_rec[:3].any() and not merged.w_rec[:, :3].any()


@pytest.mark.parametrize("said", [[EXAMPLE, EXAMPLE], {"layers": [EXAMPLE, EXAMPLE]}])
def test_several_layers_in_one_file(said: Any) -> None:
    assert "POP neurons, dynapsim, 6" in text_of(said)


@pytest.mark.parametrize(
    ("second", "word"),
    [(EXAMPLE | {"Iscale": 2e-8}, "Iscale"), (EXAMPLE | {"dt": 1e-4}, "dt")],
)
def test_layers_that_differ_in_scale_or_step_are_refused(second: dict[str, Any], word: str) -> None:
    with pytest.raises(Flaw, match=f"different {word}"):
        merge([layer_of(EXAMPLE), layer_of(second)])


# --- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tau_mem": [0.01, 0.02]}, "2 values for 3 neurons"),
        ({"threshold": [1.0]}, "1 values for 3 neurons"),
        ({"bias": [0, 0, 0, 0]}, "tau_mem has 3 values for 4 neurons"),
        ({"tau_mem": [0.01, 0, 0.02]}, "tau_mem must be above 0"),
        ({"tau_syn": -0.01}, "tau_syn must be above 0"),
        ({"threshold": [1, 0, 1]}, "threshold must be above 0"),
        ({"threshold": "1"}, "a number or a list"),
        ({"threshold": 10**400}, "too large"),
        ({"tau_mem": [10**400, 1, 1]}, "too large"),
        ({"tau_mem": [[0.01, 0.01, 0.01]]}, "not 1 x 3"),
        ({"Iscale": 1e300, "bias": 1e300}, "current Idc of this layer is too large"),
        ({"bias": None}, "a number or a list"),
        ({"bias": [0, "a", 0]}, "numbers alone"),
        ({"bias": [0, float("nan"), 0]}, "not finite"),
        ({"dt": 0}, "dt must be above 0"),
        ({"dt": [1e-3]}, "one number"),
        ({"Iscale": 0}, "Iscale must be above 0"),
        ({"n": 2.5}, "whole number"),
        ({"n": True}, "whole number"),
        ({"n": 0}, "whole number"),
        ({"w_in": [[1, 2]]}, "column for each"),
        ({"w_in": [[1, 2, 3], [1]]}, "rows of one length"),
        ({"w_rec": [[0, 1, 1]]}, "1 rows for 3 neurons"),
        ({"tau_men": [1]}, "no 'tau_men'"),
        ({"taus": 1}, "no 'taus'"),
    ],
)
def test_a_layer_that_can_not_be_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BioasmError) as caught:
        text_of(EXAMPLE | change)
    (found,) = caught.value.diagnostics
    assert found.code == "B304"
    assert message in found.message


def test_a_name_that_is_almost_right_is_told() -> None:
    with pytest.raises(BioasmError) as caught:
        text_of(EXAMPLE | {"treshold": 1})
    assert "threshold" in (caught.value.diagnostics[0].hint or "")


@pytest.mark.parametrize("missing", EXAMPLE)
def test_a_layer_without_a_parameter_is_refused(missing: str) -> None:
    with pytest.raises(BioasmError, match="B304"):
        text_of({key: value for key, value in EXAMPLE.items() if key != missing})


@pytest.mark.parametrize("said", [[], {"layers": []}, 3, "text", [1, 2], {"layers": 3}, None])
def test_a_file_without_layers_is_refused(said: Any) -> None:
    with pytest.raises(BioasmError, match="B304"):
        text_of(said)


@pytest.mark.parametrize("content", [b"", b"{", b'{"tau_mem": }', b"\xff\xfe", b"PK not a zip", b"[" * 100000])
def test_a_file_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(BioasmError, match="B304"):
        read_network(content, "layer.json", "rockpool")


def test_the_place_of_what_is_no_json_is_told() -> None:
    with pytest.raises(BioasmError) as caught:
        read_network(b'{"tau_mem": 1,\n  "n" 3}', "layer.json", "rockpool")
    span = caught.value.diagnostics[0].span
    assert span is not None
    assert (span.line, span.column) == (2, 7)


# --- programs ---------------------------------------------------------------------------------------


def test_an_archive_says_the_same_as_json() -> None:
    stream = io.BytesIO()
    np.savez(stream, **{name: np.array(value, float) for name, value in EXAMPLE.items()}, dt=1e-3)
    archived = read_network(stream.getvalue(), "layer.json", "rockpool")
    assert archived == text_of(EXAMPLE | {"dt": 1e-3})


WHOLE = EXAMPLE | {"w_in": [[3, 5, 2], [1, 0, 4]], "w_rec": [[0, 0.5, 0], [0, 0, 0.5], [0.5, 0, 0]]}


def test_the_program_passes_the_gate_without_a_warning() -> None:
    assert verify(bioasm.assemble(text_of(WHOLE))).warnings == ()


def test_the_program_does_what_the_mirror_of_rockpool_does() -> None:
    spikes = np.random.default_rng(3).random((300, 2)) < 0.1
    train = json.dumps([[k * 1e-3, int(i)] for k, i in np.argwhere(spikes)])
    text = re.sub(r"RATE inputs, rate, 1.*", f"EVT inputs, {train}, 1", text_of(WHOLE)).replace("RUN duration", "RUN 300 ms")
    result = bioasm.run(text, seed=1)
    layer = rockpool.convert(*(np.array(v, float) for v in EXAMPLE.values()))
    p = rockpool.Parameters(**{k: np.array(v) for k, v in layer.currents.items() if k != "If_nmda"})
    drive = np.vstack([np.zeros(3), spikes[:-1] @ np.array(WHOLE["w_in"], float)])  # a relay's spike arrives in the next step
    expected = rockpool.simulate(drive, p, w_rec=np.array(WHOLE["w_rec"]))
    mine = result.spikes.i >= 2
    found = np.stack([np.round(result.spikes.t[mine] / 1e-3).astype(int), result.spikes.i[mine] - 2], axis=1)
    assert len(expected.spikes) > 20
    assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, expected.spikes.tolist()))


@pytest.mark.parametrize("words", [["rockpool", "-"], ["-", "--from", "rockpool"]])
def test_the_command_reads_standard_input(words: list[str]) -> None:
    told = command("import", *words, stdin=json.dumps(EXAMPLE).encode())
    assert (told.code, told.stderr) == (0, "")
    assert told.text == read_network(json.dumps(EXAMPLE).encode(), "<stdin>", "rockpool")


def test_the_command_knows_the_format_by_the_suffix(tmp_path: Any) -> None:
    path = tmp_path / "layer.json"
    path.write_text(json.dumps(EXAMPLE))
    assert command("import", str(path)).text == command("import", "rockpool", str(path)).text


@pytest.mark.parametrize(
    "words",
    [
        ["rockpool"],
        ["rocket", "layer.json"],
        ["rockpool", "a.json", "b.json"],
        ["rockpool", "a.json", "--from", "nir"],
        ["rockpool", "a.json", "--maximize"],
        ["rockpool", "a.json", "--model", "lif"],
        ["rockpool", "a.json", "--solver", "merge"],
        ["rockpool", "a.json", "--generate", "G1"],
    ],
)
def test_wrong_usage_is_told(words: list[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = command("import", *words)
    assert told.code == 2
    assert "Traceback" not in told.stderr


def test_a_missing_file_is_told() -> None:
    told = command("import", "rockpool", "nowhere.json")
    assert told.code == 1
    assert "B301" in told.stderr
