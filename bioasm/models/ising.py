"""Ising spins under single-spin dynamics at a temperature: the definition that faster optimisers are held against."""

from __future__ import annotations

from bioasm.models.base import Model, Observable, Parameter, Variable, common_observables
from bioasm.units import Dimension

ISING = Model(
    name="ising",
    kind="spins",
    noise_name="T",
    summary="spins -1/+1 under single-spin dynamics at temperature SIG",
    prose="""\
Energy E(s) = -1/2 s'Js - h's (- higher-order terms) + offset with s_i = -1 or +1. A sweep visits the spins in the order
0, 1, ..., n-1. At a visit with dE the change of energy that a flip would make and T the temperature of SIG, the spin flips
with probability 1/(1 + exp(dE/T)) (rule `glauber`, also called heat bath or Gibbs sampling) or min(1, exp(-dE/T)) (rule
`metropolis`; where dE = 0 it always flips). At T = 0 only flips that lower the energy remain, and of those that leave it as it is, what
the rule would do at T > 0.

With rule `glauber` every state can be reached from every other in one sweep, so the long-run histogram is the Boltzmann
distribution exp(-E/T)/Z for every J and h. Rule `metropolis` leaves the same distribution unchanged and moves faster at low
temperature, but may run in circles where many flips cost nothing.

J need not be symmetric; the energy, and so the dynamics, sees (J + J')/2. The diagonal adds a constant to the energy. The
spins start at random, from the seed, different in every lane. `best_state` is the state of lowest energy at the end of a sweep.""",
    clock=Dimension.SWEEPS,
    noise=Dimension.NONE,
    noise_default=1.0,
    parameters=(
        Parameter(
            "rule",
            0.0,
            Dimension.NONE,
            "how a spin decides to flip",
            low=0,
            high=1,
            structural=True,
            words=(("glauber", 0.0), ("metropolis", 1.0)),
        ),
    ),
    variables=(Variable("s", Dimension.NONE, "spin, -1 or +1"),),
    observables=(
        Observable("state", "neurons", "the spins, -1 or +1"),
        Observable("spins", "neurons", "the spins, -1 or +1"),
        *common_observables(Dimension.SWEEPS),
    ),
    clamp="s",
    clamp_values=(-1.0, 1.0),
    abilities=frozenset({"kbody", "record", "clamp"}),
    source="Glauber, J. Math. Phys. 4, 294 (1963); Metropolis et al., J. Chem. Phys. 21, 1087 (1953)",
)
