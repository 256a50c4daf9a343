"""How drivers are found: the built-in ones, those of other packages, and those that can't be had."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from bioasm.diagnostics import EXIT_USAGE, BioasmError
from bioasm.drivers import Driver, connect, driver_names, find_driver, registry
from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.registry import make_driver

MODULE = """
from bioasm.drivers.cpu import CpuDriver


class Other(CpuDriver):
    name = "other"

    def __init__(self, port="none"):
        self.port, self.connected = port, 0

    def connect(self):
        self.connected += 1


class Unrelated:
    pass


def function():
    pass
"""
POINTS = """[bioasm.drivers]
other = a_driver_for_tests:Other
gone = no_such_module_anywhere:Driver
renamed = a_driver_for_tests:NoSuchClass
broken = a_module_that_breaks:Driver
raising = a_module_that_raises:Driver
unrelated = a_driver_for_tests:Unrelated
function = a_driver_for_tests:function
cpu = a_driver_for_tests:Other
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution of another package, with drivers of which most can't be used."""
    metadata = tmp_path / "drivers_for_tests-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: drivers-for-tests\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(POINTS)
    (tmp_path / "a_driver_for_tests.py").write_text(MODULE)
    (tmp_path / "a_module_that_breaks.py").write_text("import no_such_module_anywhere\n")
    (tmp_path / "a_module_that_raises.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    for name in ("a_driver_for_tests", "a_module_that_breaks", "a_module_that_raises"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def refused(name: str) -> BioasmError:
    with pytest.raises(BioasmError) as caught:
        find_driver(name)
    return caught.value


def test_the_cpu_is_found_without_asking_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_entry_points", lambda: pytest.fail("asked"))
    assert find_driver("cpu") is CpuDriver


def test_the_cpu_is_listed() -> None:
    assert "cpu" in driver_names()


def test_names_are_sorted_and_listed_once(installed: Path) -> None:
    names = driver_names()
    assert names == sorted(set(names))
    assert {"broken", "cpu", "gone", "other", "renamed"} <= set(names)


def test_a_driver_of_another_package_is_found(installed: Path) -> None:
    found = find_driver("other")
    assert (found.__name__, found.name) == ("Other", "other")
    assert issubclass(found, Driver)


def test_another_package_can_not_replace_the_built_in_driver(installed: Path) -> None:
    assert find_driver("cpu") is CpuDriver


@pytest.mark.parametrize("name", ["", "cpuu", "CPU", "a:b", "no such driver", "cpu\0"])
def test_an_unknown_driver_is_refused(name: str) -> None:
    found = refused(name)
    assert [d.code for d in found.diagnostics] == ["B501"]
    assert found.exit_code == EXIT_USAGE
    assert repr(name) in found.diagnostics[0].message


@pytest.mark.parametrize(("name", "hint"), [("cpuu", "did you mean cpu?"), ("CPU", "did you mean cpu?")])
def test_the_nearest_name_is_the_hint(name: str, hint: str) -> None:
    assert refused(name).diagnostics[0].hint == hint


def test_all_drivers_are_the_hint_where_no_name_is_near(installed: Path) -> None:
    hint = refused("quantum").diagnostics[0].hint or ""
    assert hint.startswith("there are ") and {"brian2", "cpu", "intan", "other"} <= set(re.findall(r"\w+", hint))


def test_installed_drivers_are_hints_too(installed: Path) -> None:
    assert refused("othr").diagnostics[0].hint == "did you mean other?"


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("gone", "no_such_module_anywhere"),
        ("renamed", "NoSuchClass"),
        ("broken", "no_such_module_anywhere"),
        ("raising", "RuntimeError: no licence"),
        ("unrelated", "no class that derives from"),
        ("function", "no class that derives from"),
    ],
)
def test_a_driver_that_can_not_be_loaded_says_what_it_lacks(installed: Path, name: str, lacks: str) -> None:
    found = refused(name).diagnostics
    assert [d.code for d in found] == ["B503"]
    assert name in found[0].message and lacks in found[0].message


def test_connect_connects(installed: Path) -> None:
    driver = connect("other")
    assert driver.connected == 1  # type: ignore[attr-defined]


def test_options_of_connect_go_to_the_driver(installed: Path) -> None:
    assert connect("other", port="/dev/ttyACM0").port == "/dev/ttyACM0"  # type: ignore[attr-defined]


def test_connect_takes_the_cpu_where_no_name_is_given() -> None:
    assert isinstance(connect(), CpuDriver)


def test_connect_refuses_as_find_driver_does() -> None:
    with pytest.raises(BioasmError, match="B501"):
        connect("gpu-that-is-not-there")


# --- options from a command line --------------------------------------------------------------------


def test_a_driver_without_options_is_made() -> None:
    assert isinstance(make_driver("cpu", {}), CpuDriver)


@pytest.mark.parametrize("option", ["port", "substrate", "x"])
def test_an_option_that_a_driver_has_not(option: str) -> None:
    with pytest.raises(BioasmError) as refused:
        make_driver("cpu", {option: "1"})
    (found,) = refused.value.diagnostics
    assert (found.code, refused.value.exit_code) == ("B406", 2)
    assert found.message == f"driver cpu has no option {option!r}"
    assert found.hint == "its options are: none"


def test_options_reach_the_constructor(monkeypatch: pytest.MonkeyPatch) -> None:
    class Device(CpuDriver):
        options = {"port": "where it is"}

        def __init__(self, port: str = "") -> None:
            self.port = port

    monkeypatch.setattr("bioasm.drivers.registry.find_driver", lambda name: Device)
    assert make_driver("device", {"port": "/dev/x"}).port == "/dev/x"  # type: ignore[attr-defined]
    with pytest.raises(BioasmError, match="has no option 'prot'") as refused:
        make_driver("device", {"prot": "/dev/x"})
    assert refused.value.diagnostics[0].hint == "did you mean port?"
