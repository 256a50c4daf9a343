"""Checks of Ising spins: Boltzmann statistics on tiny systems, the limit of no temperature, clamps and recordings."""

from __future__ import annotations

import numpy as np

from bioasm.diagnostics import BioasmError
from bioasm.testing.definition import Array, Landscape, all_spins, boltzmann
from bioasm.testing.kit import Subject, check, expect
from bioasm.testing.results import values
from bioasm.testing.samples import BEGIN, WHOLE, N

ISING = "ising"
SAMPLES = 4096
ENOUGH = 40.0  # a chi-square statistic of 7 degrees of freedom is larger once in a million

FIELD = Landscape(np.array([[0, 1.0, -0.5], [1.0, 0, 0.8], [-0.5, 0.8, 0]]), np.array([0.3, -0.2, 0.5]))
SKEW = Landscape(np.array([[0.4, 1.7, 0], [0.3, 0, 1.1], [-1.0, 0.5, -0.2]]), np.zeros(3))
THREE = Landscape(np.zeros((3, 3)), np.array([0.2, 0, 0]), {(0, 1, 2): -0.9, (0, 2): 0.6})


def final_states(subject: Subject, text: str) -> Array:
    """Independent samples (SAMPLES, 3): final states of as many lanes as the driver takes, in as many runs as that needs."""
    lanes = most_lanes(subject, text)
    return np.concatenate([subject.run(text, lanes=lanes, seed=seed).state for seed in range(1, SAMPLES // lanes + 1)])


def most_lanes(subject: Subject, text: str) -> int:
    """SAMPLES, or a 16th of it, and so on, until the driver takes so many lanes; at least 1."""
    lanes = SAMPLES
    while lanes > 1:
        try:
            subject.run(text, lanes=lanes, fuel=1)
        except BioasmError as refused:
            if {d.code for d in refused.diagnostics} - {"B406", "B502"}:
                raise
            lanes //= 16
        else:
            break
    return lanes


def samples_follow(subject: Subject, landscape: Landscape, temperature: float, setting: str = "") -> None:
    """Check by a chi-square test that final states are distributed as the Boltzmann distribution says."""
    text = f"MODEL ising\n{setting}ALC 3\n{landscape.text}SIG {temperature}\nRUN 40 sweeps\n"
    found = final_states(subject, text)
    observed = np.array([(found == s).all(axis=1).sum() for s in all_spins(3)])
    due = SAMPLES * boltzmann(landscape, temperature)
    statistic = float(((observed - due) ** 2 / due).sum())
    expect(statistic < ENOUGH, f"chi-square is {statistic:.0f}: states were seen {observed} times; due are {due.round(1)}")


@check(model=ISING)
def samples_are_boltzmann_distributed(subject: Subject) -> None:
    """With couplings and biases, at a high and a low temperature."""
    samples_follow(subject, FIELD, 2.0)
    samples_follow(subject, FIELD, 0.9)


@check(model=ISING)
def samples_with_one_sided_couplings(subject: Subject) -> None:
    """J that is not symmetric acts as (J + J')/2, and its diagonal does not matter."""
    samples_follow(subject, SKEW, 1.5)


@check(model=ISING)
def samples_by_the_metropolis_rule(subject: Subject) -> None:
    """The other rule leaves the same distribution."""
    samples_follow(subject, FIELD, 1.5, "SET rule, metropolis\n")


@check("kbody", model=ISING)
def samples_with_higher_order_terms(subject: Subject) -> None:
    """Terms of LDT weigh on the distribution."""
    samples_follow(subject, THREE, 1.2)


@check(model=ISING)
def spins_start_at_random(subject: Subject) -> None:
    """Without couplings about half of the spins start up and half down, other ones for another seed."""
    text = "MODEL ising\nALC 400\n"
    first, second = subject.run(text, seed=1).state[0], subject.run(text, seed=2).state[0]
    for state in (first, second):
        expect(120 < (state == 1).sum() < 280, f"{(state == 1).sum()} of 400 spins start up")
    expect(120 < (first != second).sum() < 280, "another seed should give another start")


@check(model=ISING)
def energies_only_fall_without_temperature(subject: Subject) -> None:
    """At SIG 0 no sweep raises the energy, and it ends where no single flip lowers it."""
    result = subject.run(f"MODEL ising\nALC {N}\n{WHOLE.text}SIG 0\nRUN 40\n")
    expect(bool((np.diff(result.energy_trace[0]) <= 0).all()), f"the energy rose: {result.energy_trace[0]}")
    flipped = result.state[0] * (1 - 2 * np.eye(N))
    expect(bool((WHOLE.energy(flipped) >= result.energy[0]).all()), "a single flip would lower the final energy")


@check(model=ISING)
def annealing_finds_the_ground_state(subject: Subject) -> None:
    """A small problem that is cooled down has its lowest state as best state."""
    steps = "".join(f"SIG {temperature}\nRUN 20\n" for temperature in (3, 2, 1, 0.5, 0.25))
    result = subject.run(f"MODEL ising\nALC {N}\n{WHOLE.text}{steps}")
    lowest = float(WHOLE.energy(all_spins(N)).min())
    expect(float(result.best_energy[0]) == lowest, f"the best energy should be {lowest}, not {result.best_energy[0]}")


@check(model=ISING)
def spins_send_no_spikes(subject: Subject) -> None:
    """A model without spikes has none in its result."""
    result = subject.run(f"{BEGIN[ISING]}RUN 5\n")
    expect(result.spikes.t.size == 0 and not result.spike_count.any(), "spins should send no spikes")


@check(model=ISING)
def reset_draws_spins_as_at_the_start(subject: Subject) -> None:
    """RST puts spins back into their initial state; the clock and the best state go on."""
    result = subject.run(f"{BEGIN[ISING]}RD\nRUN 20\nRD best_energy\nRST\nRD\nRD best_energy\nRD steps\n")
    start, before, again, after, steps = [np.ravel(value).tolist() for value in values(result)]
    expect(start == again, f"spins should be {start} again, not {again}")
    expect(steps == [20.0], f"the clock should go on; it says {steps}")
    expect(after <= before, "the best energy should be kept")


@check("start", model=ISING)
def states_that_are_set_count_for_the_best(subject: Subject) -> None:
    """A loaded state counts for the best, also where LDS or RST replaces it before anything runs or is read."""
    ground = all_spins(N)[WHOLE.energy(all_spins(N)).argmin()]
    for after in (f"LDS {(-ground).tolist()}\n", "RST\n"):
        result = subject.run(f"{BEGIN[ISING]}LDS {ground.tolist()}\n{after}")
        found, wanted = result.best_energy.tolist(), WHOLE.energy(ground[None]).tolist()
        expect(found == wanted, f"the best energy should be {wanted}, not {found}")


@check("clamp", model=ISING)
def clamped_spins_hold(subject: Subject) -> None:
    """Clamped spins keep their values through runs and RST, and the best state has them."""
    result = subject.run(f"{BEGIN[ISING]}CLAMP [3, 1], [1, -1]\n" + "RUN 5\nRD\nRST\nRD\n" * 3)
    for read in (*values(result), result.best_state):
        expect(read[0, [3, 1]].tolist() == [1, -1], f"spins 3 and 1 should stay 1 and -1: {read}")


@check("clamp", model=ISING)
def freed_spins_move_again(subject: Subject) -> None:
    """After FREE a spin that was held against its field turns."""
    text = "MODEL ising\nALC 3\nLDH [5, 5, 5]\nSIG 0.1\nCLAMP [0, 2], -1\nRUN 5\nRD\nFREE 0\nRUN 5\nRD\nFREE\nRUN 5\nRD\n"
    states = [value[0].tolist() for value in values(subject.run(text))]
    expect(states == [[-1, 1, -1], [1, 1, -1], [1, 1, 1]], f"spins should be freed one after the other: {states}")


@check("clamp", model=ISING)
def best_state_starts_anew_with_clamps(subject: Subject) -> None:
    """The best state is that of the problem with its clamps, also after FREE."""
    read = "RUN 5\nRD best_energy\n"
    text = f"MODEL ising\nALC 3\nLDH [1, 1, 1]\nSIG 0.1\nRUN 5\nCLAMP 0, -1\n{read}FREE\n{read}"
    best = [float(value[0]) for value in values(subject.run(text))]
    expect(best == [-1.0, -3.0], f"the best energies should be -1 and -3, not {best}")


@check("start", model=ISING)
def loaded_spins_are_gone_on_from(subject: Subject) -> None:
    """LDS sets spins at once but for clamped ones; the best state has seen them, and at no temperature they descend."""
    begin = "MODEL ising\nALC 3\nLDH [3, 2, 1]\nSIG 0\nCLAMP 2, -1\n"
    text = begin + "LDS [1, -1, 1]\nRD\nRD best_energy\nRUN 1\nRD\nRST\nLDS [1, 1, 1]\nRD\n"
    first, best, then, last = [np.ravel(value).tolist() for value in values(subject.run(text))]
    expect(first == [1, -1, -1], f"the spins should be 1, -1 and the clamped -1, not {first}")
    expect(best == [0.0], f"the best energy should be 0, not {best}")
    expect(then == last == [1, 1, -1], f"the free spins should be 1, not {then} and {last}")


@check("record", model=ISING)
def recordings_hold_the_spins_before_each_sweep(subject: Subject) -> None:
    """A sample is taken before the sweep; the next one is the state that RD reads after it."""
    result = subject.run(f"{BEGIN[ISING]}REC s, 2 sweeps\n" + "RD\nRUN 2\n" * 6)
    recording = result.recordings["s"]
    expect(recording.t.tolist() == [0, 2, 4, 6, 8, 10], f"times should be every second sweep: {recording.t}")
    read = [value[0].tolist() for value in values(result)]
    expect(recording.values[0].tolist() == read, "samples should be the states before each sweep")


@check("record", model=ISING)
def recordings_end_and_begin_again(subject: Subject) -> None:
    """UNREC ends a recording and keeps it; a second one of the same variable has its own name."""
    result = subject.run(f"{BEGIN[ISING]}REC s\nRUN 3\nUNREC s\nRUN 4\nREC s, 1, [2]\nRUN 2\nREC s, 1, [0, 1]\nRUN 1\n")
    found = {name: (r.t.tolist(), r.values.shape) for name, r in result.recordings.items()}
    wanted = {"s": ([0, 1, 2], (1, 3, N)), "s.2": ([7, 8], (1, 2, 1)), "s.3": ([9], (1, 1, 2))}
    expect(found == wanted, f"recordings should be {wanted}, not {found}")
