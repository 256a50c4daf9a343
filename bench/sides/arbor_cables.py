"""The other side of cables.py: Hodgkin-Huxley cables in Arbor.

    python arbor_cables.py CELLS CVS        (in an environment with arbor==0.12.2)

Prints the processor time of 50 ms and the spikes of them. Several cells have a synapse each, which ten cells project to.
"""

from __future__ import annotations

import sys
import time

import arbor as A
from arbor import units as U

CELLS, CVS = map(int, sys.argv[1:])


class Recipe(A.recipe):
    """Cables of 10 um a CV; the first tenth of them is stimulated."""

    def __init__(self):
        A.recipe.__init__(self)
        tree = A.segment_tree()
        tree.append(A.mnpos, A.mpoint(0, 0, 0, 1), A.mpoint(10 * CVS, 0, 0, 1), tag=1)
        self.tree = A.morphology(tree)
        self.properties = A.neuron_cable_properties()

    def num_cells(self):
        return CELLS

    def cell_kind(self, gid):
        return A.cell_kind.cable

    def cell_description(self, gid):
        decor = A.decor().set_property(
            Vm=-65 * U.mV, cm=0.01 * U.F / U.m2, rL=150 * U.Ohm * U.cm, tempK=(273.15 + 6.3) * U.Kelvin
        )
        decor = decor.paint("(all)", A.density("hh"))
        if gid < max(1, CELLS // 10):
            decor = decor.place("(location 0 0.001)", A.i_clamp(1 * U.ms, 2 * U.ms, 1 * U.nA))
        decor = decor.place("(location 0 0.001)", A.threshold_detector(0 * U.mV), "spikes")
        decor = decor.place("(location 0 0.4999)", A.synapse("expsyn"), "syn")
        return A.cable_cell(self.tree, decor, A.label_dict(), A.cv_policy_fixed_per_branch(CVS))

    def connections_on(self, gid):
        if CELLS == 1:
            return []
        sources = [(gid * 7919 + 104729 * k) % CELLS for k in range(10)]
        return [A.connection((source, "spikes"), "syn", 0.001, 5 * U.ms) for source in sources]

    def global_properties(self, kind):
        return self.properties


recipe = Recipe()
context = A.context(threads=1)
simulation = A.simulation(recipe, context, A.partition_load_balance(recipe, context))
simulation.record(A.spike_recording.local)
before = time.process_time()
simulation.run(50 * U.ms, 0.025 * U.ms)
print(time.process_time() - before)
print(len(simulation.spikes()), file=sys.stderr)
