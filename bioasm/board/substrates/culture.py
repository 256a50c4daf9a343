"""The substrate `culture`: a program's neurons are groups of electrodes, s comes from spikes and I goes out as stimulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.board.electrodes import Electrodes
from bioasm.board.rig import Block, Rig
from bioasm.board.stimulator import QUEUE
from bioasm.board.substrates.estimate import Estimator
from bioasm.board.substrates.interpreter import Interpreter, Stop, World
from bioasm.board.substrates.landscape import Landscape
from bioasm.board.substrates.mapping import MappingParameters, drive, scaled
from bioasm.chips import scaling
from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.limits import limit
from bioasm.isa.program import DataRef, Dense, Instruction, Name
from bioasm.isa.verify import Verified
from bioasm.link.messages import RunStatus
from bioasm.results.result import Spikes
from bioasm.safety import QuantisedPulse, biphasic, quantise

Array = NDArray[Any]

STEP = 1e-3  # s: the culture advances by whole milliseconds
SLICE = 5  # steps between two looks at the link
_INSTRUCTIONS = 2000  # of one slice, where no time passes
_WHOLE_STEP = 1e-4  # a time this close to a step boundary, in steps, is that boundary
_FIRST_PULSE = 0.5e-3  # s from the start of a millisecond to that of its pulses, for their amplitudes to be loaded
_NOISE_SLOT = 0.5  # share of the interval after which random pulses come


class CultureRun(World):
    """One run of a program on the rig. `energies` is told of new entries of the trace."""

    def __init__(
        self,
        verified: Verified,
        rig: Rig,
        electrodes: Electrodes,
        mapping: MappingParameters,
        largest: float,
        seed: int,
        fuel: int,
        energies: Callable[[int, list[float]], None],
    ) -> None:
        self.verified, self.rig, self.electrodes, self.mapping = verified, rig, electrodes, mapping
        self.largest, self.energies = largest, energies
        self.interpreter = Interpreter(verified, self, fuel)
        self.interpreter.world_size = n = verified.n
        self.landscape = Landscape(n)
        window = round(mapping.window / STEP)
        self.estimator = Estimator(electrodes, rig.channels, window, mapping.saturation)
        self._random = np.random.default_rng([seed, 4])
        self.s, self.current = np.zeros(n), np.zeros(n)
        self.noise = 0.0
        self.steps = self.run_end = 0
        self._clock = 0.0
        self.trace: list[float] = []
        self._told = 0
        self._best, self.best_state = math.nan, np.zeros(n, np.int8)
        self._spikes: list[tuple[Array, Array]] = []
        self._blind_of = np.zeros(rig.channels)  # steps of the present slice that each channel was blind
        self.begun = 0  # device clock of step 0
        self._baseline: list[Array] = []
        self.status: RunStatus | None = None

    # --- slices -----------------------------------------------------------------------------------------

    def begin(self, seed: int) -> int:
        """Grow the culture anew; returns the device clock of step 0, before which its noise is measured. Raises ChipFault."""
        self.rig.restart(seed)
        if self.rig.stimulator is not None:
            self.rig.stimulator.count_anew()
        self.rig.detector.threshold = self.mapping.threshold
        self.rig.blind = (self._samples(self.mapping.blind), self._samples(self.mapping.blind_others))
        self.begun = self.rig.clock + self._samples(self.mapping.baseline)
        return self.begun

    def slice(self) -> bool:
        """Go on by at most SLICE steps or some instructions; False where the run is over. Raises BioasmError, ChipFault."""
        if self.rig.clock < self.begun:
            self._measure()
        elif self.steps < self.run_end:
            self._advance(min(SLICE, self.run_end - self.steps))
        else:
            stop = self.interpreter.proceed(_INSTRUCTIONS)
            self.status = _ENDED.get(stop)
            if stop is Stop.MORE:
                self._end_pulses()
        return self.status is None

    @property
    def place(self) -> int:
        """The index of the instruction that is done."""
        return max(0, self.interpreter.pc - 1)

    def _measure(self) -> None:
        """A part of the time before the program, in which channels show their noise and what cells do by themselves."""
        left = (self.begun - self.rig.clock) // self.rig.per_ms
        self._baseline.append(self.rig.run(min(SLICE, left)).codes)
        if self.rig.clock >= self.begun:
            self.rig.detector.learn(scaling.microvolts(np.concatenate(self._baseline)))
            self._baseline.clear()

    def _end_pulses(self) -> None:
        """Serve the stimulator while a program computes for long: no current stays on, no queue grows. No step is counted."""
        stimulator = self.rig.stimulator
        while stimulator is not None and (stimulator.next_word() is not None or stimulator.waiting > QUEUE):
            self.rig.run(1)
            self.begun += self.rig.per_ms  # so that steps to come keep their times

    def _advance(self, steps: int) -> None:
        """Let steps pass, up to the next update of the feedback."""
        interval = round(self.mapping.interval / STEP)
        if self.steps % interval == 0:
            self._feedback()
        steps = min(steps, interval - self.steps % interval, max(1, self.interpreter.fuel))
        self._blind_of[:] = 0.0
        block = self.rig.run(steps)
        self._take(block, steps)
        self.steps += steps
        self.interpreter.fuel -= steps
        if self.interpreter.fuel <= 0 and self.steps < self.run_end:
            self.status = RunStatus.OUT_OF_FUEL

    def _take(self, block: Block, steps: int) -> None:
        """Count what the electrodes saw."""
        for channel in [done.channel for done in block.done if done.charges]:
            self._blind_of[channel] += self.mapping.blind / STEP
        used = self.estimator.neuron_of[block.found.channel]
        self._spikes.append((block.found.sample[used >= 0] - self.begun, used[used >= 0]))
        self.estimator.add(steps, block.found, np.minimum(self._blind_of, steps))

    # --- feedback ---------------------------------------------------------------------------------------

    def _feedback(self) -> None:
        """Estimate s, note its energy, and stimulate by I = J s + h and by SIG."""
        self.s = self.estimator.s()
        if self.landscape.loaded:
            with np.errstate(over="ignore", invalid="ignore"):
                raw = self.landscape.current(self.s)
            if not np.isfinite(raw).all():
                raise BioasmError(Diagnostic("B407", f"a feedback current left the finite range before {self.steps} ms"))
            self.current = scaled(raw, self.largest)
            self._note_energy()
            self._plan(drive(self.current, self.largest, self.mapping.bias), 0)
        if self.noise > 0:
            chosen = self._random.random(len(self.s)) < self.mapping.noise_rate * self.mapping.interval
            strength = min(1.0, self.noise / self.mapping.noise_full)
            self._plan(chosen * strength, round(_NOISE_SLOT * self.mapping.interval / STEP))

    def _note_energy(self) -> None:
        if len(self.trace) >= limit("trace_entries"):
            raise BioasmError(Diagnostic("B111", f"the trace of energies has more than {limit('trace_entries')} entries"))
        self.trace.append(self.landscape.energy(self.s))
        one = (self.s > 0.5).astype(np.int8)
        energy = self.landscape.energy(one.astype(np.float64)) - self.landscape.offset
        if not energy >= self._best:
            self._best, self.best_state = energy, one
        self.tell()

    def tell(self) -> None:
        """Tell of the entries of the trace that are new."""
        self.energies(self._told, self.trace[self._told :])
        self._told = len(self.trace)

    def _plan(self, strength: Array, delay: int) -> None:
        """Ask for one pulse on each electrode, its amplitude the neuron's strength, as many at a time as limits allow."""
        assert self.rig.stimulator is not None
        group = group_size(self.rig, self.mapping)
        places = [(channel, i) for i, mine in enumerate(self.electrodes) for channel in mine]
        for place, (channel, i) in enumerate(places):
            pulse = self.pulse(strength[i])
            if pulse is not None:
                start = self.rig.clock + self._samples((delay + place // group) * STEP + _FIRST_PULSE)
                self.rig.stimulator.request(start, channel, pulse)

    def pulse(self, strength: float) -> QuantisedPulse | None:
        """The pulse of a strength from 0 to 1; None where it would be less than half a step."""
        assert self.rig.stimulator is not None
        step, period = self.rig.stimulator.step, self.rig.stimulator.period
        pulse = quantise(biphasic(float(strength) * self.mapping.amplitude, self.mapping.width), step, period)
        return pulse if pulse.levels[0] else None

    def _samples(self, seconds: float) -> int:
        return round(seconds * self.rig.sample_rate)

    # --- instructions -----------------------------------------------------------------------------------

    def do(self, mnemonic: str, instruction: Instruction) -> None:
        """Do an instruction that concerns neurons."""
        _DO[mnemonic](self, instruction)

    def run(self, duration: float, instruction: Instruction) -> None:
        """Set where the RUN ends: at the first step boundary that is not before it."""
        if not 0 <= duration < math.inf:
            text = f"RUN got {duration:g}; a duration is a finite number of at least 0"
            raise BioasmError(Diagnostic("B402", text, instruction.span))
        clock = (self._clock + duration) / STEP
        if clock > limit("steps"):
            raise BioasmError(Diagnostic("B402", f"RUN asks for more than {limit('steps')} steps in all", instruction.span))
        self._clock += duration
        whole = round(clock)
        end = whole if abs(whole - clock) <= _WHOLE_STEP else math.ceil(clock)
        self.run_end = max(end, self.steps)

    def _load(self, instruction: Instruction) -> None:
        operand = instruction.operands[0]
        assert isinstance(operand, DataRef)
        self.landscape.load(instruction.mnemonic, self.verified.program.data[operand.index].value)
        self._best, self.best_state = math.nan, np.zeros(self.verified.n, np.int8)

    def _offset(self, instruction: Instruction) -> None:
        self.landscape.offset = self._finite(instruction, "an offset is a finite number")

    def _sig(self, instruction: Instruction) -> None:
        self.noise = self._finite(instruction, "noise is a finite number of at least 0")
        if self.noise < 0:
            raise BioasmError(Diagnostic("B402", f"SIG got {self.noise:g}; noise is at least 0", instruction.span))

    def _finite(self, instruction: Instruction, rule: str) -> float:
        value = self.interpreter.value(instruction.operands[-1])
        if not math.isfinite(value):
            raise BioasmError(Diagnostic("B402", f"{instruction.mnemonic} got {value:g}; {rule}", instruction.span))
        return value

    def _set(self, instruction: Instruction) -> None:
        """SET I_max; the check before the run let nothing else through."""
        self.largest = self._finite(instruction, "a parameter is a finite number")
        if self.largest < 0:
            raise BioasmError(Diagnostic("B402", f"SET I_max got {self.largest:g}; it is at least 0", instruction.span))

    def interrupt(self) -> None:
        """Let the run end as it is."""
        self.status = RunStatus.INTERRUPTED

    def _rst(self, _: Instruction) -> None:
        self.estimator.clear()
        self.s, self.current = np.zeros(self.verified.n), np.zeros(self.verified.n)

    def _stim(self, instruction: Instruction) -> None:
        """STIM: a pulse through all electrodes of some neurons, at the next sample that it can have."""
        neurons, amplitude, width = instruction.operands
        amperes, seconds = self.interpreter.value(amplitude), self.interpreter.value(width)
        if amperes == 0:
            return
        if amperes < 0:
            raise BioasmError(Diagnostic("B402", f"STIM got {amperes:g} A; it is at least 0", instruction.span))
        assert self.rig.stimulator is not None
        try:
            pulse = quantise(biphasic(amperes, seconds), self.rig.stimulator.step, self.rig.stimulator.period)
        except ValueError as cause:
            raise BioasmError(
                Diagnostic("B402", f"STIM got {amperes:g} A for {seconds:g} s: {cause}", instruction.span)
            ) from None
        channels = tuple(c for i in self._indices(neurons, instruction) for c in self.electrodes[i])
        refusals = self.rig.stimulator.refusals(channels, pulse)
        if refusals:
            raise BioasmError(Diagnostic("B520", f"the board refuses STIM: {refusals[0].message}", instruction.span))
        for channel in channels:
            self.rig.stimulator.request(self.rig.clock + self._samples(_FIRST_PULSE), channel, pulse)

    def _indices(self, operand: Any, instruction: Instruction) -> list[int]:
        if isinstance(operand, DataRef):
            value = self.verified.program.data[operand.index].value
            assert isinstance(value, Dense)
            return [int(i) for i in np.atleast_1d(value.array)]
        return [self.interpreter.index(operand, instruction)]

    def _rd(self, instruction: Instruction) -> None:
        name = instruction.operands[0] if instruction.operands else None
        what = name.text if isinstance(name, Name) else "state"
        self.interpreter.emit(what, self.observe(what))

    # --- reading ----------------------------------------------------------------------------------------

    def observe(self, what: str) -> Any:
        """An observable now; arrays have the lane as their first axis."""
        return _OBSERVE[what](self)

    def scalar(self, what: str) -> float:
        """What GET reads."""
        value = self.observe(what)
        return float(np.sum(value))

    def peek(self, variable: str, neuron: int) -> float:
        """What PEEK reads."""
        return float({"s": self.s, "I": self.current, "spike_count": self.estimator.count}[variable][neuron])

    @property
    def best_energy(self) -> float:
        """The lowest energy of a 0/1 state seen; NaN where none was."""
        return self._best + self.landscape.offset

    def present_state(self) -> Array:
        """s as it would be estimated now."""
        self.s = self.estimator.s()
        return self.s

    def spikes(self) -> Spikes:
        """All spikes of the neurons' electrodes so far; times in seconds from the first RUN."""
        if not self._spikes:
            return Spikes(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
        samples, neurons = (np.concatenate(parts) for parts in zip(*self._spikes, strict=True))
        order = np.lexsort((neurons, samples))
        self._spikes = [(samples[order], neurons[order])]
        return Spikes(samples[order] / self.rig.sample_rate, neurons[order], np.zeros(len(order), np.int64))

    def extras(self) -> dict[str, Any]:
        """What belongs to a result beside its numbers: the mapping, the noise of channels, and what was stimulated."""
        stimulator = self.rig.stimulator
        return {
            "sample_rate": self.rig.sample_rate,
            "chip": self.rig.chip_name,
            "electrodes": [list(mine) for mine in self.electrodes],
            "noise_sd_uv": [round(float(sd), 3) for sd in self.rig.detector.sd],
            "mapping": asdict(self.mapping),
            "stimulation": None
            if stimulator is None
            else {"pulses": stimulator.delivered, "refused": stimulator.refused, "charge_nc": stimulator.charge * 1e9},
        }


_ENDED = {Stop.HALT: RunStatus.FINISHED, Stop.FUEL: RunStatus.OUT_OF_FUEL}


def group_size(rig: Rig, mapping: MappingParameters) -> int:
    """How many electrodes may give the largest pulse at a time, by the limits that the board is armed with."""
    assert rig.stimulator is not None and rig.stimulator.table is not None
    limits = rig.stimulator.table.limits
    return max(1, min(limits.max_simultaneous, int(limits.max_total_current / mapping.amplitude * (1 + 1e-9))))


def _nothing(run: CultureRun, instruction: Instruction) -> None:
    """MODEL and ALC: the gate has told which model and how many neurons."""


_DO: dict[str, Callable[[CultureRun, Instruction], None]] = {
    "MODEL": _nothing,
    "ALC": _nothing,
    "LDJ": CultureRun._load,
    "LDH": CultureRun._load,
    "LDT": CultureRun._load,
    "LDO": CultureRun._offset,
    "SIG": CultureRun._sig,
    "SET": CultureRun._set,
    "RST": CultureRun._rst,
    "RD": CultureRun._rd,
    "STIM": CultureRun._stim,
}

_OBSERVE: dict[str, Callable[[CultureRun], Any]] = {
    "state": lambda run: run.present_state()[None].copy(),
    "spikes": lambda run: run.spikes(),
    "spike_count": lambda run: run.estimator.count[None].copy(),
    "energy": lambda run: np.array([run.landscape.energy(run.present_state())]),
    "best_energy": lambda run: np.array([run.best_energy]),
    "best_state": lambda run: run.best_state[None].copy(),
    "energy_trace": lambda run: np.array([run.trace]),
    "time": lambda run: run.steps * STEP,
    "steps": lambda run: float(run.steps),
    "noise": lambda run: float(run.noise),
}
