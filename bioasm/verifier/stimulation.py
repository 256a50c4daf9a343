"""The verifier's part in stimulation: the constants of STIM are held to the interlock's default limits.

Which electrodes a program's neurons get is not known before it meets a board, so density and Shannon's k are left to the
driver and the board. So are the values of registers.
"""

from __future__ import annotations

from bioasm.isa.findings import Finding, Found
from bioasm.isa.program import Quantity

# Stand-ins for the value of a register: within every limit, so that only the constant beside it can break one.
_ANY_AMPLITUDE, _ANY_WIDTH = 1e-12, 100e-6


def check_pulse(amplitude: Quantity | None, width: Quantity | None) -> Found:
    """Which default limits the pulse of a STIM breaks; None stands for a register."""
    from bioasm.safety import Rule, biphasic, check  # which takes longer to import than programs without pulses to check

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
