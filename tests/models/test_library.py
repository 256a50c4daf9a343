"""The shipped models as texts: what every one of them says, and that switches do what their words say."""

from __future__ import annotations

from pathlib import Path

import pytest

import bioasm
from bioasm.models import MODELS
from bioasm.models.base import MECHANISM, NEURON
from bioasm.models.expression import symbols
from bioasm.models.heads import HEADS

LIBRARY = Path(bioasm.__file__).parent / "models" / "library"
NAMES = sorted(MODELS)
NEURONS = [name for name in NAMES if MODELS[name].kind == NEURON]
MECHANISMS = [name for name in NAMES if MODELS[name].kind == MECHANISM]


def test_what_the_issue_lists_is_there() -> None:
    assert {"lif_critical", "ising", "lif", "hh", "hh_brainpy", "membrane", "arbor_lif", "dpi_adex", "dynapsim"} <= {*NAMES}
    assert {"olive", "olive_soma", "olive_dend", "olive_axon", "nir_lif", "nir_if", "relay"} <= {*NEURONS}
    assert {"hh_channels", "pas", "passive", "example", "custom_hh", "calcium"} <= {*MECHANISMS}
    assert {"ampa", "nmda", "gaba_a", "exp_conductance", "alpha_conductance", "dpi_current"} <= {*MECHANISMS}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_holds_one_model_of_its_name(name: str) -> None:
    text = (LIBRARY / f"{name}.basm").read_text(encoding="utf-8")
    assert MODELS[name].name == name
    assert text.startswith("; ")
    assert sum(text.count(f"\n.{head} ") for head in HEADS) == 1


@pytest.mark.parametrize("name", NAMES)
def test_it_tells_what_it_is_and_where_it_is_from(name: str) -> None:
    model = MODELS[name]
    assert model.summary and len(model.summary) < 100
    assert model.prose
    assert model.source or name == "relay"


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_state_and_input_is_explained(name: str) -> None:
    model = MODELS[name]
    bare = [thing.name for thing in (*model.parameters, *model.states, *model.inputs) if not thing.summary]
    assert not bare


@pytest.mark.parametrize("name", NAMES)
def test_every_definition_is_used_or_shown(name: str) -> None:
    model = MODELS[name]
    read = {symbol for d in model.definitions for symbol in symbols(d.expression)}
    read |= {symbol for s in model.states for symbol in symbols(s.initial)}
    for stage in model.stages:
        for item in stage:
            read |= symbols(item.rate if hasattr(item, "rate") else item.value)
            read |= {symbol for _, factor in getattr(item, "noise", ()) for symbol in symbols(factor)}
    read |= {symbol for a in (*model.adds, *model.reset) for symbol in symbols(a.value)}
    read |= {symbol for port in model.ports for _, factor in port.jumps for symbol in symbols(factor)}
    read |= symbols(model.threshold.condition) if model.threshold else set()
    read |= {model.feedback.source} if model.feedback else set()
    assert not {d.name for d in model.definitions if not d.summary} - read


@pytest.mark.parametrize("name", NAMES)
def test_words_of_a_switch_begin_with_the_right_physics(name: str) -> None:
    for parameter in MODELS[name].parameters:
        if parameter.words:
            assert parameter.words[0][1] == parameter.default
            assert "brainpy1" not in parameter.words[0][0] and "pycat" not in parameter.words[0][0]


def test_the_reference_shows_every_model() -> None:
    page = (Path(bioasm.__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")
    assert all(f"\n## {name}\n" in page for name in NAMES)
