"""Tests of what is refused before anything is sent, each with the number that would fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions
from bioasm.drivers.intan.compatibility import check_raw, chosen_substrate
from bioasm.hardware.link.messages import Capability, Substrate
from tests.intan.board import capabilities, stimulator
from tests.intan.support import ISING, STIM, connected, refused


def told(text: str, **how: Any) -> tuple[str, str]:
    """The code and the message of the only refusal."""
    (found,) = refused(text, **how)
    return found.code, found.message


# --- the program ------------------------------------------------------------------------------------


def test_stimulation_on_a_chip_that_records() -> None:
    (found,) = refused(STIM, substrate="culture")
    assert found.code == "B502"
    assert found.message == "this board can't stimulate (it has rhd2132)"
    assert found.hint == "RHD chips record only; stimulation needs an RHS chip"
    assert found.span is not None
    assert found.span.line == 3


def test_stimulation_on_the_twin() -> None:
    (found,) = refused(STIM, able=stimulator())
    assert found.code == "B502"
    assert "the twin, which have no electrodes" in found.message
    assert found.hint is not None
    assert "--substrate culture" in found.hint


def test_every_stimulation_is_named() -> None:
    found = refused(STIM + "STIM 1, 1 uA, 100 us\n")
    assert [d.span.line for d in found if d.span] == [3, 5]


def test_too_many_neurons() -> None:
    code, message = told("ALC 129\nRUN 1 ms\n")
    assert (code, message) == ("B502", "the program has 129 neurons; this board takes 128")


def test_too_many_neurons_for_the_electrodes() -> None:
    assert told("ALC 33\nRUN 1 ms\n", substrate="culture") == (
        "B502",
        "the program has 33 neurons; this board has electrodes for 32",
    )


def test_too_many_neurons_for_the_map(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("channel\n0\n1\n2\n")
    code, message = told("ALC 4\nRUN 1 ms\n", substrate="culture", map=path)
    assert (code, message) == ("B502", f"the program has 4 neurons; the electrode map {path} has channels for 3")


def test_map_for_a_larger_board(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("channel\n0\n32\n")
    code, message = told("ALC 2\nRUN 1 ms\n", substrate="culture", map=path)
    assert code == "B522"
    assert message.endswith("names channel 32; this board has channels 0 to 31")


def test_program_with_too_many_bytes() -> None:
    code, message = told(ISING, able=capabilities(program_bytes=100))
    assert code == "B502"
    assert message.startswith("the program has ")
    assert message.endswith(" bytes with its data; this board takes 100")


def test_model_that_the_board_has_not() -> None:
    assert told(ISING, able=capabilities(models=("lif_critical",))) == ("B502", "driver intan has no model ising")


@pytest.mark.parametrize(
    ("text", "ability"),
    [("ALC 2\nRUN 1 ms\nCUR 1 nA\n", "inputs"), ("ALC 2\nREC v\n", "record"), ("ALC 2\nMOV r0, 1\n", "control"),
     ("ALC 2\nCLAMP 0, -60 mV\n", "clamp")],
)  # fmt: skip
def test_ability_that_the_board_has_not(text: str, ability: str) -> None:
    able = capabilities()
    able = replace(able, abilities=tuple(a for a in able.abilities if a != ability))
    code, message = told(text, able=able)
    assert code == "B502"
    assert f"it needs the ability {ability}" in message


# --- options ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (RunOptions(lanes=0), "0 lanes; this board runs 1 to 64"),
        (RunOptions(lanes=65), "65 lanes; this board runs 1 to 64"),
        (RunOptions(seed=-1), "the seed is -1"),
        (RunOptions(seed=1 << 64), "whole number from 0 to 2**64 - 1"),
        (RunOptions(threads=0), "0 threads"),
        (RunOptions(checkpoint=Path("x")), "keeps no checkpoints"),
        (RunOptions(resume=True), "keeps no checkpoints"),
    ],
)
def test_option_that_the_board_can_not_follow(options: RunOptions, words: str) -> None:
    (found,) = refused(ISING, run=options)
    assert found.code == "B406"
    assert words in found.message


def test_substrate_that_the_board_has_not() -> None:
    session = connected(capabilities(substrates=Substrate.TWIN), substrate="culture")
    with pytest.raises(BioasmError, match="no substrate culture") as caught, session:
        pass
    assert caught.value.diagnostics[0].hint == "it has twin"


@pytest.mark.parametrize(
    ("simulated", "offered", "wanted", "chosen"),
    [
        (True, Substrate.TWIN | Substrate.CULTURE, None, Substrate.TWIN),
        (True, Substrate.TWIN | Substrate.CULTURE, Substrate.CULTURE, Substrate.CULTURE),
        (False, Substrate.TWIN | Substrate.CULTURE, None, Substrate.CULTURE),
        (False, Substrate.TWIN | Substrate.CULTURE, Substrate.TWIN, Substrate.TWIN),
        (False, Substrate.TWIN, None, Substrate.TWIN),
    ],
)
def test_which_substrate_is_chosen(simulated: bool, offered: Substrate, wanted: Substrate | None, chosen: Substrate) -> None:
    able = Capability.SIMULATED if simulated else Capability(0)
    assert chosen_substrate(wanted, capabilities(capabilities=able, substrates=offered)) is chosen


# --- raw channels -----------------------------------------------------------------------------------


def test_raw_channels_that_the_line_can_not_carry() -> None:
    with pytest.raises(BioasmError, match="2 raw channels at 20000 Hz need") as caught:
        check_raw((0, 1), capabilities(), 100_000.0)
    (found,) = caught.value.diagnostics
    assert (found.code, found.hint) == ("B406", "1 channels fit, as in --driver-option raw=0")


@pytest.mark.parametrize(("rate", "fit"), [(11_520.0, "raw=none"), (1e6, "raw=0-18")])
def test_hint_says_which_raw_channels_fit(rate: float, fit: str) -> None:
    with pytest.raises(BioasmError) as caught:
        check_raw(tuple(range(32)), capabilities(), rate)
    hint = str(caught.value.diagnostics[0].hint)
    assert hint.endswith(fit)
    count = int(hint.split()[0])
    assert check_raw(tuple(range(count)), capabilities(), rate) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize("channels", [(32,), (0, 40)])
def test_raw_channel_that_the_board_has_not(channels: tuple[int, ...]) -> None:
    with pytest.raises(BioasmError, match=f"raw channel {channels[-1]} is asked for; this board has channels 0 to 31"):
        check_raw(channels, capabilities(), None)


def test_raw_channels_of_a_board_that_sends_none() -> None:
    with pytest.raises(BioasmError, match="this board sends no raw channels"):
        check_raw((0,), capabilities(capabilities=Capability.SPIKES), None)


def test_no_raw_channels_fit_any_line() -> None:
    assert check_raw((), capabilities(capabilities=Capability(0)), 100.0) is None  # type: ignore[func-returns-value]
