"""Tests of the driver's options: words from a command line, values from Python, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers.intan.driver import IntanDriver
from bioasm.drivers.intan.options import OPTIONS, Options, options_from
from bioasm.hardware.link.messages import Substrate


def refused(**given: Any) -> str:
    with pytest.raises(BioasmError) as caught:
        options_from({"port": "x", **given})
    (found,) = caught.value.diagnostics
    assert (found.code, caught.value.exit_code) == ("B406", 2)
    return f"{found.message}; {found.hint}"


def test_defaults() -> None:
    assert options_from({"port": "COM3"}) == Options("COM3", None, None, None, None, {}, 250, 1_000_000, False)


def test_all_of_them_as_words() -> None:
    words = {
        "port": "/dev/x",
        "substrate": "culture",
        "map": "m.csv",
        "record": "out",
        "raw": "0-2,5",
        "culture": "window=0.2, bias=3e-1",
        "watchdog": "100",
        "baud": "3000000",
        "clear": "yes",
    }
    assert words.keys() == OPTIONS.keys()
    wanted = Options(
        "/dev/x",
        Substrate.CULTURE,
        Path("m.csv"),
        Path("out"),
        (0, 1, 2, 5),
        {"window": 0.2, "bias": 0.3},
        100,
        3_000_000,
        True,
    )
    assert options_from(words) == wanted


def test_values_from_python_do_as_well() -> None:
    found = options_from({"port": "x", "map": Path("m.csv"), "watchdog": 500, "clear": True, "substrate": None})
    assert (found.map, found.watchdog, found.clear, found.substrate) == (Path("m.csv"), 500, True, None)


@pytest.mark.parametrize(
    ("word", "channels"),
    [
        ("all", None),
        ("none", ()),
        ("3", (3,)),
        ("3,1", (1, 3)),
        ("0-3", (0, 1, 2, 3)),
        ("1-2,2-4", (1, 2, 3, 4)),
        (" 7 , 9 ", (7, 9)),
    ],
)
def test_raw_channels(word: str, channels: tuple[int, ...] | None) -> None:
    assert options_from({"port": "x", "raw": word}).raw == channels


@pytest.mark.parametrize("word", ["x", "1-", "-1", "3-1", "1,,2", "1.5", "0-99999999999999999999", "١", "1--2"])
def test_raw_channels_that_are_none(word: str) -> None:
    assert "as in 0-3,7" in refused(raw=word)


@pytest.mark.parametrize("word", ["49", "2001", "-1", "x", "1e2", "1" * 30, "２５０"])
def test_watchdog_out_of_range(word: str) -> None:
    assert "whole number from 50 to 2000" in refused(watchdog=word)


@pytest.mark.parametrize("word", ["0", "299", "50000001", "fast"])
def test_baud_out_of_range(word: str) -> None:
    assert "whole number from 300" in refused(baud=word)


@pytest.mark.parametrize("word", ["window", "window=", "=3", "window=x", "window=nan", "a=1,,b=2", "a=1e999"])
def test_parameters_of_the_culture_that_are_none(word: str) -> None:
    assert "NAME=NUMBER" in refused(culture=word)


def test_unknown_substrate() -> None:
    assert "it may be twin or culture" in refused(substrate="cultur")
    assert "did you mean culture?" in refused(substrate="cultur")


def test_clear_is_yes_or_no() -> None:
    assert "it is yes or no" in refused(clear="maybe")


def test_option_that_there_is_not() -> None:
    assert "no option 'watchdogs'; did you mean watchdog?" in refused(watchdogs="1")


@pytest.mark.parametrize("given", [{}, {"port": ""}, {"port": None}, {"port": "  "}])
def test_a_port_is_needed(given: dict[str, Any]) -> None:
    with pytest.raises(BioasmError, match="needs to be told its port") as caught:
        IntanDriver(**given)
    assert caught.value.exit_code == 2
    assert "emu:rhd2132" in str(caught.value.diagnostics[0].hint)


@pytest.mark.parametrize(("port", "emulated"), [("emu:rhd2132?seed=1", True), ("/dev/emu", False), ("socket://emu:1", False)])
def test_what_is_emulated(port: str, emulated: bool) -> None:
    assert options_from({"port": port}).emulated is emulated


def test_driver_declares_cells_as_not_reproducible() -> None:
    assert IntanDriver(port="x", substrate="twin").reproducible
    assert not IntanDriver(port="x", substrate="culture").reproducible
    assert IntanDriver.remote
