"""The driver's part of the interlock: checks of all constant pulses, quantised to the board's steps, at their electrodes.

Pulses from registers are not known here; the board checks them against the limits table that arms it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.hardware.link.messages import Capabilities, Ceilings
from bioasm.isa.program import ConstantRef, DataRef, Dense, Instruction, Operand, Quantity
from bioasm.safety import Guard, History, Limits, LimitsTable, QuantisedPulse, Refusal, Rule, biphasic, quantise
from bioasm.safety.refusal import spelled
from bioasm.verifier.gate import Verified

HINT = "docs/safety.md lists the limits and why they stand"
_TOLD = 0.05  # relative change of the charge above which a warning is given


def refused_pulses(
    verified: Verified, board: Capabilities, table: LimitsTable, channels: Sequence[Sequence[int]]
) -> list[Diagnostic]:
    """Diagnostics of the constant pulses in a program that the interlock refuses.

    `channels[i]` are those of neuron i. The board's step of current and its sample period must be known (not 0).
    """
    found = []
    for instruction in verified.program.instructions:
        if instruction.row.mnemonic == "STIM":
            for refusal in _refusals(verified, instruction, board, table, channels):
                text = f"this pulse is refused by the interlock: {refusal.message}"
                found.append(Diagnostic("B520", text, instruction.span, HINT))
    return found


def rounded_pulses(verified: Verified, board: Capabilities) -> list[Diagnostic]:
    """A warning for each constant pulse whose charge changes by more than 5 % in the board's quantisation."""
    found: list[Diagnostic] = []
    for instruction in verified.program.instructions:
        if instruction.row.mnemonic == "STIM":
            current, duration = (_number(verified, operand) for operand in instruction.operands[1:])
            if current and duration:
                found += _rounded(instruction, current, duration, board)
    return found


def _rounded(instruction: Instruction, current: float, duration: float, board: Capabilities) -> Iterator[Diagnostic]:
    given, width = quantised(current, duration, board).pulse.phases[1]
    if abs(given * width / (current * duration) - 1) > _TOLD:
        asked = f"{spelled(current, 'A')} for {spelled(duration, 's')}"
        text = f"{asked} a phase are asked for; this board gives {spelled(given, 'A')} for {spelled(width, 's')}"
        hint = f"it gives whole steps of {spelled(board.stim_step * 1e-9, 'A')} and {spelled(board.tick * 1e-9, 's')}"
        yield Diagnostic("B525", text, instruction.span, hint, severity="warning")


def over_ceilings(table: LimitsTable, board: Capabilities) -> BioasmError | None:
    """The error that the table exceeds the ceilings of the board's firmware; None where it does not."""
    over = table.limits.over(ceiling_of(board.ceilings))
    if not over:
        return None
    return BioasmError(*(Diagnostic("B521", f"above this board's ceiling: {refusal.message}", hint=HINT) for refusal in over))


def ceiling_of(ceilings: Ceilings) -> Limits:
    """A board's ceilings as limits; those missing in its greeting have the defaults.

    Raises ValueError for an invalid number, or one that allows no pulse at all.
    """
    return Limits(
        max_current=ceilings.current,
        max_charge=ceilings.charge,
        unknown_density=ceilings.density,
        shannon_k=ceilings.shannon_k,
        min_width=ceilings.width_min,
        max_width=ceilings.width_max,
        net_fraction=ceilings.imbalance,
        max_rate=ceilings.rate,
        max_duty=ceilings.duty,
        max_simultaneous=ceilings.electrodes,
        max_total_current=ceilings.total_current,
        min_gap=ceilings.gap,
    )


def quantised(amplitude: float, width: float, board: Capabilities) -> QuantisedPulse:
    """The pulse of a STIM in the board's steps of current and samples."""
    return quantise(biphasic(amplitude, width), board.stim_step * 1e-9, board.tick * 1e-9)


def _refusals(
    verified: Verified, instruction: Instruction, board: Capabilities, table: LimitsTable, channels: Sequence[Sequence[int]]
) -> Iterator[Refusal]:
    neurons, amplitude, width = instruction.operands
    current, duration = (_number(verified, operand) for operand in (amplitude, width))
    through = [channel for neuron in _neurons(verified, neurons) for channel in channels[neuron]]
    if current is None or duration is None or current == 0:
        return
    pulse = quantised(current, duration, board)
    refusals = table.refusals(pulse, through)
    yield from _first_of_each(refusals)
    if not refusals:
        channels_of_all = max(through, default=0) + 1
        region = bytearray(History.empty(channels_of_all).to_bytes())
        yield from Guard(table.limits, pulse.step, pulse.period, region, channels_of_all).refusals(0, through, pulse)


def _first_of_each(refusals: Iterable[Refusal]) -> Iterator[Refusal]:
    """The first refusal of each rule; further channels and phases would repeat it."""
    told: set[Rule] = set()
    for refusal in refusals:
        if refusal.rule not in told:
            told.add(refusal.rule)
            yield refusal


def _number(verified: Verified, operand: Operand) -> float | None:
    """The value of a numeric operand; None for a register."""
    return verified.program.quantity(operand).value if isinstance(operand, Quantity | ConstantRef) else None


def _neurons(verified: Verified, operand: Operand) -> list[int]:
    """The neurons of an operand; none for a register."""
    if isinstance(operand, DataRef):
        value = verified.program.data[operand.index].value
        assert isinstance(value, Dense)
        return [int(neuron) for neuron in value.array]
    number = _number(verified, operand)
    return [] if number is None else [int(number)]
