"""The other side of models.py: one compartment with Arbor's built-in Hodgkin-Huxley channels.

    python arbor_hh.py ROUNDS        (in an environment with arbor==0.12.2)

Prints the seconds of each round: 4000 steps of 0.025 ms under a current clamp, the potential sampled in every step.
"""

from __future__ import annotations

import sys
import time

import arbor as A
from arbor import units as U


class Recipe(A.recipe):
    """One cell."""

    def __init__(self):
        A.recipe.__init__(self)
        self.properties = A.neuron_cable_properties()

    def num_cells(self):
        return 1

    def cell_kind(self, gid):
        return A.cell_kind.cable

    def cell_description(self, gid):
        tree = A.segment_tree()
        tree.append(A.mnpos, A.mpoint(-3, 0, 0, 3), A.mpoint(3, 0, 0, 3), tag=1)
        decor = A.decor().set_property(
            Vm=-65 * U.mV, cm=0.01 * U.F / U.m2, rL=100 * U.Ohm * U.cm, tempK=(273.15 + 6.3) * U.Kelvin
        )
        decor = decor.paint("(all)", A.density("hh"))
        decor = decor.place("(root)", A.i_clamp(10 * U.ms, 50 * U.ms, 0.011309733552923256 * U.nA))
        labels = A.label_dict({"all": "(all)", "root": "(root)"})
        return A.cable_cell(A.morphology(tree), decor, labels, A.cv_policy_single())

    def probes(self, gid):
        return [A.cable_probe_membrane_voltage("(root)", "v")]

    def global_properties(self, kind):
        return self.properties


for _ in range(int(sys.argv[1]) + 1):
    simulation = A.simulation(Recipe())
    simulation.sample((0, "v"), A.regular_schedule(0.025 * U.ms))
    before = time.perf_counter()
    simulation.run(100 * U.ms, 0.025 * U.ms)
    if _ > 0:
        print(time.perf_counter() - before)
