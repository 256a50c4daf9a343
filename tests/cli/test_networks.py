"""Programs with models of their own and networks on the command line: models, info, check, fmt, --set, and drivers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bioasm.cli.models import page
from bioasm.drivers import Driver
from bioasm.results.content import content
from bioasm.results.summary import summary
from bioasm.text.assemble import assemble
from bioasm.units import Dimension
from bioasm.verifier.catalogue import Catalogue
from bioasm.verifier.gate import verify
from tests.cli.fake_driver import FakeDriver
from tests.command import bioasm
from tests.results.samples import result
from tests.verify.networks import MODELS

NET = """\
POP a, cell, 2
POP b, cell, 3
MECH k, leak, b
SYN s, a, b.second
CON s, probability, 0.5
RUN 1 ms
RD a.v
"""
TEXT = MODELS + NET


@pytest.fixture
def net(folder: Path) -> Path:
    """A program with two populations and four models of its own."""
    (folder / "net.basm").write_text(TEXT)
    (folder / "bad.basm").write_text(TEXT.replace("dq/dt = -q/tau", "dq/dt = -qq/tau"))
    return folder


# --- bioasm models ----------------------------------------------------------------------------------


def test_models_of_a_program_are_listed(net: Path) -> None:
    told = bioasm("models", "net.basm")
    assert told.code == 0
    lines = [line.split() for line in told.text.splitlines()]
    assert [line[:2] for line in lines] == [
        ["cell", "model"],
        ["quiet", "model"],
        ["leak", "mechanism"],
        ["trace", "mechanism"],
    ]


@pytest.mark.parametrize("name", ["cell", "quiet", "leak", "trace"])
def test_a_model_of_a_program_has_its_page(net: Path, name: str) -> None:
    model = Catalogue(assemble(TEXT)).own[name]
    assert bioasm("models", "net.basm", name).text == page(model)
    for part in (*model.parameters, *model.states, *model.inputs, *model.uses):
        assert f"\n  {part.name}" in page(model)


def test_models_of_bytecode(net: Path) -> None:
    assert bioasm("asm", "net.basm", "-o", "net.bbc").code == 0
    assert bioasm("models", "net.bbc").text == bioasm("models", "net.basm").text


def test_models_of_a_program_as_json(net: Path) -> None:
    told = bioasm("models", "net.basm", "--json").json
    assert [m["name"] for m in told["models"]] == ["cell", "quiet", "leak", "trace"]
    assert [m["kind"] for m in told["models"]] == ["neuron", "neuron", "mechanism", "mechanism"]
    cell = bioasm("models", "net.basm", "cell", "--json").json
    assert [(i["name"], i["unit"]) for i in cell["inputs"]] == [("I", "A"), ("drive", "V")]
    assert [p["name"] for p in cell["ports"]] == ["", "second"]
    assert cell["noise"] is None
    assert "dq/dt = -q / tau using euler" in cell["equations"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("net.basm", "cel"), 2, "did you mean cell?"),
        (("net.basm", "nothing"), 2, "without a name all are listed"),
        (("isling",), 2, "did you mean ising?"),
        (("nothing.basm",), 1, "B301"),
        (("bad.basm",), 1, "B021"),
        (("wrong.basm",), 1, "B002"),
    ],
)
def test_models_that_are_not_there(net: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    told = bioasm("models", *arguments)
    assert told.code == code
    assert words in told.stderr


def test_a_program_without_models(net: Path) -> None:
    assert bioasm("models", "small.basm").text == "The program brings no models along.\n"


@pytest.mark.parametrize("name", ["lif_critical", "ising", "ampa"])
def test_pages_tell_what_a_model_is_for(name: str) -> None:
    told = bioasm("models", name).text
    assert ("A mechanism: MECH inserts it" in told) == (name == "ampa")
    assert ("RUN counts in" in told) == (name != "ampa")


# --- bioasm info, check, fmt, disasm ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("neurons", "5"),
        ("population a", "2 of cell"),
        ("population b", "3 of cell"),
        ("mechanism k", "leak on b"),
        ("projection s", "a to b.second, probability"),
        ("own models", "cell, quiet, leak, trace"),
        ("needs", "core, models, network"),
    ],
)
def test_info_shows_the_network(net: Path, label: str, words: str) -> None:
    assert [label, words] in [line.split("  ", 1) for line in re.sub("  +", "  ", bioasm("info", "net.basm").text).splitlines()]


def test_info_as_json(net: Path) -> None:
    told = bioasm("info", "net.basm", "--json").json
    assert told["populations"] == [{"name": "a", "model": "cell", "n": 2}, {"name": "b", "model": "cell", "n": 3}]
    assert told["mechanisms"] == [{"name": "k", "mechanism": "leak", "population": "b"}]
    assert told["projections"] == [{"name": "s", "pre": "a", "target": "b.second", "rule": "probability"}]
    assert told["models"] == ["cell", "quiet", "leak", "trace"]
    alone = bioasm("info", "small.basm", "--json").json
    assert (alone["populations"], alone["models"]) == ([{"name": "ising", "model": "ising", "n": 3}], [])


def test_info_of_one_population_is_as_before(net: Path) -> None:
    assert "population" not in bioasm("info", "small.basm").text


def test_check_passes_networks_and_places_faults_of_models(net: Path) -> None:
    assert bioasm("check", "net.basm").code == 0
    told = bioasm("check", "bad.basm")
    assert told.code == 1
    line = TEXT.splitlines().index("    dq/dt = -q/tau") + 1
    assert f"bad.basm:{line}:14: error[B021]" in told.stderr
    assert "    dq/dt = -qq/tau" in told.stderr


def test_layout_and_disassembly_keep_the_hash(net: Path) -> None:
    wanted = bioasm("info", "net.basm", "--json").json["program_sha256"]
    (net / "again.basm").write_text(bioasm("disasm", "net.basm").text)
    (net / "laid_out.basm").write_text(TEXT.replace("POP a,", "pop   a,"))
    assert bioasm("fmt", "-i", "laid_out.basm").code == 0
    assert (net / "laid_out.basm").read_text() == TEXT
    for name in ("again.basm", "laid_out.basm"):
        assert bioasm("info", name, "--json").json["program_sha256"] == wanted


# --- bioasm run --set -------------------------------------------------------------------------------


class Wide(FakeDriver):
    """A driver that says it runs everything."""

    abilities = frozenset({"core", "network", "models"})


@pytest.fixture
def wide(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> type[FakeDriver]:
    """The fake driver with the abilities that networks need."""
    monkeypatch.setattr(fake, "abilities", Wide.abilities)
    return fake


@pytest.mark.parametrize(
    ("setting", "name", "value"),
    [
        ("a.tau=5 ms", "a.tau", 5e-3),
        ("a.rule=fast", "a.rule", 1.0),
        ("k.g=2 nS", "k.g", 2e-9),
        ("g=2 nS", "k.g", 2e-9),
        ("dt=0.2 ms", "dt", 2e-4),
        ("s.weight=0.5", "s.weight", 0.5),
        ("s.delay=1 ms", "s.delay", 1e-3),
    ],
)
def test_settings_by_whole_names(net: Path, wide: type[FakeDriver], setting: str, name: str, value: float) -> None:
    told = bioasm("run", "net.basm", "--driver", "fake", "--set", setting)
    assert told.code == 0, told.stderr
    (verified, options) = next(call for call in wide.calls if isinstance(call, tuple))
    assert dict(options.parameters) == {name: value}
    assert verified.n == 5


@pytest.mark.parametrize(
    ("setting", "code", "words"),
    [
        ("tau=5 ms", "B121", "a.tau or b.tau"),
        ("a.tua=5 ms", "B405", "did you mean a.tau?"),
        ("c.tau=5 ms", "B405", "did you mean"),
        ("a.dt=1 ms", "B405", "neither a constant"),
        ("a.tau=5 mV", "B006", "--set a.tau"),
        ("a.tau=-5 ms", "B116", "--set a.tau"),
        ("a.rule=slowest", "B406", "slow"),
        ("s.weight=1 mV", "B006", "--set s.weight"),
        ("s.delay=-1 ms", "B116", "--set s.delay"),
        ("s.wait=1", "B405", "neither a constant"),
    ],
)
def test_settings_that_are_refused(net: Path, wide: type[FakeDriver], setting: str, code: str, words: str) -> None:
    told = bioasm("run", "net.basm", "--driver", "fake", "--set", setting)
    assert told.code == 2
    assert f"error[{code}]" in told.stderr
    assert words in told.stderr


@pytest.mark.parametrize(
    ("line", "setting"), [("SET a.tau, 1 ms", "a.tau=2 ms"), ("SET g, 1 nS", "k.g=2 nS"), ("SET s.delay, 1 ms", "s.delay=2 ms")]
)
def test_what_the_program_sets_is_not_set_from_outside(net: Path, wide: type[FakeDriver], line: str, setting: str) -> None:
    (net / "set.basm").write_text(TEXT.replace("RUN 1 ms", f"{line}\nRUN 1 ms"))
    told = bioasm("run", "set.basm", "--driver", "fake", "--set", setting)
    assert told.code == 2
    assert "sets" in told.stderr


def test_the_step_from_outside_makes_different_models_one(net: Path, wide: type[FakeDriver]) -> None:
    (net / "mixed.basm").write_text(MODELS + "POP a, cell, 1\nPOP q, quiet, 1\nRUN 1 ms\n")
    assert "B125" in bioasm("run", "mixed.basm", "--driver", "fake").stderr
    assert bioasm("run", "mixed.basm", "--driver", "fake", "--set", "dt=0.1 ms").code == 0


# --- what drivers lack ------------------------------------------------------------------------------


def lacks(text: str, abilities: set[str], models: set[str]) -> list[str]:
    """What a driver with these abilities says it can't run."""

    class Some(FakeDriver):
        pass

    Some.abilities, Some.models = frozenset(abilities), frozenset(models)
    driver: Driver = Some()
    return [d.message for d in driver.missing(verify(assemble(text)))]


def test_a_driver_that_runs_all_lacks_nothing() -> None:
    assert lacks(TEXT, {"core", "network", "models"}, set()) == []


def test_own_models_need_an_ability() -> None:
    found = lacks(TEXT, {"core", "network"}, {"cell", "leak"})
    assert found == [f"driver fake runs no models of a program's own, as {name} is" for name in ("cell", "leak")]


def test_networks_need_an_ability() -> None:
    found = lacks("POP a, lif_critical, 2\nINP a.I, 1 nA\nRUN 1 ms\n", {"core"}, {"lif_critical"})
    assert [message.split(" (")[0] for message in found] == ["driver fake can't run POP", "driver fake can't run INP"]


@pytest.mark.parametrize(
    ("text", "name"), [("MODEL ising\nALC 2\n", "ising"), ("POP a, lif_critical, 2\nPOP b, hh, 1\nSET dt, 0.01 ms\n", "hh")]
)
def test_shipped_models_are_those_that_a_driver_lists(text: str, name: str) -> None:
    assert lacks(text, {"core", "network", "models"}, {"lif_critical"}) == [f"driver fake has no model {name}"]
    assert lacks(text, {"core", "network"}, {"lif_critical", name}) == []


def test_a_model_that_replaces_one_that_ships_is_the_programs_own() -> None:
    text = '.model lif_critical {\n  "mine"\n  state:\n    v = 0 mV\n  step:\n    dv/dt = -v/(1 s)\n}\nALC 2\nRUN 1 ms\n'
    assert len(lacks(text, {"core"}, {"lif_critical"})) == 1
    assert lacks(text, {"core", "models"}, set()) == []


# --- results ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "clock", "sweeps"),
    [
        ("ising", Dimension.NONE, True),
        ("lif_critical", Dimension.NONE, False),
        ("mine", Dimension.NONE, False),
        ("mine", Dimension.SWEEPS, True),
        ("mine", Dimension.TIME, False),
        ("ising", Dimension.TIME, False),
    ],
)
def test_results_know_what_they_count_in(model: str, clock: Dimension, sweeps: bool) -> None:
    told = result(1, model=model, clock=clock)
    assert told.counts_sweeps is sweeps
    assert ("sweeps" in summary(told)) is sweeps
    assert (np.asarray(content(told)["state"]).dtype.kind == "i") is sweeps
