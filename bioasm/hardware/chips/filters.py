"""The filters of an amplifier chain, advanced one conversion at a time or for a block of them, to the same bits.

High-pass: one pole at the lower bandwidth; low-pass: third-order Butterworth at the upper bandwidth. Both are bilinear
transforms whose -3 dB points lie where they should. A pass band that reaches half the sampling rate has no low-pass left.
Every operation on a channel is one multiplication or addition of IEEE doubles, in the same order on both ways.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class HighPass:
    """y = g (x - b), b' = p b + (1 - p) x with g = 1 / (1 + K), p = (1 - K) / (1 + K), K = tan(pi f / fs)."""

    def __init__(self, channels: int) -> None:
        self.kept = np.ones(channels)
        self.taken = np.zeros(channels)
        self.gain = np.ones(channels)
        self.base = np.zeros(channels)

    def tune(self, cutoffs: Floats, sample_rate: float) -> None:
        """Set the cutoff of each channel in hertz; they are held under 0.49 of the sampling rate."""
        k = np.tan(math.pi * np.minimum(cutoffs / sample_rate, 0.49))
        self.kept, self.gain = (1 - k) / (1 + k), 1 / (1 + k)
        self.taken = 1 - self.kept

    def step(self, channel: int, x: float) -> float:
        """The output of a channel for its next sample."""
        base = float(self.base[channel])
        self.base[channel] = float(self.kept[channel]) * base + float(self.taken[channel]) * x
        return float(self.gain[channel]) * (x - base)

    def block(self, x: Floats) -> Floats:
        """The outputs for samples[m, channels], which become the state's past."""
        bases = np.empty((len(x) + 1, x.shape[1]))
        bases[0] = self.base
        for before, after, added in zip(bases[:-1], bases[1:], self.taken * x, strict=True):
            np.multiply(self.kept, before, out=after)
            np.add(after, added, out=after)
        self.base = bases[-1].copy()
        return np.asarray(self.gain * (x - bases[:-1]))


class Poles(NamedTuple):
    """A third-order low-pass as its real pole and a pair a +- jb, with the weights of their states in the output."""

    real: float
    a: float
    b: float
    weights: tuple[float, float, float]
    direct: float


def butterworth(cutoff: float, sample_rate: float) -> Poles:
    """Poles of the bilinear third-order Butterworth low-pass, with s = (1/K) (z - 1) / (z + 1), K = tan(pi fc / fs)."""
    k = math.tan(math.pi * cutoff / sample_rate)
    analog = (complex(-1, 0), complex(-0.5, math.sqrt(0.75)), complex(-0.5, -math.sqrt(0.75)))
    gain = (k**3 / math.prod((1 - k * s for s in analog), start=complex(1, 0))).real
    real, upper, lower = ((1 + k * s) / (1 - k * s) for s in analog)
    w_real = (gain * (real + 1) ** 3 / ((real - upper) * (real - lower))).real
    w_pair = gain * (upper + 1) ** 3 / ((upper - real) * (upper - lower))
    return Poles(real.real, upper.real, upper.imag, (w_real, 2 * w_pair.real, -2 * w_pair.imag), gain)


class LowPass:
    """States r' = zr r + x, u' = a u - b v + x, v' = a v + b u; output d x + wr r + wu u + wv v, or x with no poles."""

    def __init__(self, channels: int) -> None:
        self.state = np.zeros((3, channels))
        self.poles: Poles | None = None

    def tune(self, cutoff: float, sample_rate: float) -> None:
        """Set the cutoff in hertz, the same for all channels."""
        self.poles = butterworth(cutoff, sample_rate) if cutoff < sample_rate / 2 else None

    def step(self, channel: int, x: float) -> float:
        """The output of a channel for its next sample."""
        if self.poles is None:
            return x
        real, a, b, (wr, wu, wv), direct = self.poles
        r, u, v = (float(s) for s in self.state[:, channel])
        self.state[:, channel] = real * r + x, a * u + -b * v + x, a * v + b * u
        return direct * x + wr * r + wu * u + wv * v

    def block(self, x: Floats) -> Floats:
        """The outputs for samples[m, channels], which become the state's past."""
        if self.poles is None:
            return x
        states = self.states(self.poles, x)
        self.state = states[-1].copy()
        wr, wu, wv = self.poles.weights
        past = states[:-1]
        return self.poles.direct * x + wr * past[:, 0] + wu * past[:, 1] + wv * past[:, 2]

    def states(self, poles: Poles, x: Floats) -> Floats:
        """The states[m + 1, 3, channels] before and after every sample."""
        states = np.empty((len(x) + 1, *self.state.shape))
        states[0] = self.state
        own = np.array([[poles.real], [poles.a], [poles.a]])
        cross, crossed = np.array([[-poles.b], [poles.b]]), np.empty((2, x.shape[1]))
        pairs, swapped, driven = states[:, 1:], states[:, :0:-1], states[:, :2]
        for k, (before, after) in enumerate(zip(states[:-1], states[1:], strict=True)):
            np.multiply(own, before, out=after)
            np.multiply(cross, swapped[k], out=crossed)
            np.add(pairs[k + 1], crossed, out=pairs[k + 1])
            np.add(driven[k + 1], x[k], out=driven[k + 1])
        return states


class Offset:
    """The DSP offset removal on codes around zero: y = x - b, b += y / 2^n, y rounded to the nearest code."""

    def __init__(self, channels: int) -> None:
        self.base = np.zeros(channels)
        self.share: float | None = None

    def tune(self, n: int | None) -> None:
        """Set n of the cutoff; None turns the filter off and keeps its state."""
        self.share = None if n is None else 2.0**-n

    def step(self, channel: int, x: float, reset: bool) -> float:
        """The output of a channel for its next code; `reset` makes the output zero."""
        if self.share is None:
            return x
        if reset:
            self.base[channel] = x
        y = x - float(self.base[channel])
        self.base[channel] += y * self.share
        return y

    def block(self, x: Floats) -> Floats:
        """The outputs for codes[m, channels]."""
        if self.share is None:
            return x
        y, part = np.empty_like(x), np.empty(x.shape[1])
        for code, out in zip(x, y, strict=True):
            np.subtract(code, self.base, out=out)
            np.multiply(out, self.share, out=part)
            np.add(self.base, part, out=self.base)
        return y
