"""Checks of how a driver behaves: connecting, refusing, stopping when asked to, and pykoppu's calling convention."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from unittest import SkipTest

import numpy as np

from bioasm.binary.writer import program_hash
from bioasm.diagnostics import BioasmError
from bioasm.drivers import Driver, Progress
from bioasm.isa.table import ROWS, Row
from bioasm.models import MODELS
from bioasm.results import Result
from bioasm.runtime.dynamics import Guide
from bioasm.testing.kit import Subject, check, check_each_model, check_each_row, chosen, expect, fail, gate
from bioasm.testing.results import same
from bioasm.testing.samples import BEGIN, FOREVER, PROGRAMS
from bioasm.text.assemble import assemble
from bioasm.verifier.abilities import ABILITIES

ENOUGH = 10**8  # fuel that no driver uses up between two slices


# --- what it declares -------------------------------------------------------------------------------


@check()
def declares_what_it_is(subject: Subject) -> None:
    """A driver has a name, a summary, and abilities and models that exist."""
    driver = subject.factory()
    expect(bool(driver.name) and bool(driver.summary), "a driver has a name and a summary")
    strange = sorted((driver.abilities - ABILITIES) | (driver.models - set(MODELS)))
    expect(not strange, f"there are no abilities or models {strange}")
    expect("core" in driver.abilities, "every driver has the ability core")
    expect(bool(driver.models), "every driver has a model")


@check_each_row
def runs_the_example_of(subject: Subject, row: Row) -> None:
    """The example of each instruction that the driver claims runs to its end, unless it uses more than the driver claims."""
    verified = gate(row.example)
    with subject.factory() as driver:
        if driver.missing(verified):
            raise SkipTest(f"the example of {row.mnemonic} uses what driver {driver.name} does not declare")
        result = driver.run(verified, chosen())
    expect(result.status == "finished", f"the example of {row.mnemonic} should finish, and it is {result.status}")


def _refuses(driver: Driver, text: str) -> None:
    """Check that a program is refused with B502 before anything of it runs."""
    asked: list[Progress] = []

    def observer(progress: Progress) -> bool:
        asked.append(progress)
        return True

    try:
        with driver:
            driver.run(gate(text), chosen(fuel=1000), observer)
    except BioasmError as refused:
        codes = {d.code for d in refused.diagnostics}
        expect(codes == {"B502"}, f"the refusal should be B502, not {sorted(codes)}")
    else:
        fail(f"what driver {driver.name} does not declare should be refused")
    expect(not asked, "the refusal should come before anything runs")


@check()
def refuses_abilities_that_it_does_not_declare(subject: Subject) -> None:
    """A driver that declares less than it could refuses the rest with B502, before it runs."""
    for row in ROWS:
        driver = subject.factory()
        verified = gate(row.example)
        if row.needs != "core" and verified.model.name in driver.models:
            driver.abilities = frozenset({"core"})  # type: ignore[misc]  # of this instance only
            _refuses(driver, row.example)


@check()
def refuses_models_that_it_does_not_declare(subject: Subject) -> None:
    """A program for a model that the driver does not declare is refused with B502."""
    for model, text in PROGRAMS.items():
        driver = subject.factory()
        driver.models = driver.models - {model}  # type: ignore[misc]  # of this instance only
        _refuses(driver, text)


@check()
def names_all_that_is_missing(subject: Subject) -> None:
    """`missing` names each instruction that can't be run, with its place."""
    driver = subject.factory()
    driver.abilities = frozenset({"core"})  # type: ignore[misc]  # of this instance only
    driver.models = driver.models | {"lif_critical"}  # type: ignore[misc]
    found = driver.missing(gate("ALC 2\nOUT 1\nRD\nREC v\n"))
    lines = [d.span.line for d in found if d.span]
    expect(lines == [2, 4], f"lines 2 and 4 should be named, not {lines}")


# --- options ----------------------------------------------------------------------------------------


@check()
def refuses_impossible_options(subject: Subject) -> None:
    """Lanes below 1, seeds outside of 64 bits and less than one thread are refused with B406."""
    for options in ({"lanes": 0}, {"lanes": -1}, {"seed": -1}, {"seed": 1 << 64}, {"threads": 0}):
        subject.refuses("B406", "ALC 2\n", **options)


@check_each_model()
def takes_any_seed_of_64_bits(subject: Subject, model: str) -> None:
    """The largest seed is a seed like any other."""
    result = subject.run(PROGRAMS[model], seed=(1 << 64) - 1)
    expect(result.seed == (1 << 64) - 1, f"the seed should be reported as given, not as {result.seed}")


@check()
def follows_another_run_only_where_it_says_so(subject: Subject) -> None:
    """A driver that does not declare `follows` refuses the states of another run with B502."""
    if subject.factory().follows:
        raise SkipTest(f"driver {subject.factory().name} declares that its runs can follow another's")
    subject.refuses("B502", "ALC 2\n", guide=Guide({}, 1, 1))


# --- connecting -------------------------------------------------------------------------------------


@check_each_model()
def one_driver_runs_several_programs(subject: Subject, model: str) -> None:
    """Between connect and disconnect a driver runs as many programs as it is given, each as if it were the first."""
    subject.repeats()
    with subject.factory() as driver:
        first = driver.run(gate(PROGRAMS[model] + "RD\n"), chosen())
        driver.run(gate(BEGIN[model] + "RD\n"), chosen(seed=5))
        again = driver.run(gate(PROGRAMS[model] + "RD\n"), chosen())
    expect(same(first, again), "the same program gave another result the second time")
    expect(same(first, subject.run(PROGRAMS[model] + "RD\n")), "a fresh driver gave another result")


@check()
def connects_and_disconnects_as_often_as_asked(subject: Subject) -> None:
    """Connecting or disconnecting twice does no harm, and a driver can be connected again."""
    driver = subject.factory()
    driver.disconnect()
    for _ in range(2):
        driver.connect()
        driver.connect()
        result = driver.run(subject.gate("ALC 2\nRD steps\n"), chosen())
        expect([r.value for r in result.results] == [0.0], "a connected driver should run")
        driver.disconnect()
        driver.disconnect()


@check()
def is_disconnected_when_a_run_fails(subject: Subject) -> None:
    """As a context manager a driver disconnects and lets the error through."""
    driver = subject.factory()
    calls: list[None] = []
    disconnect = driver.disconnect
    driver.disconnect = lambda: calls.append(disconnect())  # type: ignore[method-assign]
    try:
        with driver:
            raise KeyError("as if a run had failed")
    except KeyError:
        expect(len(calls) == 1, f"it should be disconnected once, not {len(calls)} times")
    else:
        fail("the error should not be swallowed")


# --- observers --------------------------------------------------------------------------------------


def _stopped(subject: Subject, model: str, after: int) -> tuple[Result, list[Progress]]:
    """A run without end, which the observer lets go on until it was asked `after` times about steps.

    Where instructions before the run take long, it may be asked before the first step too.
    """
    seen: list[Progress] = []

    def observer(progress: Progress) -> bool:
        if progress.steps and not progress.message:
            seen.append(progress)
        return len(seen) < after

    text = f"{BEGIN[model]}RD state\n{FOREVER[model]}RD state\n"
    return subject.run(text, observer, fuel=ENOUGH), seen


@check_each_model()
def stops_when_the_observer_says_so(subject: Subject, model: str) -> None:
    """An observer that returns False ends the run, with status `interrupted` and what was computed until then."""
    result, seen = _stopped(subject, model, 1)
    expect(len(seen) == 1, f"the observer should be asked once, not {len(seen)} times")
    expect(result.status == "interrupted", f"status should be `interrupted`, not {result.status}")
    expect([r.what for r in result.results] == ["state"], "the readings so far should be kept")
    entries = result.steps if model == "ising" else -(-result.steps // 10)
    expect(result.energy_trace.shape == (1, entries), f"{result.steps} steps should have {entries} energies")


@check_each_model()
def tells_the_observer_how_far_it_is(subject: Subject, model: str) -> None:
    """Reports grow in steps, say where the RUN ends and which energy is the best, and the last is where the run stopped.

    A remote driver stops at or after its last report, with an energy as good or better.
    """
    result, seen = _stopped(subject, model, 3)
    steps = [progress.steps for progress in seen]
    expect(len(steps) == 3 and sorted(set(steps)) == steps, f"three growing reports should come, not {steps}")
    remote, best = subject.factory().remote, seen[-1].best_energy
    stopped = result.steps >= steps[-1] if remote else result.steps == steps[-1]
    expect(stopped, f"the run should stop at {steps[-1]}, not at {result.steps}")
    expect({p.run_end for p in seen} == {10**8}, f"the RUN ends at 10**8 steps, not at {[p.run_end for p in seen]}")
    reached = result.best_energy[0]
    named = not best < reached if remote else best == reached  # a report from afar may know none yet
    expect(named, "the report should name the best energy")


@check_each_model()
def an_observer_changes_nothing(subject: Subject, model: str) -> None:
    """A run that is watched is the run that is not."""
    subject.repeats()
    text = PROGRAMS[model]
    expect(same(subject.run(text, lambda progress: True), subject.run(text)), "watching changed the result")


# --- pykoppu's calling convention -------------------------------------------------------------------


@dataclass
class _Instruction:
    """As pykoppu's: an opcode of an enumeration and a list of operands."""

    opcode: Enum
    operands: list[Any] = field(default_factory=list)


_OpCode = Enum("_OpCode", ["ALC", "LDJ", "LDH", "SIG", "RUN", "RD"])
_J, _H = [[0.0, -1.0], [-1.0, 0.0]], [0.5, 0.25]
_PRINTED = "ALC 2\nLDJ [[0.0, -1.0], [-1.0, 0.0]]\nLDH [0.5, 0.25]\nSIG 0.01\nRUN 0.05\nRD \n"


def _instructions(array: Any = list) -> list[_Instruction]:
    words = [("ALC", [2]), ("LDJ", [array(_J)]), ("LDH", [array(_H)]), ("SIG", [0.01]), ("RUN", [0.05]), ("RD", [])]
    return [_Instruction(_OpCode[name], operands) for name, operands in words]


def _executed(subject: Subject, array: Any = list) -> Any:
    with subject.factory() as driver:
        return driver.execute(_instructions(array), chosen())


@check(model="lif_critical")
def executes_a_list_of_instructions(subject: Subject) -> None:
    """`execute` returns pykoppu's triple: state, energy history, spikes in milliseconds, all of lane 0."""
    outcome = _executed(subject)
    state, history, (times, index) = outcome
    result = outcome.result
    expect(np.array_equal(state, result.state[0]), "the first item should be the state of lane 0")
    expect(history == result.energy_trace[0].tolist(), "the second item should be the energies, a list")
    expect(len(history) == 50, f"50 ms should have 50 energies, not {len(history)}")
    expect(bool(np.allclose(times, result.spikes.t * 1e3)), "the third item should hold times in milliseconds")
    expect(index.tolist() == result.spikes.i.tolist() and index.size > 0, "the third item should hold the neurons")


@check(model="lif_critical")
def executes_instructions_as_their_text(subject: Subject) -> None:
    """A list of instructions, with lists or numpy arrays, runs as the text that pykoppu prints for it."""
    subject.repeats()
    wanted = subject.run(_PRINTED)
    for array in (list, np.array):
        expect(same(_executed(subject, array).result, wanted), f"instructions with {array.__name__} run otherwise")


@check()
def refuses_an_empty_list_of_instructions(subject: Subject) -> None:
    """Nothing to run is said, and not answered with an empty result."""
    try:
        subject.factory().execute([])
    except BioasmError as refused:
        expect([d.code for d in refused.diagnostics] == ["B406"], f"the error should be B406, not {refused}")
    else:
        fail("an empty list should be refused")


@check_each_model()
def hashes_what_a_text_says_and_not_how(subject: Subject, model: str) -> None:
    """Comments and layout are no part of the program's hash."""
    found = subject.run(f"; a comment\nMODEL {model}\n  alc 2 ;\n rd\n").program_sha256
    expect(found == program_hash(assemble(f"MODEL {model}\nALC 2\nRD\n")), "comments and layout changed the hash")
