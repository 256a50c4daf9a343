"""The substrate `culture`: a program's neurons are groups of electrodes, s comes from spikes and I goes out as stimulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.hardware.board.electrodes import Electrodes
from bioasm.hardware.board.rig import Block, Rig
from bioasm.hardware.board.stimulator import QUEUE
from bioasm.hardware.board.substrates.estimate import Estimator
from bioasm.hardware.board.substrates.mapping import MappingParameters, drive, scaled
from bioasm.hardware.chips import scaling
from bioasm.hardware.link.messages import RunStatus
from bioasm.isa.limits import limit
from bioasm.network.references import STATE, ParameterRef, ProjectionRef, Resolved, VariableRef
from bioasm.results.result import Spikes
from bioasm.runtime.dynamics import Best, no_spikes
from bioasm.runtime.energy import Couplings, Landscape
from bioasm.runtime.instructions import fault, neurons
from bioasm.runtime.interpreter import Interpreter, Stop
from bioasm.safety import QuantisedPulse, biphasic, quantise
from bioasm.verifier.gate import Verified

Array = NDArray[Any]

STEP = 1e-3  # s: the culture advances by whole milliseconds
SLICE = 5  # steps between two looks at the link
_INSTRUCTIONS = 2000  # of one slice, where no time passes
_FIRST_PULSE = 0.5e-3  # s from the start of a millisecond to that of its pulses, for their amplitudes to be loaded
_NOISE_SLOT = 0.5  # share of the interval after which random pulses come


class CultureRun:
    """One run of a program on the rig, and its `Dynamics`: one lane. The callback `energies` gets new entries of the trace."""

    lanes, step_length = 1, STEP

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
        self.n = n = verified.n
        self.interpreter = Interpreter(verified, lambda _: self, {}, fuel, {"STIM": self._stim}, seed=seed)
        self.interpreter.set_noise(0.0)  # no random pulses before a SIG
        self.landscape, self.offset = Landscape(n), 0.0
        window = round(mapping.window / STEP)
        self.estimator = Estimator(electrodes, rig.channels, window, mapping.saturation)
        self._random = np.random.default_rng([seed, 4])
        self.s, self.current = np.zeros(n), np.zeros(n)
        self.noise = 0.0
        self.step = 0
        self._trace: list[float] = []
        self._told = 0
        self._best = Best.none(1, n)
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
        """Run at most SLICE steps or some instructions; False where the run is over. Raises BioasmError, ChipFault."""
        if self.rig.clock < self.begun:
            self._measure()
        elif self.interpreter.due:
            self._advance(min(SLICE, self.interpreter.due))
        else:
            stop = self.interpreter.proceed(_INSTRUCTIONS)
            self.status = _ENDED.get(stop)
            if stop is Stop.MORE:
                self._end_pulses()
        return self.status is None

    @property
    def run_end(self) -> int:
        """The step at which the present RUN ends."""
        return self.interpreter.run_end

    @property
    def place(self) -> int:
        """The index of the present instruction."""
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
        """Advance by steps, up to the next update of the feedback."""
        interval = round(self.mapping.interval / STEP)
        if self.step % interval == 0:
            self._feedback()
        steps = min(steps, interval - self.step % interval)
        self._blind_of[:] = 0.0
        block = self.rig.run(steps)
        self._take(block, steps)
        self.step += steps

    def _take(self, block: Block, steps: int) -> None:
        """Count the detected spikes."""
        for channel in [done.channel for done in block.done if done.charges]:
            self._blind_of[channel] += self.mapping.blind / STEP
        used = self.estimator.neuron_of[block.found.channel]
        self._spikes.append((block.found.sample[used >= 0] - self.begun, used[used >= 0]))
        self.estimator.add(steps, block.found, np.minimum(self._blind_of, steps))

    # --- feedback ---------------------------------------------------------------------------------------

    def _feedback(self) -> None:
        """Feedback update: estimate s, append its energy to the trace, and stimulate by I = J s + h and by SIG."""
        self.s = self.estimator.s()
        if self.landscape.loaded:
            with np.errstate(over="ignore", invalid="ignore"):
                (raw,) = self.landscape.slope(self.s[None])
            if not np.isfinite(raw).all():
                raise BioasmError(Diagnostic("B407", f"a feedback current left the finite range before {self.step} ms"))
            self.current = scaled(raw, self.largest)
            self._note_energy()
            self._plan(drive(self.current, self.largest, self.mapping.bias), 0)
        if self.noise > 0:
            chosen = self._random.random(len(self.s)) < self.mapping.noise_rate * self.mapping.interval
            strength = min(1.0, self.noise / self.mapping.noise_full)
            self._plan(chosen * strength, round(_NOISE_SLOT * self.mapping.interval / STEP))

    def _note_energy(self) -> None:
        if len(self._trace) >= limit("trace_entries"):
            raise BioasmError(Diagnostic("B111", f"the trace of energies has more than {limit('trace_entries')} entries"))
        self._trace.append(float(self.landscape.energy(self.s[None])[0]) + self.offset)
        one = (self.s > 0.5).astype(np.int8)[None]
        self._best.see(self.landscape.energy(one), one)
        self.tell()

    def tell(self) -> None:
        """Report new entries of the trace."""
        self.energies(self._told, self._trace[self._told :])
        self._told = len(self._trace)

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
        """The pulse of a strength from 0 to 1; None below half a step."""
        assert self.rig.stimulator is not None
        step, period = self.rig.stimulator.step, self.rig.stimulator.period
        pulse = quantise(biphasic(float(strength) * self.mapping.amplitude, self.mapping.width), step, period)
        return pulse if pulse.levels[0] else None

    def _samples(self, seconds: float) -> int:
        return round(seconds * self.rig.sample_rate)

    # --- dynamics ---------------------------------------------------------------------------------------

    def parameter_problem(self) -> str | None:
        """None: the board has checked the parameters."""

    def load(self, couplings: Couplings) -> None:
        """Load couplings; the best state is reset."""
        self.landscape = Landscape(self.n, couplings)
        self._best = Best.none(1, self.n)

    def set_noise(self, level: float) -> None:
        """SIG: set the strength of random pulses."""
        self.noise = level

    def set_offset(self, offset: float) -> None:
        """Set the constant that is added to the energies of the trace from now on."""
        self.offset = offset

    def set_parameter(self, ref: ParameterRef | ProjectionRef, value: Array | float) -> str | None:
        """SET I_max, the only parameter that admission accepts."""
        self.largest = float(value)
        return None

    def reset(self) -> None:
        """RST: forget what was counted in the window."""
        self.estimator.clear()
        self.s, self.current = np.zeros(self.n), np.zeros(self.n)

    def interrupt(self) -> None:
        """Request the end of the run."""
        self.status = RunStatus.INTERRUPTED

    def _stim(self, run: Interpreter, instruction: Resolved) -> None:
        """STIM: a pulse through all electrodes of some neurons, at the next sample that it can have."""
        amperes, seconds = (run.value(operand) for operand in instruction.operands[1:])
        if amperes == 0:
            return
        if amperes < 0:
            raise fault(f"STIM got {amperes:g} A; it is at least 0", instruction)
        assert self.rig.stimulator is not None
        try:
            pulse = quantise(biphasic(amperes, seconds), self.rig.stimulator.step, self.rig.stimulator.period)
        except ValueError as cause:
            raise fault(f"STIM got {amperes:g} A for {seconds:g} s: {cause}", instruction) from None
        channels = tuple(c for i in neurons(run, instruction, 0, self.n) for c in self.electrodes[i])
        refusals = self.rig.stimulator.refusals(channels, pulse)
        if refusals:
            raise fault(f"the board refuses STIM: {refusals[0].message}", instruction, "B520")
        for channel in channels:
            self.rig.stimulator.request(self.rig.clock + self._samples(_FIRST_PULSE), channel, pulse)

    # --- reading ----------------------------------------------------------------------------------------

    def read(self, ref: VariableRef) -> Array:
        """A variable, (1, n): the state as it would be estimated now, s and I of the last feedback, or spikes counted."""
        if ref.name == STATE.name:
            self.s = self.estimator.s()
        found: Array = {"I": self.current, "spike_count": self.estimator.count}.get(ref.name, self.s)
        return found[None].copy()

    def neurons_of(self, ref: VariableRef) -> int:
        """The number of neurons."""
        return self.n

    @property
    def energy_neurons(self) -> tuple[int, int]:
        """All neurons have an energy."""
        return 0, self.n

    def energy(self) -> Array:
        """E of the present state, (1,)."""
        return self.landscape.energy(self.read(STATE))

    def best(self) -> Best:
        """The best of all feedback times."""
        return self._best

    def final_as_best(self) -> Array:
        """The present state as 0/1, (1, n)."""
        return (self.read(STATE) > 0.5).astype(np.int8)

    def trace(self) -> Array:
        """Energies of all feedback times, (1, entries)."""
        return np.array([self._trace], np.float64)

    def non_finite(self) -> str | None:
        """Counts are finite."""

    @property
    def best_energy(self) -> float:
        """The lowest energy of a 0/1 state seen; NaN where none was."""
        (lowest,) = self._best.energy
        return float(lowest + self.offset) if np.isfinite(lowest) else math.nan

    def spikes(self) -> Spikes:
        """All spikes of the neurons' electrodes so far; times in seconds from the first RUN."""
        if not self._spikes:
            return no_spikes()
        samples, neurons = (np.concatenate(parts) for parts in zip(*self._spikes, strict=True))
        order = np.lexsort((neurons, samples))
        self._spikes = [(samples[order], neurons[order])]
        return Spikes(samples[order] / self.rig.sample_rate, neurons[order], np.zeros(len(order), np.int64))

    def extras(self) -> dict[str, Any]:
        """Metadata of a result: the mapping to electrodes, the noise of channels, and the stimuli."""
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
    """The number of electrodes that may give the largest pulse at a time, by the limits in force."""
    assert rig.stimulator is not None and rig.stimulator.table is not None
    limits = rig.stimulator.table.limits
    return max(1, min(limits.max_simultaneous, int(limits.max_total_current / mapping.amplitude * (1 + 1e-9))))
