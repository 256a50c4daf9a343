"""Capability check of a program against a board before the run; diagnostics state the number that would fit."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from bioasm.diagnostics import BioasmError, Diagnostic, Span, error
from bioasm.drivers.intan.electrodes import ElectrodeMap
from bioasm.drivers.intan.interlock import ceiling_of
from bioasm.hardware.link.messages import Capabilities, Capability, Substrate
from bioasm.runtime.options import Capacity
from bioasm.verifier.gate import Verified

_SHARE = 0.8  # share of a line's rate for telemetry


def chosen_substrate(wanted: Substrate | None, board: Capabilities) -> Substrate:
    """The substrate of a run: the requested one, by default the twin on simulated boards and cells on real ones.

    Raises BioasmError B406 where the board does not have it.
    """
    if wanted is None:
        simulated = Capability.SIMULATED in board.capabilities
        wanted = Substrate.TWIN if simulated or Substrate.CULTURE not in board.substrates else Substrate.CULTURE
    if wanted not in board.substrates:
        offered = " and ".join(s.name.lower() for s in Substrate if s in board.substrates and s.name)
        raise error("B406", f"the board has no substrate {wanted.name.lower()}", hint=f"it has {offered}")  # type: ignore[union-attr]
    return wanted


def board_problem(board: Capabilities) -> str | None:
    """The fault of an impossible value in a board's greeting, as of unfinished firmware; None for a valid one."""
    if not (board.clock_hz and 0 < board.sample_rate < inf):
        return f"a clock of {board.clock_hz} Hz and {board.sample_rate:g} samples a second"
    if Capability.STIMULATE not in board.capabilities:
        return None
    if not (board.stim_step and board.tick):
        return f"a stimulator with steps of {board.stim_step} nA and {board.tick} ns"
    try:
        ceiling_of(board.ceilings)
    except ValueError as cause:
        return f"among the ceilings of its interlock {cause}"
    return None


def capacity(board: Capabilities) -> Capacity:
    """The capacity of a board for a run."""
    without = "a board keeps no checkpoints; leave out --checkpoint and --resume"
    return Capacity(board.lanes, "this board runs", without)


def incompatibilities(
    verified: Verified, board: Capabilities, substrate: Substrate, electrodes: ElectrodeMap | None, program_bytes: int
) -> list[Diagnostic]:
    """Diagnostics of the parts of the program that exceed this board's abilities or limits."""
    found = [*_sizes(verified, board, program_bytes), *_stimulation(verified, board, substrate)]
    if substrate is Substrate.CULTURE:
        found += _electrodes(verified, board, electrodes)
    return found


def _sizes(verified: Verified, board: Capabilities, program_bytes: int) -> Iterator[Diagnostic]:
    if verified.n > board.neurons:
        text = f"the program has {verified.n} neurons; this board takes {board.neurons}"
        yield Diagnostic("B502", text, _place(verified, "ALC"))
    if program_bytes > board.program_bytes:
        text = f"the program has {program_bytes:,} bytes with its data; this board takes {board.program_bytes:,}"
        yield Diagnostic("B502", text, hint="the couplings take most: sparse ones, or whole numbers, are smaller")


def _stimulation(verified: Verified, board: Capabilities, substrate: Substrate) -> Iterator[Diagnostic]:
    places = [i.span for i in verified.program.instructions if i.row.needs == "stimulation"]
    if not places:
        return
    names = ", ".join(chip.name for chip in board.chips) or "no chip"
    if Capability.STIMULATE not in board.capabilities:
        hint = "RHD chips record only; stimulation needs an RHS chip"
        yield from (Diagnostic("B502", f"this board can't stimulate (it has {names})", span, hint) for span in places)
    elif substrate is Substrate.TWIN:
        hint = "--substrate culture runs the program on the cells behind the electrodes"
        text = "the board's processor computes the neurons of the twin, which have no electrodes to stimulate"
        yield from (Diagnostic("B502", text, span, hint) for span in places)


def _electrodes(verified: Verified, board: Capabilities, electrodes: ElectrodeMap | None) -> Iterator[Diagnostic]:
    place = _place(verified, "ALC")
    if electrodes is None:
        if verified.n > board.channels:
            text = f"the program has {verified.n} neurons; this board has electrodes for {board.channels}"
            yield Diagnostic("B502", text, place)
        return
    if verified.n > electrodes.neurons:
        text = (
            f"the program has {verified.n} neurons; the electrode map {electrodes.source} has channels for {electrodes.neurons}"
        )
        yield Diagnostic("B502", text, place)
    beyond = [site.channel for site in electrodes.sites if site.channel >= board.channels]
    if beyond:
        text = f"the electrode map {electrodes.source} names channel {beyond[0]}"
        text += f"; this board has channels 0 to {board.channels - 1}"
        yield Diagnostic("B522", text)


def _place(verified: Verified, mnemonic: str) -> Span | None:
    return next((i.span for i in verified.program.instructions if i.row.mnemonic == mnemonic), None)


def check_raw(channels: tuple[int, ...], board: Capabilities, line_rate: float | None) -> None:
    """Check that the board has the raw channels, and that its line can carry their samples.

    Raises BioasmError B406 with the channels that would fit.
    """
    if channels and Capability.RAW not in board.capabilities:
        raise _raw("this board sends no raw channels", "--driver-option raw=none records spikes and energies alone")
    if channels and channels[-1] >= board.channels:
        raise _raw(f"raw channel {channels[-1]} is asked for; this board has channels 0 to {board.channels - 1}")
    if line_rate is None:
        return
    from bioasm.hardware.link.budget import channels_that_fit, telemetry_rate

    needed, allowed = telemetry_rate(len(channels), board.sample_rate, 0.0), _SHARE * line_rate
    if channels and needed > allowed:
        fit = channels_that_fit(line_rate, board.sample_rate)
        text = f"{len(channels)} raw channels at {board.sample_rate:g} Hz need {needed:,.0f} bytes/s"
        text += f"; telemetry may take {allowed:,.0f} of this line's {line_rate:,.0f}"
        raise _raw(text, f"{fit} channels fit, as in --driver-option raw={_first(fit)}")


def _first(count: int) -> str:
    return "none" if count == 0 else "0" if count == 1 else f"0-{count - 1}"


def _raw(message: str, hint: str | None = None) -> BioasmError:
    return error("B406", message, hint=hint)
