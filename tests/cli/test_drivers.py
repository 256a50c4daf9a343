"""`bioasm drivers`."""

from __future__ import annotations

import pytest

from tests.cli.fake_driver import FakeDriver
from tests.command import bioasm


def listed() -> dict[str, dict]:
    return {driver["name"]: driver for driver in bioasm("drivers", "--json").json["drivers"]}


def test_the_cpu_is_there() -> None:
    assert listed()["cpu"]["usable"] is True


@pytest.mark.parametrize("key", ["name", "summary", "abilities", "models", "options", "usable", "lacks"])
def test_every_driver_says(fake: type[FakeDriver], key: str) -> None:
    assert all(key in driver for driver in listed().values())


def test_a_driver_of_another_package(fake: type[FakeDriver]) -> None:
    assert listed()["fake"] == {
        "name": "fake",
        "summary": "for tests",
        "abilities": ["control", "core"],
        "models": ["ising", "lif_critical"],
        "options": {},
        "usable": True,
        "lacks": None,
    }


def test_a_driver_that_can_not_be_loaded_says_why(fake: type[FakeDriver]) -> None:
    broken = listed()["broken"]
    assert broken["usable"] is False
    assert "no_such_module_anywhere" in broken["lacks"]


def test_for_people(fake: type[FakeDriver]) -> None:
    text = bioasm("drivers").text
    assert "fake: for tests\n  models: ising, lif_critical\n  abilities: control, core\n" in text
    assert "broken: not usable\n" in text
