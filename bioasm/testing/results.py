"""Checks of what a result holds: provenance, shapes, types, and readings that agree with it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import program_hash, to_bytes
from bioasm.results import Result, Spikes
from bioasm.testing.kit import Subject, check, check_each_model, expect
from bioasm.testing.samples import BEGIN, COMMON, ENTRIES, EVENTS, FOREVER, PROGRAMS, RUN, STEP_LENGTH, STEPS, N
from bioasm.text.assemble import assemble


def reading(result: Result, what: str) -> Any:
    """The value of the last reading of this name."""
    return [r.value for r in result.results if r.what == what][-1]


def values(result: Result) -> list[Any]:
    """The values of all readings, in order."""
    return [r.value for r in result.results]


def arrays(value: Any) -> list[NDArray[Any]]:
    """A reading's value as arrays."""
    return [value.t, value.i, value.lane] if isinstance(value, Spikes) else [np.asarray(value)]


def alike(a: Any, b: Any) -> bool:
    """Whether two readings are equal to the last bit, NaN equal to itself."""
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in zip(arrays(a), arrays(b), strict=True))


def same(a: Result, b: Result) -> bool:
    """Whether two runs came to the same: all arrays and readings to the last bit, status and steps."""
    names = ("state", "energy", "best_energy", "best_state", "energy_trace", "spikes", "spike_count")
    readings = [(r.what, s.what, r.value, s.value) for r, s in zip(a.results, b.results, strict=False)]
    return (
        (a.status, a.steps, len(a.results)) == (b.status, b.steps, len(b.results))
        and all(alike(getattr(a, name), getattr(b, name)) for name in names)
        and all(what == other and alike(x, y) for what, other, x, y in readings)
    )


# --- provenance -------------------------------------------------------------------------------------


@check_each_model()
def names_where_the_result_came_from(subject: Subject, model: str) -> None:
    """Driver, model, numbers of neurons and lanes, and the seed are those of the run."""
    result = subject.run(PROGRAMS[model], seed=7)
    found = (result.driver, result.model, result.n, result.lanes, result.seed)
    wanted = (subject.factory().name, model, N, 1, 7)
    expect(found == wanted, f"driver, model, n, lanes, seed should be {wanted}, not {found}")


@check_each_model()
def program_sha256_is_that_of_the_program(subject: Subject, model: str) -> None:
    """The hash in the result is that of the program's canonical bytes."""
    program = assemble(PROGRAMS[model])
    found = subject.run(program).program_sha256
    expect(found == program_hash(program), f"program_sha256 should be {program_hash(program)}, not {found}")


@check()
def versions_are_named(subject: Subject) -> None:
    """The versions name BioASM and are words."""
    versions = subject.run("ALC 2\n").versions
    expect("bioasm" in versions, f"versions should name bioasm; they name {sorted(versions)}")
    expect(all(isinstance(v, str) and v for v in versions.values()), f"versions should be words: {dict(versions)}")


@check()
def timing_is_told_in_seconds(subject: Subject) -> None:
    """The timing has a total, all of it is seconds, and no part is longer than the total."""
    timing = subject.run("ALC 2\n").timing
    expect("total" in timing, f"timing should have a total; it has {sorted(timing)}")
    expect(all(math.isfinite(s) and 0 <= s <= timing["total"] for s in timing.values()), f"impossible times: {dict(timing)}")


@check_each_model()
def status_steps_and_time_are_those_of_the_run(subject: Subject, model: str) -> None:
    """A run that came to its end says so, counts its steps and knows how long each is."""
    result = subject.run(PROGRAMS[model])
    expect(result.status == "finished", f"status should be finished, not {result.status}")
    expect(result.steps == STEPS[model], f"steps should be {STEPS[model]}, not {result.steps}")
    expect(result.seconds_per_step == STEP_LENGTH[model], f"a step should be {STEP_LENGTH[model]}")
    expect(abs(result.time - STEPS[model] * STEP_LENGTH[model]) < 1e-9, f"time should not be {result.time}")


@check_each_model()
def parameters_of_the_options_hold(subject: Subject, model: str) -> None:
    """`RunOptions.parameters` replace defaults of the model."""
    name, value = {"lif_critical": ("dt", 0.2e-3), "ising": ("rule", 1.0)}[model]
    other = subject.run(PROGRAMS[model], parameters={name: value})
    expect(not same(other, subject.run(PROGRAMS[model])), f"{name} = {value} changed nothing")


# --- shapes and types -------------------------------------------------------------------------------


def _shapes(result: Result, model: str) -> None:
    lanes, cells = result.lanes, (result.lanes, N)
    wanted = {
        "state": cells,
        "best_state": cells,
        "spike_count": cells,
        "energy": (lanes,),
        "best_energy": (lanes,),
        "energy_trace": (lanes, ENTRIES[model]),
    }
    found = {name: getattr(result, name).shape for name in wanted}
    expect(found == wanted, f"shapes should be {wanted}, not {found}")
    spikes = result.spikes
    expect(spikes.t.shape == spikes.i.shape == spikes.lane.shape == (spikes.t.size,), "spikes should be three vectors")


@check_each_model()
def shapes_with_one_lane(subject: Subject, model: str) -> None:
    """The lane is an axis of every array, also where there is one."""
    _shapes(subject.run(PROGRAMS[model]), model)


@check_each_model()
def types_of_arrays(subject: Subject, model: str) -> None:
    """Arrays have the documented types."""
    result = subject.run(PROGRAMS[model])
    wanted = dict.fromkeys(("state", "energy", "best_energy", "energy_trace"), "float64")
    wanted |= {"best_state": "int8", "spike_count": "int64", "spikes.t": "float64", "spikes.i": "int64", "spikes.lane": "int64"}
    whole = {name: getattr(result, name) for name in wanted if "." not in name}
    whole |= {f"spikes.{name}": getattr(result.spikes, name) for name in ("t", "i", "lane")}
    found = {name: str(whole[name].dtype) for name in wanted}
    expect(found == wanted, f"types should be {wanted}, not {found}")


@check_each_model()
def states_are_of_the_model(subject: Subject, model: str) -> None:
    """Spins are -1 or +1; membranes' states lie in 0 to 1, and their best states are 0 or 1."""
    result = subject.run(PROGRAMS[model])
    if model == "ising":
        expect(bool(np.isin(result.state, (-1, 1)).all()), f"spins should be -1 or +1: {result.state}")
        expect(bool(np.isin(result.best_state, (-1, 1)).all()), f"best_state should be -1 or +1: {result.best_state}")
        return
    expect(bool(((result.state >= 0) & (result.state <= 1)).all()), f"states should lie in 0 to 1: {result.state}")
    expect(bool(np.isin(result.best_state, (0, 1)).all()), f"best_state should be 0 or 1: {result.best_state}")


@check(model="lif_critical")
def without_couplings_no_energy_is_seen(subject: Subject) -> None:
    """Membranes without couplings have no trace; the best energy is NaN and the best state the final one."""
    result = subject.run("ALC 3\nSIG 0\nRUN 200 ms\n")
    expect(result.energy_trace.shape == (1, 0), "there should be no trace")
    expect(bool(np.isnan(result.best_energy).all()), f"best_energy should be NaN, not {result.best_energy}")
    expect(result.best_state.tolist() == [[1, 1, 1]], f"best_state should be the final one, not {result.best_state}")


@check("control")
def a_program_without_neurons_has_a_result(subject: Subject) -> None:
    """A program that allocates nothing runs, and its arrays have no neurons."""
    result = subject.run("OUT 42, answer\n")
    expect((result.n, result.state.shape, result.best_state.shape) == (0, (1, 0), (1, 0)), "there should be no neurons")
    expect([(r.what, r.value) for r in result.results] == [("answer", 42.0)], f"the answer should be 42: {result.results}")


# --- readings ---------------------------------------------------------------------------------------


@check_each_model()
def readings_come_in_program_order(subject: Subject, model: str) -> None:
    """RD appends one reading each, in the order that they are executed, before and after runs."""
    text = f"{BEGIN[model]}RD steps\nRD\nRD energy\n{RUN[model]}RD steps\nRD best_state\nRD energy\n"
    result = subject.run(text)
    wanted = ["steps", "state", "energy", "steps", "best_state", "energy"]
    found = [r.what for r in result.results]
    expect(found == wanted, f"readings should be {wanted}, not {found}")
    counts = [r.value for r in result.results if r.what == "steps"]
    expect(counts == [0.0, STEPS[model]], f"steps should be read as 0 and {STEPS[model]}, not {counts}")


@check("control")
def numbers_and_readings_share_one_order(subject: Subject) -> None:
    """OUT and RD append to one list; OUT's name is its own, or `value`."""
    result = subject.run('OUT 1, first\nALC 2\nRD\nOUT 2\nRD noise\nOUT 3, "two words"\nOUT 4, first\n')
    wanted = ["first", "state", "value", "noise", "two words", "first"]
    found = [r.what for r in result.results]
    expect(found == wanted, f"readings should be {wanted}, not {found}")
    numbers = [r.value for r in result.results if r.what not in ("state", "noise")]
    expect(numbers == [1.0, 2.0, 3.0, 4.0], f"OUT should emit 1, 2, 3, 4 as numbers, not {numbers}")


@check_each_model()
def every_observable_can_be_read(subject: Subject, model: str) -> None:
    """RD reads whatever the model lists, in its shape."""
    names = (*EVENTS[model], *COMMON)
    result = subject.run(PROGRAMS[model] + "".join(f"RD {name}\n" for name in names))
    expect([r.what for r in result.results] == list(names), "each observable should be read once")
    for name in names:
        value = reading(result, name)
        wanted = {"energy": (1,), "best_energy": (1,), "energy_trace": (1, ENTRIES[model])}.get(name, (1, N))
        if name in ("time", "steps", "noise"):
            expect(isinstance(value, float), f"{name} should be a number")
        elif name == "spikes" and model == "lif_critical":
            expect(isinstance(value, Spikes), "spikes should be Spikes")
        else:
            expect(np.shape(value) == wanted, f"{name} should be of shape {wanted}, not {np.shape(value)}")


@check_each_model()
def readings_at_the_end_are_what_the_result_says(subject: Subject, model: str) -> None:
    """The values that RD reads last are equal to those of the result."""
    names = ["state", "energy", "best_energy", "best_state", "energy_trace"]
    names += ["spikes", "spike_count"] if model == "lif_critical" else []
    result = subject.run(PROGRAMS[model] + "".join(f"RD {name}\n" for name in names))
    unlike = [name for name in names if not alike(reading(result, name), getattr(result, name))]
    expect(not unlike, f"readings differ from the result: {unlike}")


@check_each_model()
def readings_are_not_changed_by_what_follows(subject: Subject, model: str) -> None:
    """A reading is what was there when it was read, whatever runs later."""
    names = (*EVENTS[model], *COMMON)
    read = "".join(f"RD {name}\n" for name in names)
    short = subject.run(f"{BEGIN[model]}{RUN[model]}{read}")
    long = subject.run(f"{BEGIN[model]}{RUN[model]}{read}{RUN[model]}{RUN[model]}")
    unlike = [r.what for r, s in zip(short.results, long.results, strict=True) if not alike(r.value, s.value)]
    expect(not unlike, f"later runs changed earlier readings: {unlike}")


@check_each_model()
def text_and_bytecode_are_one_program(subject: Subject, model: str) -> None:
    """A program that went through bytecode runs as its text does."""
    subject.repeats()
    program = assemble(PROGRAMS[model] + "RD\n")
    again = from_bytes(to_bytes(program))
    expect(same(subject.run(program), subject.run(again)), "bytecode and text gave different results")
    expect(subject.run(again).program_sha256 == program_hash(program), "bytecode and text have different hashes")


# --- fuel -------------------------------------------------------------------------------------------


@check_each_model()
def fuel_ends_a_long_run_with_what_it_had(subject: Subject, model: str) -> None:
    """A run that needs more than its fuel stops within it and delivers its steps, its trace and its readings so far."""
    result = subject.run(f"{BEGIN[model]}RD\n{FOREVER[model]}RD energy\n", fuel=1000)
    expect(result.status == "out of fuel", f"status should be `out of fuel`, not {result.status}")
    expect(0 < result.steps <= 1000, f"1000 of fuel should allow some and at most 1000 steps, not {result.steps}")
    expect([r.what for r in result.results] == ["state"], "the readings so far should be kept")
    entries = result.steps if model == "ising" else -(-result.steps // 10)
    expect(result.energy_trace.shape == (1, entries), f"the trace should have {entries} entries: {result.energy_trace.shape}")


@check("control")
def fuel_ends_an_endless_loop(subject: Subject) -> None:
    """An endless loop stops when the fuel is used up, with the numbers emitted so far."""
    result = subject.run("MOV r0, 0\nagain:\nADD r0, r0, 1\nOUT r0\nJMP again\n", fuel=100)
    expect(result.status == "out of fuel", f"status should be `out of fuel`, not {result.status}")
    numbers = [r.value for r in result.results]
    expect(10 <= len(numbers) <= 100, f"100 of fuel should emit between 10 and 100 numbers, not {len(numbers)}")
    expect(numbers == [float(k + 1) for k in range(len(numbers))], "the numbers should be 1, 2, 3, ...")
