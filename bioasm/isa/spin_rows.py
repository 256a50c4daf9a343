"""Rows of the instruction table for spins only: moves other than single flips, and reduced problems."""

from __future__ import annotations

from bioasm.isa import kinds as k
from bioasm.isa.rows import Row, Slot, Trait

_T = Trait
ISING3 = "MODEL ising\nALC 3\nLDJ [[0, 1, 0], [1, 0, 1], [0, 1, 0]]\n"

SPIN_ROWS: tuple[Row, ...] = (
    Row(
        "MERGE",
        0x0B,
        (Slot("shift", k.SHIFT, optional=True),),
        "merge the state into the best one",
        "For each lane: the spins that differ from the best state so far are split by the couplings into connected components "
        "(clusters), and the best state adopts each component that lowers its energy, with probability 1/2 one that leaves it "
        "unchanged. The spins then continue from it. With `shift` the components come from the best state of the lane that "
        "many places further, and the lanes form a population. If the energy is symmetric under spin flip (no bias or "
        "odd-order term), the complement is tried too. It optimises: later readings are not samples of the Boltzmann "
        "distribution.",
        ISING3 + "SIG 0.5\nRUN 10\nMERGE\nSIG 0.1\nRUN 10\nMERGE\nRD best_energy\n",
        _T.NEURONS | _T.HOST | _T.OPTIMISES,
        "merge",
        since=3,
    ),
    Row(
        "CXCH",
        0x0D,
        (Slot("phase", k.PHASE), Slot("how", k.PARTS_OF_LANES, optional=True)),
        "exchange components between lanes",
        "Cluster moves for replica exchange. For each pair of neighbouring lanes a and b at temperatures Ta and Tb, the spins "
        "that differ are split by the couplings into connected components, and each component is swapped between the two with "
        "the heat-bath probability 1 / (1 + exp((1/Ta - 1/Tb) D)), D the change of a's energy. It samples: each lane keeps the "
        "Boltzmann distribution at its own temperature, also with biases and terms, while states diffuse along a temperature "
        "ladder (`SIG T` with a formula of `lane`, and both phases in turn). `mirrored` compares, with probability 1/2 for "
        "each pair, a with the complement of b, and flips the component in both; it needs an energy that is symmetric under "
        "spin flip (no bias or odd-order term). `whole` is ordinary replica exchange: all spins or none, with the probability "
        "min(1, exp((1/Tb - 1/Ta) D)), D the change for all spins. Components with a clamped spin are not swapped.",
        '.const T = "0.2 + 0.4*lane"\n' + ISING3 + "SIG T\nMOV r0, 10\nagain:\nRUN 1\nCXCH 0\nRUN 1\nCXCH 1\nLOOP r0, again\n"
        "RD energy\n",
        _T.NEURONS | _T.HOST,
        "exchange",
        since=3,
    ),
    Row(
        "COPY",
        0x0F,
        (Slot("shift", k.SHIFT),),
        "copy the better state of another lane",
        "Each lane copies the spins of the lane `shift` places further if that lane's energy is lower, all lanes at once; "
        "clamped spins do not change. With a shift from a register, which the program varies, the lanes are a population in "
        "which good states spread. It optimises: later readings are not samples of the Boltzmann distribution.",
        ISING3 + "SIG 0.5\nRUN 10\nCOPY 1\nSIG 0.1\nRUN 10\nRD energy\n",
        _T.NEURONS | _T.HOST | _T.OPTIMISES,
        "exchange",
        since=3,
    ),
    Row(
        "BLK",
        0x0E,
        (Slot("plan", k.PLAN), Slot("block", k.BLOCK, optional=True)),
        "resample blocks of spins (block Gibbs sampling)",
        "Draws all spins of a block jointly, given all others, from their Boltzmann distribution at the temperature set by "
        "SIG: an exact sampler. At temperature 0 the block takes a state of lowest energy, which optimises. The method is "
        "variable elimination with backward sampling: spins are visited in the order of the plan, with a table over all "
        "assignments of the visited spins that still have unvisited neighbours in the block, at most 16 at a time; a spin "
        "without any is summed out, of several the one visited first. In reverse order each spin is drawn given those drawn "
        "before it, at temperature 0 the value of lower energy, with a coin flip for ties. Without `block` all blocks are "
        "drawn, one after another. Clamped spins do not change. A block does not count as a sweep and adds no entry to the "
        "energy trace. It is refused in programs that load terms (LDT).",
        ISING3 + "SIG 0.5\nBLK [0, 1, -1, 2, 1]\nSIG 0\nBLK [0, 1, -1, 2, 1], 0\nRD best_energy\n",
        _T.NEURONS | _T.HOST,
        "blocks",
        since=3,
    ),
    Row(
        "LDE",
        0x0C,
        (Slot("spins", k.ELIMINATED),),
        "load the eliminated spins",
        "Declares that the program's spins are the rest of a larger problem after exact elimination: each row `z, h, a, Ja, b, "
        "Jb, c, Jc` is a spin z, indexed in the whole problem, which takes the sign of h + Ja s_a + Jb s_b + Jc s_c, +1 at "
        "zero; an unused neighbour has J = 0 and the index -1. Rows are in the order of elimination, so a, b, c are remaining "
        "spins or occur in later rows. States read by RD, and those of the result, then contain all spins; the program's "
        "energies are theirs, because each eliminated spin is optimal. Everything else refers to the remaining spins. It must "
        "precede the first RUN, jump and jump target.",
        ISING3 + "LDE [[3, 0, 0, 1, 2, 1, -1, 0]]\nSIG 0.5\nRUN 10\nRD best_state\n",
        _T.HOST,
        "eliminated",
        since=3,
    ),
)
