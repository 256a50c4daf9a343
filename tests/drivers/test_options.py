"""What a run may be asked for, and what is refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers import Progress, RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.results import Result
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

TEXT = "MODEL ising\nALC 3\nLDJ [[0, 1, 0], [1, 0, 1], [0, 1, 0]]\nSIG 1\nRUN 4\nRD\n"
LONG = "MODEL ising\nALC 3\nLDJ [[0, 1, 0], [1, 0, 1], [0, 1, 0]]\nSIG 1\nRUN 40\nRD\nRUN 40\nRD\n"


def run(text: str = TEXT, **options: Any) -> Result:
    return CpuDriver().run(verify(assemble(text)), RunOptions(**options))


def refusal(text: str = TEXT, **options: Any) -> str:
    """The code of the only error that a run is refused with."""
    with pytest.raises(BioasmError) as caught:
        run(text, **options)
    (found,) = caught.value.diagnostics
    return found.code


@pytest.mark.parametrize(
    "options",
    [{"lanes": 0}, {"lanes": -3}, {"lanes": (1 << 16) + 1}, {"seed": -1}, {"seed": 1 << 64}, {"threads": 0}, {"threads": -1}],
    ids=str,
)
def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    assert refusal(**options) == "B406"


@pytest.mark.parametrize(
    "options",
    [{"seed": 0}, {"seed": (1 << 64) - 1}, {"lanes": 33}, {"threads": 1}, {"threads": 7}, {"threads": None}, {"fuel": 10**18}],
    ids=str,
)
def test_possible_options_are_taken(options: dict[str, Any]) -> None:
    result = run(**options)
    assert result.status == "finished"
    assert (result.seed, result.lanes) == (options.get("seed", 0), options.get("lanes", 1))


def test_more_cells_than_the_limit_are_refused_before_they_are_allocated() -> None:
    assert refusal("ALC 16777216\n", lanes=64) == "B111"


@pytest.mark.parametrize("fuel", [1, 2, 5, 8])
def test_fuel_cuts_a_run(fuel: int) -> None:
    result = run(fuel=fuel)
    assert (result.status, result.results) == ("out of fuel", ())
    assert result.steps <= fuel


def test_defaults() -> None:
    result = CpuDriver().run(verify(assemble(TEXT)))
    assert (result.seed, result.lanes, result.status) == (0, 1, "finished")


# --- checkpoints --------------------------------------------------------------------------------------


def test_a_resumed_run_is_the_whole_run(tmp_path: Path) -> None:
    whole = run(LONG, seed=3)
    cut = run(LONG, seed=3, fuel=60, checkpoint=tmp_path / "c")
    assert (cut.status, len(cut.results)) == ("out of fuel", 1)
    resumed = run(LONG, seed=3, checkpoint=tmp_path / "c", resume=True)
    assert [r.value.tolist() for r in resumed.results] == [r.value.tolist() for r in whole.results]  # type: ignore[union-attr]
    assert np.array_equal(resumed.energy_trace, whole.energy_trace)


def test_an_interrupted_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    text = LONG.replace("40", "2000000")
    cut = CpuDriver().run(verify(assemble(text)), RunOptions(checkpoint=tmp_path / "c", fuel=10**7), stopping)
    assert cut.status == "interrupted" and 0 < cut.steps < 4000000
    resumed = run(text, checkpoint=tmp_path / "c", resume=True)
    assert resumed.steps == 4000000
    assert np.array_equal(resumed.energy_trace[:, : cut.steps], cut.energy_trace)


def stopping(progress: Progress) -> bool:
    return bool(progress.message)


def test_the_checkpoint_tells_its_seed(tmp_path: Path) -> None:
    run(LONG, seed=12345678901234567890, fuel=60, checkpoint=tmp_path / "c")
    assert CpuDriver().checkpoint_seed(tmp_path / "c") == 12345678901234567890


def test_resuming_from_a_checkpoint_that_is_not_there(tmp_path: Path) -> None:
    assert refusal(checkpoint=tmp_path / "none", resume=True) == "B301"


@pytest.mark.parametrize("change", [{"seed": 4}, {"lanes": 2}], ids=str)
def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, change: dict[str, int]) -> None:
    run(LONG, seed=3, fuel=60, checkpoint=tmp_path / "c")
    assert refusal(LONG, **{"seed": 3, **change}, checkpoint=tmp_path / "c", resume=True) == "B404"


def test_a_checkpoint_of_another_program_is_refused(tmp_path: Path) -> None:
    run(LONG, fuel=60, checkpoint=tmp_path / "c")
    assert refusal(TEXT, checkpoint=tmp_path / "c", resume=True) == "B404"


@pytest.mark.parametrize("content", [b"", b"noise", b"PK\x03\x04noise"])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c").write_bytes(content)
    assert refusal(checkpoint=tmp_path / "c", resume=True) in ("B301", "B404")


def test_resume_without_a_checkpoint_is_refused() -> None:
    assert refusal(resume=True) == "B406"
