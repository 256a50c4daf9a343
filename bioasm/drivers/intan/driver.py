"""The driver `intan`: connects to a board, checks its capabilities, and runs programs on it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import isfinite
from typing import Any, ClassVar

from bioasm import __version__
from bioasm.binary.writer import canonical_bytes
from bioasm.diagnostics import EXIT_DEVICE, BioasmError, Diagnostic, error
from bioasm.drivers.base import DRIVING, Driver
from bioasm.drivers.intan.compatibility import board_problem, capacity, check_raw, chosen_substrate, incompatibilities
from bioasm.drivers.intan.electrodes import ElectrodeMap, default_map, read_map
from bioasm.drivers.intan.interlock import over_ceilings, refused_pulses, rounded_pulses
from bioasm.drivers.intan.options import OPTIONS, Options, options_from
from bioasm.drivers.intan.run_session import RunPlan, RunSession
from bioasm.drivers.intan.wire import open_wire
from bioasm.hardware.board.identity import TWIN_ABILITIES
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.dictionary import isa_hash
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.messages import Capabilities, Capability, State, Substrate
from bioasm.models import MODELS
from bioasm.results import Result
from bioasm.runtime.options import Observer, RunOptions, check_options
from bioasm.safety import Electrode, LimitsTable
from bioasm.verifier.gate import Verified

_GREETING = 5.0  # s; opening the port resets some boards, which then take 2 s to start
_AGAIN = 2.5  # s of the search for a board after a lost link


class IntanDriver(Driver):
    """Runs on a board behind a serial link, or on an emulated one of this process (`emu:` ports)."""

    name: ClassVar[str] = "intan"
    summary: ClassVar[str] = "a board with an Intan RHD or RHS chip behind a serial link, or an emulated one"
    abilities: frozenset[str] = TWIN_ABILITIES | {"stimulation"}  # type: ignore[misc]
    models: frozenset[str] = frozenset(MODELS)  # type: ignore[misc]
    options: ClassVar[dict[str, str]] = OPTIONS
    remote: ClassVar[bool] = True

    def __init__(self, **given: Any) -> None:
        self.chosen: Options = options_from(given)
        self._settle(self.chosen.substrate)
        self.electrodes = read_map(self.chosen.map) if self.chosen.map else None
        self.link: HostLink | None = None

    def _settle(self, substrate: Substrate | None) -> None:
        """Set flags that depend on the substrate: cells are not reproducible, and loading couplings drives them."""
        self.reproducible = substrate is not Substrate.CULTURE
        self.stimulating = frozenset({"STIM"}) if self.reproducible else DRIVING

    # --- connecting ---------------------------------------------------------------------------------

    def connect(self) -> None:
        """Open the port and greet the board.

        Raises BioasmError: B503, B510 to B513 without a session, B523 for an unusable board.
        """
        if self.link is not None:
            return
        link = self._opened(_GREETING)
        try:
            _check_board(link, self.chosen.clear)
            substrate = chosen_substrate(self.chosen.substrate, link.capabilities)
        except BaseException:
            link.close()
            raise
        self.link = link
        self._settle(substrate)
        self.abilities = self.abilities & {"core", *link.capabilities.abilities}
        self.models = self.models & set(link.capabilities.models)

    def disconnect(self) -> None:
        """End the session and close the port."""
        if self.link is not None:
            self.link.close()
            self.link = None

    def _opened(self, timeout: float) -> HostLink:
        link = HostLink(open_wire(self.chosen), f"bioasm {__version__}")
        try:
            link.connect(timeout)
        except BaseException:
            link.close()
            raise
        return link

    # --- running ------------------------------------------------------------------------------------

    def run(self, verified: Verified, options: RunOptions | None = None, observer: Observer | None = None) -> Result:
        """Run a verified program; see `Driver.run`. A driver that is not connected connects for this run."""
        if self.link is not None:
            return super().run(verified, options, observer)
        with self:
            return super().run(verified, options, observer)

    def missing(self, verified: Verified) -> list[Diagnostic]:
        """Diagnostics of the parts of the program that the board can't run."""
        if self.link is None:
            return super().missing(verified)
        board = self.link.capabilities
        substrate = chosen_substrate(self.chosen.substrate, board)
        size = len(canonical_bytes(verified.program))
        own = incompatibilities(verified, board, substrate, self.electrodes, size)
        places = {d.span for d in own}
        return [d for d in super().missing(verified) if d.span is None or d.span not in places] + own

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        assert self.link is not None
        plan = self._plan(self.link, verified, options)
        again = None if self.chosen.emulated else partial(self._opened, _AGAIN)
        if self.chosen.record is None:
            return RunSession(self.link, plan, observer, None, again).result()
        from bioasm.drivers.intan.recording import RunRecording

        with RunRecording(self.chosen.record, plan, self.link.capabilities) as recording:
            return RunSession(self.link, plan, observer, recording, again).result()

    def _plan(self, link: HostLink, verified: Verified, options: RunOptions) -> RunPlan:
        """The plan of a run. Raises BioasmError where an option or a pulse is refused."""
        board = link.capabilities
        check_options(options, verified.n, capacity(board))
        substrate = chosen_substrate(self.chosen.substrate, board)
        electrodes = self.electrodes or default_map(verified.n, board.channels, _known_electrode(board))
        limits = _limits(verified, board, substrate, electrodes)
        notes = rounded_pulses(verified, board) if limits is not None else []
        verified = replace(verified, warnings=(*verified.warnings, *notes))
        raw = self._raw(board, link.transport.line_rate or board.line_rate or None)
        chosen = self.chosen
        return RunPlan(verified, options, substrate, electrodes, limits, chosen.watchdog, chosen.port, raw, chosen.culture)

    def _raw(self, board: Capabilities, line_rate: float | None) -> tuple[int, ...]:
        if self.chosen.record is None:
            return ()
        channels = tuple(range(board.channels)) if self.chosen.raw is None else self.chosen.raw
        check_raw(channels, board, line_rate)
        return channels


def _check_board(link: HostLink, clear: bool) -> None:
    """Refuse a board with another instruction table, an impossible greeting, or an uncleared fault."""
    board = link.capabilities
    if board.isa_hash != isa_hash():
        text = f"the board's instruction table (version {board.isa_version}, {board.isa_hash.hex()[:12]}) is another than ours"
        hint = f"ours is {isa_hash().hex()[:12]}; update the older of the two"
        raise error("B523", f"{text}", hint=hint, exit_code=EXIT_DEVICE)
    flaw = board_problem(board)
    if flaw is not None:
        hint = "docs/rig.md says what a firmware tells in its greeting"
        raise error("B523", f"what the board says of itself can't be: {flaw}", hint=hint, exit_code=EXIT_DEVICE)
    if link.state is State.FAULT:
        if not clear:
            hint = "see to the cause, then run with --driver-option clear=yes"
            raise error("B523", "the board stopped itself in an earlier run and waits to be cleared", hint=hint)
        link.request(m.ClearFault())


def _known_electrode(board: Capabilities) -> Electrode | None:
    """The smallest electrode of a simulated board; those of a real one are only known from a map."""
    area = board.ceilings.area
    known = Capability.SIMULATED in board.capabilities and isfinite(area) and area > 0
    return Electrode(area) if known else None


def _limits(verified: Verified, board: Capabilities, substrate: Substrate, electrodes: ElectrodeMap) -> LimitsTable | None:
    """The limits table that arms the board; None for a program without stimulation.

    Raises BioasmError: B520 for a pulse that is refused or electrodes of unknown size, B521 above the board's ceiling.
    """
    drives = [i for i in verified.program.instructions if i.row.mnemonic in DRIVING]
    if substrate is Substrate.TWIN or Capability.STIMULATE not in board.capabilities or not drives:
        return None
    table = electrodes.limits()
    if not table.electrodes:
        hint = "give a map with --map FILE whose electrodes have a diameter or an area"
        text = "the program stimulates, and the size of the electrodes is not known"
        raise BioasmError(Diagnostic("B520", text, drives[0].span, hint))
    over = over_ceilings(table, board)
    if over is not None:
        raise over
    found = refused_pulses(verified, board, table, electrodes.channels(verified.n))
    if found:
        raise BioasmError(*found)
    return table
