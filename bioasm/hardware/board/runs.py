"""Programs on the board: taking uploads through the gate, starting a run on a substrate, and its outcome."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import program_hash
from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.hardware.board.admission import culture_refusal, refusal, split_parameters, unreadable
from bioasm.hardware.board.electrodes import Electrodes, default_electrodes, unpack_electrodes
from bioasm.hardware.board.identity import CELLS, LANES, NEURONS, TWIN_ABILITIES, twin_models
from bioasm.hardware.board.rig import Rig
from bioasm.hardware.board.substrates.culture import CultureRun
from bioasm.hardware.board.substrates.mapping import MappingParameters
from bioasm.hardware.board.substrates.outcome import culture_result, twin_result
from bioasm.hardware.board.substrates.twin import TwinRun
from bioasm.hardware.board.telemetry import Reporter
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.messages import NOW, Refusal, Refused, RunStatus, Substrate
from bioasm.isa.program import Program
from bioasm.results.transfer import pack_result
from bioasm.verifier.abilities import needed
from bioasm.verifier.gate import Verified, verify


class RunInProgress:
    """One run on either substrate."""

    def __init__(self, request: m.Run, sha256: str, work: TwinRun | CultureRun, step0: int, chip: str) -> None:
        self.number, self.substrate, self.step0 = request.run, request.substrate, step0
        self._work = work
        self._about: dict[str, Any] = {"seed": request.seed, "sha256": sha256, "extras": {"chip": chip}}
        self._fault: tuple[Diagnostic, ...] = ()

    @property
    def steps(self) -> int:
        """Steps done."""
        return self._work.step

    @property
    def run_end(self) -> int:
        """Where the present RUN ends."""
        return self._work.run_end

    @property
    def best_energy(self) -> float:
        """The lowest energy seen, NaN where there is none."""
        return self._work.best_energy

    def slice(self) -> bool:
        """Run a time slice; False where the run is over. Raises ChipFault."""
        try:
            return self._work.slice()
        except BioasmError as fault:
            self._fault = fault.diagnostics
            self._work.status = RunStatus.FAILED
            return False

    def interrupt(self) -> None:
        """Request the end of the run."""
        self._work.interrupt()

    @property
    def at_rest(self) -> bool:
        """Whether no slice is under way."""
        return not isinstance(self._work, TwinRun) or self._work.at_rest

    def outcome(self) -> tuple[m.RunEnded, bytes]:
        """How the run ended, and its result as bytes."""
        work = self._work
        status = work.status if work.status is not None else RunStatus.INTERRUPTED
        about = {**self._about, "status": status}
        if isinstance(work, TwinRun):
            result = twin_result(work, about, self._fault)
            work.close()
        else:
            result = culture_result(work, about, self._fault)
        data = pack_result(result)
        ended = m.RunEnded(self.number, status, result.steps, len(data), m.NO_DIGEST)
        if self._fault:
            ended = replace(ended, place=work.place, code=self._fault[0].code, text=self._fault[0].message)
        return ended, data


class Programs:
    """The uploaded program and electrodes, and how the program is started."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.program: Program | None = None
        self.electrodes: Electrodes | None = None

    def take_program(self, data: bytes) -> Refused | None:
        """Decode and verify uploaded bytecode."""
        try:
            program = from_bytes(data)
            verify(program)
        except BioasmError as fault:
            return unreadable(fault)
        self.program = program
        return None

    def take_electrodes(self, data: bytes) -> Refused | None:
        """Decode an uploaded electrode table, and check its channels."""
        try:
            table = unpack_electrodes(data)
        except BioasmError as fault:
            return refusal(Refusal.BAD_ELECTRODES, fault.diagnostics[0].message)
        highest = max((channel for mine in table for channel in mine), default=-1)
        if highest >= self.rig.channels:
            text = f"there is no channel {highest}: the chip has {self.rig.channels}"
            return refusal(Refusal.BAD_ELECTRODES, text, subject="channel", value=highest, allowed=self.rig.channels - 1)
        self.electrodes = table
        return None

    def begin(self, request: m.Run, loaded: bytes | None, reporter: Reporter) -> RunInProgress | Refused:
        """Start a run, or return its refusal. Raises ChipFault."""
        if self.program is None or loaded != request.program:
            return refusal(Refusal.NOT_LOADED, "the program that RUN names is not the one that was loaded", subject="program")
        if request.start != NOW:
            return refusal(Refusal.UNABLE, "this board starts a run at once", subject="start")
        model, mapping = split_parameters({p.name: p.value for p in request.parameters})
        try:
            chosen = MappingParameters().with_values(mapping)
            _check_names(self.program, model)
            verified = verify(self.program, model)
        except BioasmError as fault:
            return unreadable(fault)
        sha256 = program_hash(self.program)
        if request.substrate == Substrate.TWIN:
            return self._twin(request, verified, sha256, model, reporter)
        if request.substrate == Substrate.CULTURE:
            return self._culture(request, verified, sha256, model, chosen, reporter)
        return refusal(Refusal.UNABLE, f"there is no substrate {int(request.substrate)}", subject="substrate")

    def _twin(
        self, request: m.Run, verified: Verified, sha256: str, model: dict[str, float], reporter: Reporter
    ) -> RunInProgress | Refused:
        refused = _twin_refusal(verified, request.lanes)
        if refused is not None:
            return refused
        self.rig.settle()  # nothing serves the stimulator while the processor computes
        rate, clock = self.rig.sample_rate, self.rig.clock

        def tell_spikes(times: Any, neurons: Any) -> None:
            ticks = clock + (times * rate).astype("int64")
            reporter.spikes(ticks, neurons, neurons * 0)

        run = TwinRun(verified, request.seed, request.lanes, request.fuel, model, reporter.energies, tell_spikes)
        return RunInProgress(request, sha256, run, clock, self.rig.chip_name)

    def _culture(
        self,
        request: m.Run,
        verified: Verified,
        sha256: str,
        model: dict[str, float],
        mapping: MappingParameters,
        reporter: Reporter,
    ) -> RunInProgress | Refused:
        electrodes = self._electrodes(verified.n)
        refused = culture_refusal(verified, request.lanes, model, mapping, self.rig, electrodes)
        if refused is not None:
            return refused
        largest = model.get("I_max", next(p.default for p in verified.model.parameters if p.name == "I_max"))
        run = CultureRun(
            verified, self.rig, electrodes[: verified.n], mapping, largest, request.seed, request.fuel,
            lambda first, values: reporter.energies(0, first, values),
        )  # fmt: skip
        step0 = run.begin(_mixed(self.rig.seed, request.seed))
        return RunInProgress(request, sha256, run, step0, self.rig.chip_name)

    def _electrodes(self, n: int) -> Electrodes:
        """The table that was uploaded, or the one that follows from the numbers of neurons and channels."""
        return self.electrodes or default_electrodes(min(n, self.rig.channels), self.rig.channels)


def _mixed(board: int, run: int) -> int:
    """The seed of the culture of a run: another board or another run's seed is another culture."""
    return (board * 0x9E3779B97F4A7C15 + run) & ((1 << 64) - 1)


def _check_names(program: Program, parameters: dict[str, float]) -> None:
    """Raise BioasmError B405 for a parameter that the program's network does not have, B116 for a value of no use."""
    verified = verify(program)
    for name, value in parameters.items():
        found = verified.parameter(name)
        if found is None:
            raise BioasmError(Diagnostic("B405", f"the program has no parameter {name!r}"))
        parameter = found.parameter
        if not (parameter.low <= value <= parameter.high) or (parameter.open_low and value <= parameter.low):
            raise BioasmError(Diagnostic("B116", f"parameter {name} can't be {value:g}"))


def _twin_refusal(verified: Verified, lanes: int) -> Refused | None:
    """The refusal of a program that the twin can't run, or None."""
    known = {*twin_models(), *(text.name for text in verified.program.models)}
    for instance in verified.network.instances():
        if instance.model.name not in known:
            return refusal(Refusal.UNABLE, f"the board has no model {instance.model.name}", subject="model")
    for place, instruction in enumerate(verified.program.instructions):
        needs = needed(verified, instruction)
        if needs not in TWIN_ABILITIES:
            text = f"the twin can't do {instruction.mnemonic} (it lacks the ability {needs})"
            return refusal(Refusal.UNABLE, text, subject=instruction.mnemonic, place=place)
    for what, value, most in (("neurons", verified.n, NEURONS), ("lanes", lanes, LANES), ("cells", verified.n * lanes, CELLS)):
        if value > most:
            return refusal(
                Refusal.TOO_LARGE, f"{value} {what}; the board has room for {most}", subject=what, value=value, allowed=most
            )
    if lanes < 1:
        return refusal(Refusal.MALFORMED, "a run has at least one lane", subject="lanes", value=lanes, allowed=1)
    return None
