"""How checks become tests: the driver under test, the list of checks, and the decorator that adds them to a class."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NoReturn, TypeVar
from unittest import SkipTest

from bioasm.diagnostics import BioasmError
from bioasm.drivers import Driver, Observer, RunOptions
from bioasm.isa.program import Program
from bioasm.isa.table import ROWS, Row
from bioasm.models import DEFAULT_MODEL
from bioasm.results import Result
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify

Factory = Callable[[], Driver]
C = TypeVar("C", bound=type)

ROOMS = (
    "results",
    "control",
    "landscapes",
    "membranes",
    "spins",
    "merging",
    "exchanging",
    "blocks",
    "eliminated",
    "networks",
    "synapses",
    "cables",
    "lanes",
    "driver_contract",
)


@dataclass(frozen=True)
class Subject:
    """The driver under test: a factory that makes a new one for each use."""

    factory: Factory

    def run(self, text: str | Program, observer: Observer | None = None, **options: Any) -> Result:
        """Run a program on a fresh driver, with seed 1 unless `options` (fields of RunOptions) say otherwise."""
        with self.factory() as driver:
            return driver.run(self.gate(text), chosen(**options), observer)

    def gate(self, text: str | Program) -> Verified:
        """The verified program of a text, on a model of the driver where the text chooses none."""
        models = self.factory().models
        if isinstance(text, str) and "MODEL" not in text and DEFAULT_MODEL not in models:
            text = f"MODEL {min(models)}\n{text}"
        return gate(text)

    def needs(self, models: Collection[str], abilities: Collection[str]) -> None:
        """Skip the test where the driver does not declare these models and abilities."""
        driver = self.factory()
        lacking = sorted({*models} - driver.models) + sorted({*abilities} - driver.abilities)
        if lacking:
            raise SkipTest(f"driver {driver.name} does not declare {', '.join(lacking)}")

    def repeats(self) -> None:
        """Skip the test where the driver declares that one seed does not give one result."""
        driver = self.factory()
        if not driver.reproducible:
            raise SkipTest(f"driver {driver.name} declares that its runs are not reproducible by their seed")

    def refuses(self, code: str, text: str | Program, **options: Any) -> None:
        """Check that a run is refused, or ends, with the error `code`."""
        try:
            self.run(text, **options)
        except BioasmError as refused:
            found = [diagnostic.code for diagnostic in refused.diagnostics]
            expect(code in found, f"the error should be {code}, not {found}")
        else:
            fail(f"the run should have ended with the error {code}")


def gate(text: str | Program) -> Verified:
    """The verified program of a text."""
    return verify(assemble(text) if isinstance(text, str) else text)


def chosen(**options: Any) -> RunOptions:
    """The options of a run, seed 1 where none is given."""
    return RunOptions(**{"seed": 1, **options})


def expect(condition: bool, otherwise: str) -> None:
    """Fail with a message unless the condition holds. Unlike `assert` it also holds under `python -O`."""
    if not condition:
        fail(otherwise)


def fail(message: str) -> NoReturn:
    """Fail the test."""
    raise AssertionError(message)


# --- the list of checks -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """One check: its function and what a driver must declare for it to apply."""

    name: str
    function: Callable[..., None]
    models: tuple[str, ...]
    abilities: tuple[str, ...]
    arguments: tuple[Any, ...] = field(default=())

    def __call__(self, factory: Factory) -> None:
        """Check the driver; raises AssertionError where it does not conform, SkipTest where the check does not apply."""
        subject = Subject(factory)
        subject.needs(self.models, self.abilities)
        self.function(subject, *self.arguments)


_CHECKS: list[Check] = []


def check(*abilities: str, model: str | None = None) -> Callable[[Callable[[Subject], None]], Callable[[Subject], None]]:
    """Put a function on the list of checks. It applies to drivers that declare the abilities and the model."""

    def add(function: Callable[[Subject], None]) -> Callable[[Subject], None]:
        models = (model,) if model else ()
        _CHECKS.append(Check(function.__name__, function, models, abilities))
        return function

    return add


def check_each_row(function: Callable[[Subject, Row], None]) -> Callable[[Subject, Row], None]:
    """Put a function on the list of checks, once for each instruction that the driver claims; it is given the row."""
    for row in ROWS:
        _CHECKS.append(Check(f"{function.__name__}_{row.mnemonic.lower()}", function, (), (row.needs,), (row,)))
    return function


def check_each_model(*abilities: str) -> Callable[[Callable[[Subject, str], None]], Callable[[Subject, str], None]]:
    """Put a function on the list of checks, once for each model; it is given the model's name."""

    def add(function: Callable[[Subject, str], None]) -> Callable[[Subject, str], None]:
        for model in ("lif_critical", "ising"):
            _CHECKS.append(Check(f"{function.__name__}_{model}", function, (model,), abilities, (model,)))
        return function

    return add


def checks() -> tuple[Check, ...]:
    """All checks, in the order that they stand in their files."""
    for room in ROOMS:
        import_module(f"bioasm.testing.{room}")
    return tuple(_CHECKS)


# --- the decorator ----------------------------------------------------------------------------------


def driver_conformance_tests(factory: Factory, *, abilities: Collection[str] | None = None) -> Callable[[C], C]:
    """A class decorator that adds the tests of the conformance kit to a test class.

    `factory` makes a driver that is not connected: its class, or a function. Tests of what the driver does not declare are
    skipped. With `abilities`, the driver must declare just these, so that one that loses an ability fails and is not skipped.
    """

    def decorate(tests: C) -> C:
        for one in checks():
            setattr(tests, f"test_{one.name}", _method(one, factory))
        if abilities is not None:
            declared = Check("abilities", _declares, (), (), (frozenset(abilities),))
            tests.test_abilities = _method(declared, factory)  # type: ignore[attr-defined]
        return tests

    return decorate


def _declares(subject: Subject, abilities: frozenset[str]) -> None:
    """The driver declares exactly the abilities that its tests expect."""
    found = subject.factory().abilities
    expect(found == abilities, f"the driver declares {sorted(found)} and not {sorted(abilities)}")


def _method(one: Check, factory: Factory) -> Callable[[Any], None]:
    def test(self: Any) -> None:
        one(factory)

    test.__name__ = f"test_{one.name}"
    test.__doc__ = one.function.__doc__
    return test
