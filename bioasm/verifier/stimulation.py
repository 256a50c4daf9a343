"""Stimulation safety in the verifier: constants of STIM are checked against the interlock's default limits.

The electrodes of neurons are not known before the program meets a board, so charge density and Shannon's k are left to
the driver and the board, as are the values of registers.
"""

from __future__ import annotations

from bioasm.isa.findings import Finding, Found
from bioasm.isa.program import Quantity

# Substitutes for the values of registers: within every limit, so that only a constant can break one.
_ANY_AMPLITUDE, _ANY_WIDTH = 1e-12, 100e-6


def check_pulse(amplitude: Quantity | None, width: Quantity | None) -> Found:
    """Findings of default limits that the pulse of a STIM breaks; an operand of None is a register."""
    from bioasm.safety import Rule, biphasic, check  # its import takes longer than the check of a program without pulses

    if amplitude is not None and amplitude.value == 0:
        return
    current = _ANY_AMPLITUDE if amplitude is None else amplitude.value
    duration = _ANY_WIDTH if width is None else width.value
    told: set[Rule] = set()
    for refusal in check(biphasic(current, duration)):
        if refusal.rule not in told:  # both phases break the same limits
            told.add(refusal.rule)
            hint = "docs/safety.md lists the limits; a map of the electrodes can only make them tighter"
            yield Finding("B520", f"this pulse is refused: {refusal.message}", hint)
