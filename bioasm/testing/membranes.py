"""Checks of the LIF twin: its noise-free trajectories against the definition, its noise against theory, and its inputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bioasm.results import Result
from bioasm.testing import definition
from bioasm.testing.definition import DT, EL, I_OFFSET, TAU, VT, R, Trajectory, twin
from bioasm.testing.kit import Subject, check, expect
from bioasm.testing.landscapes import close
from bioasm.testing.results import reading, values
from bioasm.testing.samples import KBODY, REAL, N

LIF = "lif_critical"
VOLTS = 1e-9
STEPS = 300
QUIET = f"ALC {N}\n{REAL.text}SIG 0\n"
RUN = "RUN 30 ms\nRD v\n"


def follows(result: Result, wanted: Trajectory, what: str) -> None:
    """Check the final membranes, energies and spikes of a run against a trajectory of the definition."""
    np.testing.assert_allclose(reading(result, "v")[0], wanted.v[-1], rtol=0, atol=VOLTS, err_msg=what)
    close(result.energy_trace[0], wanted.energies, f"energy_trace {what}")
    close(result.best_energy, [wanted.best_energy], f"best_energy {what}")
    found = [(round(t / DT), int(i)) for t, i in zip(result.spikes.t, result.spikes.i, strict=True)]
    expect(found == wanted.spikes, f"spikes {what} should be {wanted.spikes}, not {found}")


@check(model=LIF)
def membranes_rest_below_threshold(subject: Subject) -> None:
    """Without noise and couplings v goes to El + R I_offset, 2 mV below threshold, as one Euler step after the other says."""
    result = subject.run("ALC 2\nSIG 0\nRD v\nRUN 5 ms\nRD v\nRUN 2 s\nRD v\n")
    start, early, late = (value[0] for value in values(result))
    wanted = EL + R * I_OFFSET * (1 - (1 - DT / TAU) ** 50)
    for value, volts in ((start, EL), (early, wanted), (late, -52e-3)):
        np.testing.assert_allclose(value, volts, rtol=0, atol=VOLTS)
    expect(result.spikes.t.size == 0, "membranes at rest should not spike")


@check(model=LIF)
def feedback_drives_membranes_as_defined(subject: Subject) -> None:
    """Without noise, membranes, energies and spikes of a coupled network are those of the definition."""
    wanted = twin(REAL, STEPS)
    expect(len(wanted.spikes) > 5, "the sample should spike")
    follows(subject.run(QUIET + RUN), wanted, "with feedback")


@check("kbody", model=LIF)
def terms_drive_membranes_as_defined(subject: Subject) -> None:
    """The feedback current of higher-order terms is -dE/ds."""
    follows(subject.run(f"ALC {N}\n{KBODY.text}SIG 0\n{RUN}"), twin(KBODY, STEPS), "with terms")


@check("inputs", model=LIF)
def constant_currents_drive_membranes(subject: Subject) -> None:
    """CUR adds a current to each neuron, one for all or each its own, until another CUR."""
    for text, current in (("0.3 nA", 0.3e-9), ("[1e-9, 0, -1e-9, 2e-9, 0]", np.array([1e-9, 0, -1e-9, 2e-9, 0]))):
        follows(subject.run(f"{QUIET}CUR {text}\n{RUN}"), twin(REAL, STEPS, current), f"with CUR {text}")
    back = subject.run(f"{QUIET}CUR 0.3 nA\nCUR 0\n{RUN}")
    follows(back, twin(REAL, STEPS), "after CUR 0")


@check("inputs", model=LIF)
def waves_play_into_membranes(subject: Subject) -> None:
    """WAVE plays a row each period from when it is executed, and ends with its last row."""
    rows = np.array([[1e-9, 0, 0, 0, 0], [0, 2e-9, 0, -1e-9, 0], [0, 0, 0, 0, 1e-9]])
    current = np.zeros((STEPS, N))
    current[100:250] = np.repeat(rows, 50, axis=0)
    result = subject.run(f"{QUIET}RUN 10 ms\nWAVE {rows.tolist()}, 5 ms\nRUN 20 ms\nRD v\n")
    follows(result, twin(REAL, STEPS, current), "with WAVE")


@check("inputs", model=LIF)
def spike_trains_let_membranes_jump(subject: Subject) -> None:
    """SPK adds its jump at the given times from when it is executed, after the threshold and before the reset."""
    train = [(2e-3, 0), (2e-3, 3), (7.1e-3, 0), (0.0, 2)]
    jumps = np.zeros((STEPS, N))
    for t, i in train:
        jumps[100 + round(t / DT), i] += 8e-3
    text = [list(pair) for pair in train]
    result = subject.run(f"{QUIET}RUN 10 ms\nSPK {text}, 8 mV\nRUN 20 ms\nRD v\n")
    follows(result, twin(REAL, STEPS, 0.0, jumps), "with SPK")


@check("inputs", model=LIF)
def poisson_spikes_come_at_their_rate(subject: Subject) -> None:
    """POI sends Poisson spikes, several in a step where the rate asks for it: mean and variance of their number are right."""
    for rate in (500.0, 25e3):
        _poisson_counts(subject, rate)


def _poisson_counts(subject: Subject, rate: float) -> None:
    jump, steps, n = 1e-6, 1000, 400
    text = f"SET R, 0\nSET tau, 1e9\nSET Vt, 1 V\nALC {n}\nSIG 0\nPOI {rate} Hz, {jump}\nRUN {steps * DT} s\nRD v\n"
    counts = (reading(subject.run(text), "v")[0] - EL) / jump
    mean = variance = steps * rate * DT
    off = abs(counts.mean() - mean) / math.sqrt(variance / n)
    expect(off < 6, f"{counts.mean():.2f} spikes a neuron; {mean:.2f} are due ({off:.1f} standard errors)")
    ratio = counts.var() / variance
    expect(abs(ratio - 1) < 6 * math.sqrt(2 / n), f"the variance of counts is {ratio:.2f} times that of a Poisson process")


@check(model=LIF)
def noise_has_the_right_strength(subject: Subject) -> None:
    """Without a threshold v is an Ornstein-Uhlenbeck process: its mean and standard deviation are those of theory."""
    n, sigma = 1000, 3e-3
    v = reading(subject.run(f"SET Vt, 1 V\nALC {n}\nSIG {sigma}\nRUN 200 ms\nRD v\n"), "v")[0]
    mean = EL + R * I_OFFSET * (1 - (1 - DT / TAU) ** 2000)
    keep = (1 - DT / TAU) ** 2
    deviation = sigma * math.sqrt(2 * DT / TAU * (1 - keep**2000) / (1 - keep))
    off = abs(v.mean() - mean) / (deviation / math.sqrt(n))
    expect(off < 6, f"the mean is {v.mean():.6f} V, not {mean:.6f} V ({off:.1f} standard errors)")
    ratio = v.std() / deviation
    expect(abs(ratio - 1) < 6 / math.sqrt(2 * n), f"the standard deviation is {ratio:.3f} times that of theory")


@check(model=LIF)
def noise_is_independent_between_neurons(subject: Subject) -> None:
    """No two neurons get the same noise."""
    v = reading(subject.run("ALC 50\nSIG 2 mV\nRUN 1 ms\nRD v\n"), "v")[0]
    expect(len(np.unique(v)) == 50, "some neurons have the same noise")


@check(model=LIF)
def parameters_may_differ_between_neurons(subject: Subject) -> None:
    """SET takes a vector: each neuron relaxes with its own time constant to its own resting potential, where I_max is 0."""
    tau, current = np.array([10e-3, 20e-3, 30e-3, 40e-3, 50e-3]), np.array([0.1e-9, 0.2e-9, 0.3e-9, 0.0, -0.1e-9])
    sets = f"SET tau, {tau.tolist()}\nSET I_offset, {current.tolist()}\n"
    text = f"SET I_max, 0\n{QUIET}{sets}RUN 10 ms\nRD v\n"
    wanted = EL + R * current * (1 - (1 - DT / tau) ** 100)
    np.testing.assert_allclose(reading(subject.run(text), "v")[0], wanted, rtol=0, atol=VOLTS)


@check(model=LIF)
def several_runs_add_up(subject: Subject) -> None:
    """The remainder of a step is carried over: three thirds are the whole, to the last step."""
    third = "RUN 0.3333333333333333\n"
    result = subject.run(f"ALC 2\nSIG 0\n{third * 3}RD steps\n")
    expect(result.steps == 10000, f"three thirds of a second should be 10000 steps, not {result.steps}")
    pieces = subject.run(QUIET + "RUN 7.3 ms\nRUN 0\nRUN 22.7 ms\nRD v\n")
    follows(pieces, twin(REAL, STEPS), "in pieces")


@check(model=LIF)
def reset_puts_membranes_back_and_lets_the_clock_go_on(subject: Subject) -> None:
    """After RST all is as at the start but for the clock, and spikes of both halves are kept."""
    half = twin(REAL, STEPS)
    result = subject.run(f"{QUIET}RUN 30 ms\nRST\nRD v\nRUN 30 ms\nRD v\nRD time\n")
    back, again, time = values(result)
    np.testing.assert_allclose(back[0], EL, rtol=0, atol=VOLTS)
    np.testing.assert_allclose(again[0], half.v[-1], rtol=0, atol=VOLTS)
    expect(abs(time - 60e-3) < 1e-9, "the clock should go on")
    expect(result.spikes.t.size == 2 * len(half.spikes), "the spikes of both halves should be kept")


# --- spikes -----------------------------------------------------------------------------------------


def _noisy(subject: Subject, **options: Any) -> Result:
    return subject.run(f"ALC {N}\n{REAL.text}SIG 8 mV\nRUN 200 ms\nRD spikes\n", **options)


@check(model=LIF)
def spikes_are_sorted_and_lie_in_the_run(subject: Subject) -> None:
    """Spikes are sorted by time and neuron, at starts of steps within the run, of neurons that there are."""
    spikes = _noisy(subject).spikes
    expect(spikes.t.size > 20, f"the sample should spike more than {spikes.t.size} times")
    steps = np.rint(spikes.t / DT).astype(np.int64)
    keys = list(zip(spikes.lane.tolist(), steps.tolist(), spikes.i.tolist(), strict=True))
    expect(keys == sorted(set(keys)), "spikes should be sorted by lane, time and neuron, none twice")
    expect(bool(np.allclose(spikes.t, steps * DT, rtol=0, atol=1e-12)), "spikes should lie at starts of steps, in seconds")
    expect(steps.min() >= 0 and steps.max() < 2000, "spikes should lie within the run")
    expect(bool(((spikes.i >= 0) & (spikes.i < N)).all()), "spikes should be of neurons that there are")


@check(model=LIF)
def spike_counts_are_those_of_the_spikes(subject: Subject) -> None:
    """`spike_count` counts the spikes of each neuron."""
    result = _noisy(subject)
    wanted = np.bincount(result.spikes.i, minlength=N)
    expect(result.spike_count[0].tolist() == wanted.tolist(), f"should be {wanted}, not {result.spike_count[0]}")


@check("control", model=LIF)
def spike_counts_fit_registers(subject: Subject) -> None:
    """GET spike_count is the sum over all neurons."""
    result = subject.run(f"ALC {N}\n{REAL.text}SIG 8 mV\nRUN 50 ms\nGET r0, spike_count\nOUT r0, count\n")
    found = reading(result, "count")
    expect(found == result.spikes.t.size > 0, f"should be {result.spikes.t.size}, not {found}")


# --- clamps and recordings --------------------------------------------------------------------------


@check("clamp", model=LIF)
def clamped_membranes_keep_their_voltage(subject: Subject) -> None:
    """A clamped neuron keeps its voltage, does not spike, also above threshold, and drives the others by its state."""
    held = {1: -60e-3, 3: -40e-3}
    result = subject.run(f"{QUIET}CLAMP [1, 3], [-0.06, -0.04]\n{RUN}")
    follows(result, twin(REAL, STEPS, held=held), "with clamps")
    expect(not np.isin(result.spikes.i, (1, 3)).any(), "clamped neurons should not spike")


@check("clamp", model=LIF)
def freed_membranes_go_on_from_where_they_were_held(subject: Subject) -> None:
    """FREE lets a neuron go on from its voltage."""
    result = subject.run("ALC 2\nSIG 0\nCLAMP 0, -60 mV\nRUN 5 ms\nFREE\nRD v\nRUN 5 ms\nRD v\n")
    first, second = (value[0] for value in values(result))
    alone = EL + R * I_OFFSET * (1 - (1 - DT / TAU) ** np.array([50, 100]))
    rest = EL + R * I_OFFSET
    freed = rest + (-60e-3 - rest) * (1 - DT / TAU) ** 50
    np.testing.assert_allclose([first, second], [[-60e-3, alone[0]], [freed, alone[1]]], rtol=0, atol=VOLTS)


@check("start", model=LIF)
def loaded_membranes_are_gone_on_from(subject: Subject) -> None:
    """LDS sets membranes at once but for clamped ones, and they go on from there."""
    result = subject.run("ALC 2\nSIG 0\nRUN 1 ms\nCLAMP 0, -55 mV\nLDS [-0.06, -0.06]\nRD v\nRUN 5 ms\nRD v\n")
    rest = EL + R * I_OFFSET
    after = rest + (-60e-3 - rest) * (1 - DT / TAU) ** 50
    found = [value[0] for value in values(result)]
    np.testing.assert_allclose(found, [[-55e-3, -60e-3], [-55e-3, after]], rtol=0, atol=VOLTS)


@check("record", model=LIF)
def recordings_are_samples_of_the_trajectory(subject: Subject) -> None:
    """REC takes v before the step at each multiple of its period from when it was executed, of the neurons given."""
    wanted = twin(REAL, STEPS)
    result = subject.run(f"{QUIET}RUN 10 ms\nREC v, 0.5 ms, [3, 0]\nRUN 20 ms\n")
    recording = result.recordings["v"]
    steps = np.arange(100, STEPS, 5)
    np.testing.assert_allclose(recording.t, steps * DT, rtol=0, atol=1e-12, err_msg="times")
    expect(recording.neurons.tolist() == [3, 0], f"neurons should be [3, 0], not {recording.neurons}")
    expect(recording.values.shape == (1, len(steps), 2), f"values have the shape {recording.values.shape}")
    np.testing.assert_allclose(recording.values[0], wanted.v[steps][:, [3, 0]], rtol=0, atol=VOLTS)


@check("record", model=LIF)
def all_variables_can_be_recorded(subject: Subject) -> None:
    """s, I and spike_count are recorded as v is; without a period at every step."""
    wanted = twin(REAL, STEPS)
    result = subject.run(QUIET + "REC s\nREC I\nREC spike_count\nRUN 30 ms\n")
    s, current, count = (result.recordings[name].values[0] for name in ("s", "I", "spike_count"))
    np.testing.assert_allclose(s, definition.state(wanted.v[:-1]), rtol=0, atol=VOLTS / (VT - EL))
    np.testing.assert_allclose(current[::10], [REAL.feedback(row) for row in s[::10]], rtol=1e-6, atol=1e-16)
    fired = np.zeros((STEPS, N))
    for step, i in wanted.spikes:
        fired[step, i] = 1
    expect(count.tolist() == (np.cumsum(fired, axis=0) - fired).tolist(), "spike_count counts the spikes before each step")
