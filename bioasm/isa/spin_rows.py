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
        "For each lane: where the spins differ from the best state seen, the couplings cut the differing spins into connected "
        "components, and the best state takes over each component that lowers its energy, by a coin one that leaves it. The "
        "spins then go on from it. With `shift` the components are those of the best state of the lane so many places on, and "
        "the lanes are a population. Where no bias or term of odd order tells a state from its complement, the complement is "
        "tried too. It optimises: what is read later is no sample of the Boltzmann distribution.",
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
        "For each pair of neighbouring lanes a and b at temperatures Ta and Tb: where their spins differ, the couplings cut "
        "the differing spins into connected components, and each component is swapped between the two with the probability "
        "1 / (1 + exp((1/Ta - 1/Tb) D)), D the change of a's energy. It samples: each lane keeps the Boltzmann distribution "
        "at its own temperature, with biases and terms too, while states wander along a ladder of temperatures (`SIG T` with "
        "a formula of `lane`, and both phases in turn). `mirrored` sees, by a coin for each pair, one of the two as its "
        "complement, where no bias and no term of odd order tells a state from its complement. `whole` is ordinary replica "
        "exchange: all spins or none, with the probability min(1, exp((1/Tb - 1/Ta) D)), D the change of all. What holds a "
        "clamped spin that differs stays.",
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
        "Each lane takes the spins of the lane so many places on where that one's energy is lower, all lanes at once; clamped "
        "spins stay. With a shift from a register, which the program changes from time to time, the lanes are a population in "
        "which good states spread. It optimises: what is read later is no sample of the Boltzmann distribution.",
        ISING3 + "SIG 0.5\nRUN 10\nCOPY 1\nSIG 0.1\nRUN 10\nRD energy\n",
        _T.NEURONS | _T.HOST | _T.OPTIMISES,
        "exchange",
        since=3,
    ),
    Row(
        "BLK",
        0x0E,
        (Slot("plan", k.PLAN), Slot("block", k.BLOCK, optional=True)),
        "draw blocks of spins anew",
        "Draws all spins of a block together, given all others, from their Boltzmann distribution at the temperature that SIG "
        "has set: exact as a sampler. At temperature 0 the block takes a state of its lowest energy, which optimises. Spins "
        "are visited in the order of the plan, and a table has an entry for each assignment of those that were visited and "
        "still have neighbours to come in the block, at most 16 at a time; a spin without any is summed out, of several the "
        "one visited first. In the reverse order each takes a value given those drawn before it, at temperature 0 that of the "
        "lower energy, and a coin decides where both are equal. Without `block` all blocks are drawn, one after another. "
        "Clamped spins stay. A block counts no sweep and leaves no entry in the energy trace. Programs that load terms (LDT) "
        "can't have it.",
        ISING3 + "SIG 0.5\nBLK [0, 1, -1, 2, 1]\nSIG 0\nBLK [0, 1, -1, 2, 1], 0\nRD best_energy\n",
        _T.NEURONS | _T.HOST,
        "blocks",
        since=3,
    ),
    Row(
        "LDE",
        0x0C,
        (Slot("spins", k.ELIMINATED),),
        "load the spins that were eliminated",
        "Says that the program's spins are what is left of a larger problem after exact elimination: each row `z, h, a, Ja, b, "
        "Jb, c, Jc` is a spin z, in the numbers of the whole problem, which takes the sign of h + Ja s_a + Jb s_b + Jc s_c, +1 "
        "at zero; a place that is not needed has J = 0 and the number -1. Rows are in the order of elimination, so a, b, c are "
        "spins that are left or stand further down. States that RD reads, and those of the result, are then of all spins; the "
        "program's energies are theirs, for each eliminated spin is at its best. All else counts the spins that are left. "
        "It stands before the first RUN, jump and label that is jumped to.",
        ISING3 + "LDE [[3, 0, 0, 1, 2, 1, -1, 0]]\nSIG 0.5\nRUN 10\nRD best_state\n",
        _T.HOST,
        "eliminated",
        since=3,
    ),
)
