"""`import bioasm`: what Python programs call."""

from __future__ import annotations

from pathlib import Path

import pytest

import bioasm
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
