"""The models that ship, how they are found, and what is kept of them between processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bioasm.cachedir import write_kept
from bioasm.diagnostics import BioasmError
from bioasm.models import DEFAULT_MODEL, MODELS, Library, text
from bioasm.models.algebra import spell
from bioasm.models.base import Equation, Feedback
from bioasm.models.heads import HEADS
from bioasm.models.store import from_json, to_json
from bioasm.models.text import parse_model
from bioasm.units import Dimension
from tests.models.language.support import MECHANISM, NEURON, changed


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and no model known in memory."""
    monkeypatch.setenv("BIOASM_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(text, "_known", {})
    return tmp_path


@pytest.mark.parametrize("name", MODELS)
def test_every_model_that_ships_is_sound(name: str) -> None:
    model = MODELS[name]
    assert model.name == name
    assert MODELS.summary(name) == model.summary
    assert model.summary
    assert (MODELS.kind(name) == "mechanism") is (model.kind == "mechanism")


def test_the_default_comes_first_and_mechanisms_last() -> None:
    names = list(MODELS)
    assert names[0] == DEFAULT_MODEL
    kinds = [MODELS.kind(name) for name in names]
    assert kinds == sorted(kinds, key=[*HEADS].index)
    assert len(names) == len(MODELS)


def test_a_name_that_is_none() -> None:
    assert "nothing" not in MODELS
    with pytest.raises(KeyError, match="nothing"):
        MODELS["nothing"]


def test_a_folder_of_texts(tmp_path: Path) -> None:
    (tmp_path / "cell.basm").write_text(f"; said first\n{NEURON}")
    (tmp_path / "channel.basm").write_text(MECHANISM)
    library = Library(tmp_path)
    assert [(name, library.kind(name), library.summary(name)) for name in library] == [
        ("cell", "model", "a cell of the tests"),
        ("channel", "mechanism", "a channel of the tests"),
    ]
    assert library["cell"].name == "cell"


# --- the LIF twin and the spins ---------------------------------------------------------------------


def test_lif_critical_is_what_it_was() -> None:
    model = MODELS["lif_critical"]
    assert {p.name: (p.default, p.low, p.open_low, p.structural) for p in model.parameters} == {
        "R": (50e6, 0, False, False),
        "tau": (20e-3, 0, True, False),
        "El": (-70e-3, -float("inf"), False, False),
        "Vt": (-50e-3, -float("inf"), False, False),
        "Vr": (-70e-3, -float("inf"), False, False),
        "I_offset": (0.36e-9, -float("inf"), False, False),
        "I_max": (1.5e-9, 0, False, True),
        "dt": (0.1e-3, 0, True, True),
        "feedback_interval": (1e-3, 0, True, True),
    }
    assert [v.name for v in model.variables] == ["v", "s", "I", "spike_count"]
    assert [o.name for o in model.observables][:4] == ["state", "v", "spikes", "spike_count"]
    assert model.abilities == {"inputs", "kbody", "record", "clamp"}
    assert (model.noise, model.noise_default, model.clamp) == (Dimension.VOLTAGE, 2e-3, "v")
    assert model.feedback == Feedback("s", "I", "feedback_interval", "I_max")


def test_equations_of_lif_critical() -> None:
    model = MODELS["lif_critical"]
    ((equation,),) = model.stages
    assert isinstance(equation, Equation)
    assert (equation.variable, spell(equation.rate)) == ("v", "(-(v - El) + R * (I_offset + I)) / tau")
    assert [(name, spell(factor)) for name, factor in equation.noise] == [("xi", "sigma * sqrt(2 / tau)")]
    assert model.threshold is not None
    assert spell(model.threshold.condition) == "v > Vt"
    assert [(a.variable, spell(a.value)) for a in model.reset] == [("v", "Vr")]


def test_ising_is_what_it_was() -> None:
    model = MODELS["ising"]
    assert (model.clock, model.noise, model.noise_default) == (Dimension.SWEEPS, Dimension.NONE, 1.0)
    assert (model.clamp, model.clamp_values, [v.name for v in model.variables]) == ("s", (-1.0, 1.0), ["s"])
    (rule,) = model.parameters
    assert (rule.words, rule.default, rule.low, rule.high) == ((("glauber", 0.0), ("metropolis", 1.0)), 0.0, 0, 1)
    assert rule.structural
    assert [o.name for o in model.observables][:2] == ["state", "spins"]
    assert model.abilities == {"kbody", "record", "clamp"}


# --- what is kept -----------------------------------------------------------------------------------


def test_a_text_is_read_once() -> None:
    assert parse_model(NEURON) is parse_model(NEURON, source="elsewhere", line=5)


def test_errors_are_told_at_each_place_anew() -> None:
    wrong = changed("v := El", "v := 1")
    for line in (1, 50):
        with pytest.raises(BioasmError) as fault:
            parse_model(wrong, source="a.basm", line=line)
        (finding,) = fault.value.diagnostics
        assert finding.span is not None
        assert finding.span[:2] == ("a.basm", 23 + line)


def test_a_model_is_kept_between_processes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = parse_model(NEURON)
    (path,) = folder.glob("model-*")
    monkeypatch.setattr(text, "_known", {})
    monkeypatch.setattr(text, "_read", lambda *_: pytest.fail("read again"))
    assert parse_model(NEURON) == first
    assert from_json(path.read_bytes()[32:]) == first


NO_MODELS = (b"", b"\x80", b"1", b"[]", b'["Model"]', b'["system","true"]', b'["tuple",1]', b"[" * 90000)


@pytest.mark.parametrize("content", NO_MODELS)
def test_what_was_kept_and_is_damaged_is_read_anew(folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    first = parse_model(NEURON)
    (path,) = folder.glob("model-*")
    write_kept(path, text._key(NEURON), content)
    before = path.read_bytes()
    monkeypatch.setattr(text, "_known", {})
    assert parse_model(NEURON) == first
    assert path.read_bytes() != before


@pytest.mark.parametrize("name", MODELS)
def test_models_that_ship_are_kept_whole(name: str) -> None:
    model = MODELS[name]
    again = from_json(to_json(model))
    assert again == model
    assert to_json(again) == to_json(model)  # with all places, which do not count when expressions are compared


def test_texts_that_differ_are_kept_apart(folder: Path) -> None:
    assert parse_model(NEURON) != parse_model(changed("20 ms", "21 ms"))
    assert len(list(folder.glob("model-*"))) == 2


def test_texts_with_errors_are_not_kept(folder: Path) -> None:
    with pytest.raises(BioasmError, match="B022"):
        parse_model(changed("v := El", "v := 1"))
    assert not list(folder.glob("model-*"))


def test_without_a_folder_models_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOASM_CACHE_DIR", "/dev/null/x")
    monkeypatch.setattr(text, "_known", {})
    assert parse_model(NEURON).name == "cell"


def test_memory_of_texts_has_a_bound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_MOST", 2)
    for k in range(5):
        parse_model(changed("20 ms", f"{k + 1} ms"))
        assert len(text._known) <= 2


def test_a_model_that_was_kept_needs_no_parser(folder: Path) -> None:
    asked = f"import sys\nfrom bioasm.models import MODELS\nMODELS[{DEFAULT_MODEL!r}]\n"
    code = asked + "print('lark' in sys.modules, 'numpy' in sys.modules)"
    told = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    ]
    assert told == [["True", "False"], ["False", "False"]]
