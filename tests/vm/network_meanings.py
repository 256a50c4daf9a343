"""Instructions of the numpy reference of networks: one method `do_...` for each mnemonic."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from bioasm.isa.program import ConstantRef, DataRef, Name, Quantity, Random
from bioasm.runtime.drawing import values_of
from tests.vm.network_parts import Array, Key, Part
from tests.vm.reference import full


class Meanings:
    """What the instructions of a straight-line program do to a `NetworkReference`, which has its state and its time step."""

    def execute(self) -> Self:
        """Do all instructions."""
        for instruction in self.program.instructions:
            done = getattr(self, f"do_{instruction.mnemonic.lower()}", None)
            if done is not None:
                done(*[self.operand(o) for o in instruction.operands])
        return self

    def operand(self, operand: Any) -> Any:
        """A word, a number or an array."""
        if isinstance(operand, Name):
            return operand.text
        if isinstance(operand, DataRef):
            value = self.program.data[operand.index].value
            if isinstance(value, Random):
                return values_of(self.program, value, self.seed, operand.index)
            return full(value)  # type: ignore[arg-type]
        assert isinstance(operand, Quantity | ConstantRef)
        return self.program.quantity(operand).value

    def _set_what_is_fixed(self) -> None:
        for instruction in self.program.instructions:
            if instruction.mnemonic == "SET":
                word, value = (self.operand(o) for o in instruction.operands)
                head, _, tail = word.partition(".")
                if tail == "delay" and head in self.delays:
                    self.delays[head] = value
                elif word == "dt":
                    self.values |= {key: value for key in self.values if key[1] == "dt"}
                elif head not in self.weights:
                    key = self.named(word, lambda part: [p.name for p in part.model.parameters])
                    parameter = self.parts[key[0]].model.parameter(key[1])
                    if parameter is not None and parameter.structural:
                        self.values[key] = dict(parameter.words).get(value, value)

    def named(self, word: str, names: Callable[[Part], list[str]]) -> Key:
        """What a word of the program means."""
        head, _, tail = word.partition(".")
        if tail:
            return head, tail
        return next((part.name, word) for part in self.parts.values() if word in names(part))

    def input(self, word: str) -> Key:
        """The input that a word of the program means."""
        return self.named(word, lambda part: [i.name for i in part.model.inputs])

    def port(self, word: str) -> Key:
        """The port that a word of the program means."""
        head, _, tail = word.partition(".")
        return head, tail

    def do_set(self, word: str, value: Any) -> None:
        head, _, tail = word.partition(".")
        if head in self.weights:
            if tail == "weight":
                self.weights[head] = value
            return
        if word == "dt":
            return
        key = self.named(word, lambda part: [p.name for p in part.model.parameters])
        parameter = self.parts[key[0]].model.parameter(key[1])
        if parameter is not None and not parameter.structural:
            self.values[key] = value
            if self.step == 0:
                self.do_rst()

    def do_sig(self, level: float) -> None:
        self.sigma = level

    def do_inp(self, word: str, value: Any, how: str = "add") -> None:
        constants = self.constants[self.input(word)]
        constants.pop("set", None)
        constants[how] = value
        self._flat.clear()

    def do_play(self, word: str, rows: Array, period: float = 0.0) -> None:
        self.waves[self.input(word)] = np.atleast_2d(rows), max(1, round(period / self.dt)), self.step

    def do_evt(self, word: str, train: Array, weight: Any) -> None:
        rows = [(self.step + round(t / self.dt), int(i)) for t, i in np.reshape(train, (-1, 2))]
        self.trains[self.port(word)] = rows, weight

    def do_rate(self, word: str, rate: Any, weight: Any) -> None:
        self.rates[self.port(word)] = rate, weight

    def do_clamp(self, neurons: Any, value: Any) -> None:
        neurons = np.atleast_1d(neurons).astype(int)
        values = np.broadcast_to(value, neurons.shape)
        for membrane in self.membranes:
            for i, level in zip(neurons - membrane.first, values, strict=True):
                if 0 <= i < membrane.n:
                    membrane.held[i] = True
                    membrane.states[membrane.clamp][i] = level

    def do_free(self, neurons: Any = None) -> None:
        for membrane in self.membranes:
            if neurons is None:
                membrane.held[:] = False
            else:
                mine = np.atleast_1d(neurons).astype(int) - membrane.first
                membrane.held[mine[(mine >= 0) & (mine < membrane.n)]] = False

    def do_rec(self, word: str, *more: Any) -> None:
        every = max(1, round(more[0] / self.dt)) if more else 1
        self.recorders[word] = self.step, every, more[1] if len(more) > 1 else None, []

    def do_unrec(self, word: str) -> None:
        start, _, neurons, samples = self.recorders[word]
        self.recorders[word] = start, 1 << 60, neurons, samples

    def do_rd(self, word: str = "state") -> None:
        if word in ("state", "spike_count"):
            found = np.concatenate([self.seen(f"{m.own.name}.{word}") for m in self.membranes])
        else:
            found = self.seen(word)
        self.readings.append((word, found))

    def do_run(self, duration: float) -> None:
        self.clock += duration
        end = math.ceil(self.clock / self.dt - 1e-4)
        while self.step < end:
            self.one_step()
            self.step += 1

    def do_rst(self) -> None:
        self.travelling, self.past = [], {}
        for membrane in self.membranes:
            kept = membrane.states.get(membrane.clamp)
            membrane.states = {}
            for part in membrane.parts:
                for state in part.model.states:
                    self._start(membrane, (part.name, state.name))
            if kept is not None:
                fresh = membrane.states[membrane.clamp]
                membrane.states[membrane.clamp] = np.where(membrane.held, kept, fresh)
            membrane.left = np.zeros(membrane.n)
            membrane.still = membrane.fired = membrane.above = np.zeros(membrane.n, bool)
            membrane.begun = membrane.states
