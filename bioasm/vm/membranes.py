"""The host's half of the LIF twin: its arrays, parameters, inputs and what can be read from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.semantics import whole_multiple
from bioasm.vm.couplings import Couplings, prepare_for_feedback
from bioasm.vm.layout import DRAWN, LIMB_COLUMNS, LIMBS, PAST_THE_END, Block, Ctx, Real, Variable
from bioasm.vm.noise import STREAM_POISSON, lane_key
from bioasm.vm.state import State

Array = NDArray[Any]

NO_SPAN = "Vt equals El, and the state s = (v - El)/(Vt - El) has no value"
_PER_NEURON = ("R", "tau", "El", "Vt", "Vr", "I_offset")


class Membranes:
    """LIF neurons in a State."""

    variables = {"v": Variable.V, "s": Variable.S, "I": Variable.I, "spike_count": Variable.SPIKE_COUNT}
    has_spikes = True

    def __init__(self, state: State, parameters: dict[str, float]) -> None:
        self.state = state
        self.storage = "none"
        state.real[Real.DT] = parameters["dt"]
        state.real[Real.I_MAX] = parameters["I_max"]
        if state.n:
            state.ctx[Ctx.FEEDBACK_EVERY] = round(parameters["feedback_interval"] / parameters["dt"])
        state.host.update({name: np.full(state.n, parameters[name]) for name in _PER_NEURON})
        state.host["current"] = np.zeros(state.n)
        self._allocate()
        self.update_cells()
        self.reset()
        self.load(Couplings())

    @staticmethod
    def flaw(parameters: dict[str, float]) -> str | None:
        """What is wrong with parameters that registers or options have set, seen at ALC; None where nothing is."""
        dt, interval = parameters["dt"], parameters["feedback_interval"]
        if parameters["Vt"] == parameters["El"]:
            return NO_SPAN
        if dt > 0 and whole_multiple(interval, dt):
            return None
        return f"feedback_interval ({interval:g} s) is no whole multiple of dt ({dt:g} s)"

    def _allocate(self) -> None:
        state, n, lanes = self.state, self.state.n, self.state.places
        own = [f"CELL_{name}" for name in ("RATE", "NOISE", "VT", "VR", "EL", "SPAN", "GAIN", "BASE")]
        cells = ["V", "DRIVE", "FEEDBACK_CURRENT", "Y", "ONE_FIELD", *own]
        neurons = ("TRAIN_JUMP", "POISSON_P", "POISSON_JUMP", "EL", "VT")
        sizes = dict.fromkeys(cells, state.cells) | dict.fromkeys(neurons, n)
        sizes |= {"S": state.cells + PAST_THE_END, "ONE_ENERGY": lanes, "ENERGY": lanes, "PARTIAL": 64 * lanes}
        for name, size in sizes.items():
            state.bind(name, np.zeros(size))
        state.bind("BEST_ENERGY", np.full(lanes, np.inf))
        for name in ("BEST", "ONE"):
            state.bind(name, np.zeros(state.cells, np.int8))
        state.bind("SPIKE_COUNT", np.zeros(state.cells, np.int64))
        state.bind("HOLD", np.zeros(n, np.uint8))
        state.bind("DRAWN", np.zeros(2 * DRAWN * state.blocks, np.float32))
        state.bind("FIRED", np.zeros(2 * state.cells, np.uint8))
        key0, key1 = lane_key(state.seed, np.arange(lanes, dtype=np.uint32), STREAM_POISSON)
        state.bind("POISSON_KEY0", key0)
        state.bind("POISSON_KEY1", key1)

    # --- parameters and couplings -------------------------------------------------------------------

    @property
    def variant(self) -> str:
        """`uniform` where all neurons share what a step needs, else `own`."""
        same = all(len(np.unique(self.state.host[name])) <= 1 for name in ("tau", "Vt", "Vr"))
        return "uniform" if same and not self.state.ctx[Ctx.CLAMPED] else "own"

    def set_parameter(self, name: str, value: Array | float) -> str | None:
        """Set a parameter for every neuron: one number or (n,). Returns what is wrong with it, or None."""
        host = self.state.host
        host[name] = np.broadcast_to(np.asarray(value, np.float64), (self.state.n,)).copy()
        self.update_cells()
        return NO_SPAN if np.any(host["Vt"] == host["El"]) else None

    def update_cells(self) -> None:
        """What kernels read of each neuron and cell, from parameters and clamps. A clamped cell has nothing that moves it."""
        state, host = self.state, self.state.host
        held = state["HOLD"] == 1
        dt = state.real[Real.DT]
        rate = np.where(held, 0.0, dt / host["tau"])
        per_neuron = {
            "RATE": rate,
            "NOISE": np.where(held, 0.0, np.sqrt(dt) * np.sqrt(2.0 / host["tau"])),
            "VT": np.where(held, np.inf, host["Vt"]),
            "VR": host["Vr"],
            "EL": host["El"],
            "SPAN": host["Vt"] - host["El"],
            "GAIN": rate * host["R"],
            "BASE": rate * self._target(),
        }
        for name, values in per_neuron.items():
            state[f"CELL_{name}"][:] = state.per_neuron_to_cells(values)
        state["EL"][:], state["VT"][:] = host["El"], host["Vt"]
        state.ctx[Ctx.CLAMPED] = int(held.any())

    def _target(self) -> Array:
        """The voltage that each membrane goes to without noise and feedback; infinite where numbers are too large."""
        host = self.state.host
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(host["El"] + host["R"] * (host["I_offset"] + host["current"]))

    def load(self, couplings: Couplings) -> None:
        """Take J, h and terms over. The best state belongs to the couplings, so it starts anew."""
        state = self.state
        ready = prepare_for_feedback(state.n, couplings)
        self.storage = ready.storage
        bind_couplings(state, ready)
        columns = -(-state.n // LIMB_COLUMNS) * LIMB_COLUMNS
        limbs = state.places * LIMBS * columns if ready.storage == "dense-i1" and state.width == 1 else 1
        state.bind("LIMB", np.zeros(limbs, np.int16))
        state.ctx[Ctx.COUPLED] = int(couplings.loaded)
        state.ctx[Ctx.SYMMETRIC] = int(ready.symmetric)
        self.forget_best()

    def forget_best(self) -> None:
        """No state has been seen."""
        self.state["BEST_ENERGY"][:] = np.inf
        self.state["BLOCK"][:, Block.SYNCED] = 0

    def reset(self) -> None:
        """All membranes at El without feedback; clamped ones stay where they are held."""
        state = self.state
        start = state.per_neuron_to_cells(state["EL"])
        held = state.per_neuron_to_cells(state["HOLD"]) == 1
        state["V"][:] = np.where(held, state["V"], start)
        state["FEEDBACK_CURRENT"][:] = 0.0

    # --- inputs and clamps --------------------------------------------------------------------------

    def clamp(self, neurons: Array, value: Array | float) -> None:
        """Hold neurons at a voltage: one number, or one a neuron given."""
        self.state["HOLD"][neurons] = 1
        v = self.state.places_of(self.state["V"])
        v[:, neurons] = value
        self.state["V"][:] = self.state.to_cells(v)
        self.update_cells()
        self.forget_best()

    def free(self, neurons: Array | slice) -> None:
        """Let neurons go."""
        self.state["HOLD"][neurons] = 0
        self.update_cells()
        self.forget_best()

    def set_current(self, value: Array | float) -> None:
        """The constant current of CUR, amperes."""
        self.state.host["current"] = np.broadcast_to(np.asarray(value, np.float64), (self.state.n,)).copy()
        self.update_cells()

    def play(self, rows: Array, period: int) -> None:
        """The waveform of WAVE: amperes (rows, 1 or n), a row every `period` steps from now."""
        ctx = self.state.ctx
        self.state.bind("WAVE", np.ascontiguousarray(rows, np.float64))
        ctx[Ctx.WAVE_ROWS], ctx[Ctx.WAVE_COLUMNS] = rows.shape
        ctx[Ctx.WAVE_PERIOD], ctx[Ctx.WAVE_START] = period, ctx[Ctx.STEP]

    def send(self, steps: Array, neurons: Array, jump: Array | float) -> None:
        """The spike train of SPK: steps from now, sorted, and the neurons that jump by volts."""
        state = self.state
        state.bind("TRAIN_STEP", np.ascontiguousarray(steps + state.ctx[Ctx.STEP], np.int64))
        state.bind("TRAIN_NEURON", np.ascontiguousarray(neurons, np.int64))
        state["TRAIN_JUMP"][:] = jump
        state.ctx[Ctx.TRAIN_LENGTH] = len(steps)
        state["BLOCK"][:, Block.TRAIN_POSITION] = 0

    def bombard(self, rate: Array | float, jump: Array | float) -> None:
        """The Poisson spikes of POI: hertz and volts."""
        state = self.state
        state["POISSON_P"][:] = np.asarray(rate, np.float64) * state.real[Real.DT]
        state["POISSON_JUMP"][:] = jump
        state.ctx[Ctx.POISSON] = int(state["POISSON_P"].any())

    # --- what can be read ---------------------------------------------------------------------------

    def read(self, what: str) -> Array:
        """An observable of the neurons, (lanes, n)."""
        state = self.state
        if what == "v":
            return state.from_cells(state["V"])
        if what == "spike_count":
            return state.from_cells(state["SPIKE_COUNT"])
        el, vt = state["EL"], state["VT"]
        with np.errstate(all="ignore"):  # a huge quotient is clipped like a large one; a span of 0 has none
            return np.asarray(np.clip((state.from_cells(state["V"]) - el) / (vt - el), 0.0, 1.0))

    def final_as_best(self) -> Array:
        """The present state as 0/1, for a run in which no energy was ever seen."""
        return (self.read("state") > 0.5).astype(np.int8)


def bind_couplings(state: State, ready: Any) -> None:
    """Let kernels see prepared couplings."""
    state.bind("J", ready.values)
    state.bind("J_TAIL", ready.tails)
    state.bind("J_ROW", ready.start)
    state.bind("J_COLUMN", ready.column)
    state.bind("H", ready.h)
    state.bind("TERM_START", ready.term_start)
    state.bind("TERM_INDEX", ready.term_index)
    state.bind("TERM_VALUE", ready.term_value)
    state.bind("OF_START", ready.of_start)
    state.bind("OF_TERM", ready.of_term)
    state.ctx[Ctx.TERMS] = len(ready.term_start) - 1
    state.ctx[Ctx.DIRTY] = 1
