"""`import bioasm`: what Python programs call."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import bioasm
from bioasm.text.strings import quote
from tests.cli.conftest import SMALL
from tests.cli.fake_driver import FakeDriver


@pytest.mark.parametrize("name", bioasm.__all__)
def test_public_name(name: str) -> None:
    assert getattr(bioasm, name)
    assert name in dir(bioasm)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        bioasm.nonsense  # noqa: B018


def test_assemble() -> None:
    program = bioasm.assemble(SMALL)
    assert isinstance(program, bioasm.Program)
    assert [i.mnemonic for i in program.instructions] == ["MODEL", "ALC", "LDJ", "SIG", "RUN", "RD"]


def test_assemble_tells_all_errors() -> None:
    with pytest.raises(bioasm.BioasmError) as caught:
        bioasm.assemble("RAN 5\nSIG 1 Vx\n")
    assert [d.code for d in caught.value.diagnostics] == ["B002", "B005"]


def test_assemble_finds_files_in_the_folder(folder: Path) -> None:
    (folder / "part.basm").write_text("OUT 1\n")
    assert len(bioasm.assemble('.include "part.basm"\n', folder=folder).instructions) == 1


@pytest.mark.parametrize("kind", ["program", "text", "path", "str"])
def test_run_takes(kind: str, folder: Path, fake: type[FakeDriver]) -> None:
    forms = {
        "program": bioasm.assemble(SMALL),
        "text": SMALL,
        "path": folder / "small.basm",
        "str": str(folder / "small.basm"),
    }
    result = bioasm.run(forms[kind], driver="fake", seed=3, lanes=2)
    assert isinstance(result, bioasm.Result)
    assert (result.seed, result.lanes, result.model) == (3, 2, "ising")
    assert fake.calls[0] == "connect"
    assert fake.calls[-1] == "disconnect"


def test_run_takes_further_options(fake: type[FakeDriver]) -> None:
    bioasm.run(SMALL, driver="fake", fuel=99, parameters={"rule": 1.0})
    options = fake.calls[1][1]
    assert (options.fuel, options.parameters) == (99, {"rule": 1.0})
    assert 0 <= options.seed < 2**32


def test_run_on_the_cpu() -> None:
    result = bioasm.run(SMALL, seed=1)
    assert (result.driver, result.steps, result.status) == ("cpu", 4, "finished")
    assert set(result.state.ravel()) <= {-1.0, 1.0}


def test_a_missing_file(folder: Path) -> None:
    with pytest.raises(bioasm.BioasmError, match="B301"):
        bioasm.load(folder / "absent.basm")


def test_an_error_is_a_text_as_on_the_command_line() -> None:
    with pytest.raises(bioasm.BioasmError) as caught:
        bioasm.assemble("ALC 3\nRAN 5\n")
    told = str(caught.value)
    assert told.startswith("<text>:2:1: error[B002]: there is no instruction `RAN`\n  RAN 5\n  ^^^")
    assert "hint: did you mean" in told
    assert caught.value._render_traceback_() == told.split("\n")


TRIANGLE = np.array([[0, -1, -1], [-1, 0, -1], [-1, -1, 0]])
ANY_J = "MODEL ising\nALC 3\nLDJ J\nSIG 0.5\nRUN 50 sweeps\nRD best_energy\n"


@pytest.mark.parametrize("form", [TRIANGLE, TRIANGLE.tolist(), scipy.sparse.csr_array(TRIANGLE), TRIANGLE * 1.0], ids=type)
def test_data_of_any_form(form: Any) -> None:
    same = bioasm.assemble(ANY_J + ".data J = [[0, -1, -1], [-1, 0, -1], [-1, -1, 0]]\n")
    found = bioasm.run(ANY_J, data={"J": form}, seed=1)
    assert found.best_energy == [-1.0]
    assert np.array_equal(found.energy_trace, bioasm.run(same, seed=1).energy_trace)


def test_data_are_copied_in_the_narrowest_type() -> None:
    array = TRIANGLE * 1.0
    program = bioasm.assemble(ANY_J, data={"J": array})
    array[:] = 7
    assert np.array_equal(program.data[0].value.array, TRIANGLE)
    assert program.data[0].value.array.dtype == np.int8


@pytest.mark.parametrize("kind", ["text", "program", "bytes"])
def test_data_replace_those_of_the_program(kind: str, tmp_path: Path) -> None:
    text = ANY_J + ".data J = [[0, 0, 0], [0, 0, 0], [0, 0, 0]]\n"
    program = {"text": text, "program": bioasm.assemble(text), "bytes": text.encode()}[kind]
    assert bioasm.run(program, data={"J": TRIANGLE}, seed=1).best_energy == [-1.0]


def test_terms_are_a_dict() -> None:
    text = "MODEL ising\nALC 3\nLDT T\nSIG 0.1\nRUN 50 sweeps\nRD\n"
    assert bioasm.run(text, data={"T": {(2, 0, 1): 1.5}}, seed=1).best_energy == [-1.5]


@pytest.mark.parametrize("kind", ["text", "program"])
def test_data_of_an_unknown_name(kind: str) -> None:
    program = {"text": SMALL, "program": bioasm.assemble(SMALL)}[kind]
    with pytest.raises(bioasm.BioasmError, match="B405.*K"):
        bioasm.run(program, data={"K": TRIANGLE})


@pytest.mark.parametrize("value", [["a"], [1j], {(0, -1): 1}, {(): 1}, {}, {(0, 0): 1}, {"a": 1}, len], ids=str)
def test_data_that_are_no_numbers(value: Any) -> None:
    with pytest.raises(bioasm.BioasmError, match="B303.*data J"):
        bioasm.run(ANY_J, data={"J": value})


def test_set_takes_numbers_and_units() -> None:
    text = ".const T = 1\nALC 2\nSIG 0\nRUN T\nRD v\n"
    result = bioasm.run(text, set={"T": "1 ms", "dt": 0.0005}, seed=1)
    assert (result.steps, result.seconds_per_step) == (2, 0.0005)
    with pytest.raises(bioasm.BioasmError, match="(?s)B405.*did you mean") as caught:
        bioasm.run(text, set={"TT": 3})
    assert caught.value.exit_code == 2


ENDLESS = "MODEL ising\nALC 3\nLDH [1, 1, 1]\nSIG 0.1\nagain: RUN 100 sweeps\nJMP again\n"


def test_a_run_ends_at_its_target() -> None:
    result = bioasm.run(ENDLESS, target=-3, seed=1)
    assert (result.status, result.best_energy.tolist()) == ("target reached", [-3.0])


def test_a_run_ends_at_its_time_limit() -> None:
    assert bioasm.run(ENDLESS, time_limit=0.01, seed=1).status == "time limit"


def test_an_observer_ends_a_run() -> None:
    seen: list[Any] = []
    result = bioasm.run(ENDLESS, observer=lambda progress: seen.append(progress) or len(seen) < 3, seed=1)  # type: ignore
    assert (result.status, len(seen)) == ("interrupted", 3)


def test_an_interrupt_gives_the_result_so_far() -> None:
    before = signal.getsignal(signal.SIGINT)
    result = bioasm.run(ENDLESS, observer=lambda _: signal.raise_signal(signal.SIGINT) or True, seed=1)  # type: ignore
    assert result.status == "interrupted"
    assert result.best_energy == [-3.0]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_interrupt_raises() -> None:
    def twice(_: Any) -> bool:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return True

    with pytest.raises(KeyboardInterrupt):
        bioasm.run(ENDLESS, observer=twice, seed=1)


def test_names_of_variables_reach_the_result() -> None:
    result = bioasm.run(SMALL + '.meta names "[\\"a\\",1,[2,\\"b\\"]]"\n', seed=1)
    assert result.names == ("a", 1, (2, "b"))


@pytest.mark.parametrize("said", ["[1]", "[1,1,2]", "{}", "x", "[" * 5000, '[{},"a","b"]'])
def test_names_that_do_not_fit_are_none(said: str) -> None:
    result = bioasm.run(f"{SMALL}.meta names {quote(said)}\n", seed=1)
    assert result.names == ()
