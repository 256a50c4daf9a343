"""Checks of energies: what a driver reports is E of the states that it reports, for couplings of every kind."""

from __future__ import annotations

import numpy as np

from bioasm.runtime.single import rounded, single_product
from bioasm.testing.definition import Landscape
from bioasm.testing.kit import Subject, check, check_each_model
from bioasm.testing.results import reading, values
from bioasm.testing.samples import BEGIN, KBODY, LANDSCAPES, PROGRAMS, REAL, RUN, WHOLE, N


def close(found: object, wanted: object, what: str) -> None:
    """Check that two arrays agree to 1e-9 relative."""
    np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=1e-9, atol=1e-12, err_msg=what)


@check_each_model()
def energy_is_that_of_the_state(subject: Subject, model: str) -> None:
    """`energy` is E of `state`, the offset included."""
    result = subject.run(PROGRAMS[model])
    close(result.energy, LANDSCAPES[model].energy(result.state), "energy")


@check_each_model()
def best_energy_is_that_of_the_best_state(subject: Subject, model: str) -> None:
    """`best_energy` is E of `best_state`, the offset included."""
    result = subject.run(PROGRAMS[model])
    close(result.best_energy, LANDSCAPES[model].energy(result.best_state), "best_energy")


@check_each_model()
def energies_read_on_the_way_are_of_the_states_then(subject: Subject, model: str) -> None:
    """RD energy between runs is E of what RD state reads there."""
    result = subject.run(BEGIN[model] + f"RD state\nRD energy\n{RUN[model]}" * 3)
    states, energies = ([r.value for r in result.results if r.what == what] for what in ("state", "energy"))
    close(energies, [LANDSCAPES[model].energy(s) for s in states], "energies")


@check(model="ising")
def trace_of_spins_has_the_energy_after_each_sweep(subject: Subject) -> None:
    """The trace's entries are the energies that RD reads after each sweep, and the best is the lowest seen."""
    result = subject.run(BEGIN["ising"] + "RD energy\n" + "RUN 1\nRD energy\n" * 8)
    start, *after = [float(value[0]) for value in values(result)]
    close(result.energy_trace, [after], "energy_trace")
    close(result.best_energy, [min(start, *after)], "best_energy")


@check()
def couplings_start_at_zero(subject: Subject) -> None:
    """Without LDJ and LDH the energy is the offset."""
    result = subject.run("LDO -3.5\nALC 4\nRD energy\n")
    close(reading(result, "energy"), [-3.5], "energy without couplings")


def _spins(landscape: str) -> str:
    return f"MODEL ising\nALC {N}\n{landscape}SIG 2\nRUN 10\n"


@check(model="ising")
def energies_with_real_couplings(subject: Subject) -> None:
    """J that is neither whole nor symmetric, with a diagonal, gives E as written."""
    result = subject.run(_spins(REAL.text), lanes=1)
    close(result.energy, REAL.energy(result.state), "energy")
    close(result.best_energy, REAL.energy(result.best_state), "best_energy")


@check(model="ising")
def energies_with_sparse_couplings(subject: Subject) -> None:
    """The entries of a sparse J are those of the matrix, the rest is zero."""
    entries = " | ".join(f"{i} {j} {WHOLE.j[i, j]}" for i, j in zip(*np.nonzero(WHOLE.j), strict=True))
    result = subject.run(_spins(f"LDJ sparse({N}) {{ {entries} }}\nLDH {WHOLE.h.tolist()}\nLDO {WHOLE.offset}\n"))
    close(result.energy, WHOLE.energy(result.state), "energy")
    close(result.best_energy, WHOLE.energy(result.best_state), "best_energy")


@check(model="ising")
def energies_with_symmetric_sparse_couplings(subject: Subject) -> None:
    """Each entry of a symmetric sparse J counts on both sides, one on the diagonal once."""
    text = f"LDJ sparse({N}) symmetric {{ 0 3 2 | 1 1 5 | 2 4 -3 }}\n"
    j = np.zeros((N, N))
    j[0, 3] = j[3, 0] = 2
    j[2, 4] = j[4, 2] = -3
    j[1, 1] = 5
    result = subject.run(_spins(text))
    close(result.energy, Landscape(j, np.zeros(N)).energy(result.state), "energy")


@check("single", model="lif_critical")
def energies_in_single_precision(subject: Subject) -> None:
    """The energy after LDJS is that of products summed in float32, and the best one that of J rounded to float32."""
    loads = f"LDJS {REAL.j.tolist()}\nLDH {REAL.h.tolist()}\nLDO {REAL.offset}\n"
    result = subject.run(f"ALC {N}\n{loads}SIG 4 mV\nRUN 20 ms\n")
    products = single_product(rounded(REAL.j), result.state)
    wanted = -0.5 * (products * result.state).sum(axis=1) - result.state @ REAL.h + REAL.offset
    np.testing.assert_allclose(result.energy, wanted, rtol=1e-12, err_msg="energy")
    stored = Landscape(REAL.j.astype(np.float32).astype(float), REAL.h, offset=REAL.offset)
    close(result.best_energy, stored.energy(result.best_state), "best_energy")


@check("kbody", model="ising")
def energies_of_spins_with_higher_order_terms(subject: Subject) -> None:
    """The terms of LDT are part of the energy."""
    result = subject.run(_spins(KBODY.text))
    close(result.energy, KBODY.energy(result.state), "energy")
    close(result.best_energy, KBODY.energy(result.best_state), "best_energy")


@check("kbody", model="lif_critical")
def energies_of_membranes_with_higher_order_terms(subject: Subject) -> None:
    """The terms of LDT are part of the energy."""
    result = subject.run(f"ALC {N}\n{KBODY.text}SIG 4 mV\nRUN 20 ms\n")
    close(result.energy, KBODY.energy(result.state), "energy")
    close(result.best_energy, KBODY.energy(result.best_state), "best_energy")


@check_each_model()
def loading_again_replaces(subject: Subject, model: str) -> None:
    """A second LDJ and LDH replace the first, and the best state starts anew."""
    zeros = f"LDJ {np.zeros((N, N)).tolist()}\nLDH {np.zeros(N).tolist()}\n"
    low = "LDH [9, 9, 9, 9, 9]\n"
    result = subject.run(f"{BEGIN[model]}{low}{RUN[model]}{zeros}LDO 1.5\n{RUN[model]}")
    close(result.energy, [1.5], "energy with all couplings replaced by zero")
    close(result.best_energy, [1.5], "best_energy with all couplings replaced by zero")
