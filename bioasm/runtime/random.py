"""Counter-based random numbers: noise as a pure function of (seed, lane, neuron, step, stream), bit-identical to the kernels'.

The generator is Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw, SC 2011). A key is made for each (seed, lane,
stream); the counter is (neuron, step // 2), and the two words of a draw belong to the even and the odd step. The words become

    uniform      u = (word + 1/2) / 2**32                      float64
    normal       Box-Muller of the two words                   float32, cosine for the even step, sine for the odd
    logistic     ln((1-u)/u), exponential -ln(u)               float32, with u in float32

with the series below in float32 and no fused multiply-add, so that another backend can draw the same numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

PARITY = 0x1BD11BDA
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
_MASK = 0xFFFFFFFF
_FEW = 6  # words
LN2 = 0.6931471805599453
SQRT_HALF_BITS = 0x3F3504F3
# ln(m) = 2 t (1 + t^2/3 + t^4/5 + ...) with t = (m-1)/(m+1), |t| < 0.172
LOG_SERIES = (2.0, 2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0)
SIN = (1.0, -1.0 / 6.0, 1.0 / 120.0, -1.0 / 5040.0, 1.0 / 362880.0)
COS = (1.0, -1.0 / 2.0, 1.0 / 24.0, -1.0 / 720.0, 1.0 / 40320.0)
TAU_OVER_2_32 = 2.0 * 3.141592653589793 / 2.0**32

STREAM_DYNAMICS = 0
STREAM_INITIAL = 1
STREAM_POISSON = 2
STREAM_CONNECTIONS = 3
STREAM_MERGE = 4
STREAM_VALUES = 5
STREAM_EXCHANGE = 6
STREAM_BLOCKS = 7
STREAM_WHITE = 16  # the first of the white noises of a model beside `xi`
STREAM_RATES = 64  # the first of the random spikes to ports beside the first that a program sends to

Words = NDArray[np.uint32]
Singles = NDArray[np.float32]


def threefry(key: tuple[Any, Any], counter: tuple[Any, Any]) -> tuple[Words, Words]:
    """Two arrays of random words; keys and counters are uint32 arrays or numbers and broadcast."""
    k0, k1 = (np.asarray(k, dtype=np.uint32) for k in key)
    shape = np.broadcast_shapes(k0.shape, k1.shape, np.shape(counter[0]), np.shape(counter[1]))
    if math.prod(shape) <= _FEW:
        return _few(shape, k0, k1, *counter)
    keys = (k0, k1, k0 ^ k1 ^ np.uint32(PARITY))
    with np.errstate(over="ignore"):
        x0 = np.asarray(counter[0], dtype=np.uint32) + k0
        x1 = np.asarray(counter[1], dtype=np.uint32) + k1
        for r in range(20):
            x0 = x0 + x1
            by = np.uint32(ROTATIONS[r % 8])
            x1 = ((x1 << by) | (x1 >> (np.uint32(32) - by))) ^ x0
            if r % 4 == 3:
                turn = r // 4 + 1
                x0 = x0 + keys[turn % 3]
                x1 = x1 + keys[(turn + 1) % 3] + np.uint32(turn)
    return x0, x1


def _few(shape: tuple[int, ...], *numbers: Any) -> tuple[Words, Words]:
    """`threefry` of few words by Python's whole numbers, of which an operation takes a tenth of that on a small array."""
    columns = [np.broadcast_to(number, shape).ravel().tolist() for number in numbers]
    pairs = np.array([_one(*row) for row in zip(*columns, strict=True)], np.uint32).reshape(-1, 2)
    x0, x1 = pairs.T.copy()  # contiguous, as kernels read them by address
    return x0.reshape(shape), x1.reshape(shape)


def _one(k0: int, k1: int, x0: int, x1: int) -> tuple[int, int]:
    keys = (k0, k1, k0 ^ k1 ^ PARITY)
    x0, x1 = x0 + k0 & _MASK, x1 + k1 & _MASK
    for r, by in enumerate((*ROTATIONS, *ROTATIONS, *ROTATIONS[:4])):
        x0 = x0 + x1 & _MASK
        x1 = (x1 << by & _MASK | x1 >> 32 - by) ^ x0
        if r % 4 == 3:
            turn = r // 4 + 1
            x0, x1 = x0 + keys[turn % 3] & _MASK, x1 + keys[(turn + 1) % 3] + turn & _MASK
    return x0, x1


def lane_key(seed: int, lane: Any, stream: int) -> tuple[Words, Words]:
    """The key of a lane (or of an array of lanes) and a stream."""
    return threefry((seed & 0xFFFFFFFF, seed >> 32), (lane, stream))


def words(seed: int, lane: Any, neuron: Any, step: Any, stream: int) -> tuple[Words, Words]:
    """The two words of the pair of steps that `step` belongs to."""
    return threefry(lane_key(seed, lane, stream), (neuron, np.asarray(step) >> 1))


def _horner(x: Singles, coefficients: tuple[float, ...]) -> Singles:
    result: Singles = np.full_like(x, np.float32(coefficients[-1]))
    for c in reversed(coefficients[:-1]):
        result = np.asarray(result * x + np.float32(c), np.float32)
    return result


def log(x: Singles) -> Singles:
    """Natural logarithm of positive normal float32, to about one unit in the last place."""
    bits = x.view(np.int32)
    exponent = (bits - np.int32(SQRT_HALF_BITS)) >> 23
    mantissa = (bits - (exponent << 23)).view(np.float32)
    t = np.asarray((mantissa - np.float32(1)) / (mantissa + np.float32(1)), np.float32)
    return exponent.astype(np.float32) * np.float32(LN2) + t * _horner(t * t, LOG_SERIES)


def open_unit(word: Words) -> Singles:
    """A word as float32 in (0, 1]."""
    return (np.atleast_1d(word).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-32)


def normals(x0: Words, x1: Words) -> tuple[Singles, Singles]:
    """The standard normal numbers of a pair of words: for the even and for the odd step."""
    x1 = np.atleast_1d(x1)
    radius = np.sqrt(np.float32(-2) * log(open_unit(x0)))
    with np.errstate(over="ignore"):
        quarter = (x1 + np.uint32(1 << 29)) >> np.uint32(30)
        rest = (x1 - (quarter << np.uint32(30))).view(np.int32)
    angle = rest.astype(np.float32) * np.float32(TAU_OVER_2_32)
    square = angle * angle
    sine, cosine = angle * _horner(square, SIN), _horner(square, COS)
    odd = (quarter & 1) != 0
    c, s = np.where(odd, sine, cosine), np.where(odd, cosine, sine)
    c = np.where(((quarter + np.uint32(1)) & np.uint32(2)) != 0, -c, c)
    s = np.where((quarter & np.uint32(2)) != 0, -s, s)
    return radius * c, radius * s


def normal(seed: int, lane: Any, neuron: Any, step: int, stream: int = STREAM_DYNAMICS) -> Singles:
    """The standard normal number of a neuron and step (`neuron` and `lane` may be arrays), float32."""
    return normals(*words(seed, lane, neuron, step, stream))[step & 1]


def uniform(seed: int, lane: Any, neuron: Any, step: int, stream: int) -> NDArray[np.float64]:
    """The uniform number (word + 1/2) / 2**32 of a neuron and step, float64 and exact."""
    word = np.atleast_1d(words(seed, lane, neuron, step, stream)[step & 1])
    return (word.astype(np.float64) + 0.5) * 2.0**-32


def logistic(seed: int, lane: Any, neuron: Any, step: int) -> Singles:
    """The standard logistic number ln((1-u)/u) of a spin and sweep, float32."""
    word = words(seed, lane, neuron, step, STREAM_DYNAMICS)[step & 1]
    return log(open_unit(~np.atleast_1d(word)) / open_unit(word))


def exponential(seed: int, lane: Any, neuron: Any, step: int) -> Singles:
    """The standard exponential number -ln(u) of a spin and sweep, float32."""
    return -log(open_unit(words(seed, lane, neuron, step, STREAM_DYNAMICS)[step & 1]))


def initial_spins(seed: int, lane: Any, neuron: Any) -> NDArray[np.int8]:
    """Spins -1 or +1 with equal probability, one for each pair of broadcast lane and neuron."""
    word = words(seed, lane, neuron, 0, STREAM_INITIAL)[0]
    return np.where(word >> np.uint32(31), 1, -1).astype(np.int8)
