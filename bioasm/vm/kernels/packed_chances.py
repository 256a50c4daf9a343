"""Chances of flips as tables over s f, in the highest 16 bits of a random word, with what these bits can't decide.

A spin flips where s f < half * e(word), with e a logistic or exponential number in float32. In exact arithmetic e falls as the
word grows, so that a flip is a word below the chance times 2^32. The float32 e is off by less than `_ERROR`, so words whose
16 bits lie as near to a chance as that, 1 of 30000 or so, are decided by e itself. So every flip is the one of `spin_sweep.py`.
"""

from __future__ import annotations

from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import int64
from bioasm.vm.kernels.elementary import full_exp
from bioasm.vm.kernels.packed_vectors import CHANCES

_ERROR = 1e-5  # bound of the error of e in float32, which was 2e-6 at most over 70 million words
_ROUNDING = 512.0  # and of the word itself, which is rounded to 24 bits
_LAST = 4294967295.0
_FARTHEST = CHANCES // 2  # rows of a table are s f from minus this to one below it, both ends for all beyond


@device
def chance(weight, x, rule):
    """The chance of a flip and its derivative by e, of |s f| = x with the sign of x, where weight = exp(-|x| / half)."""
    if rule == 0:
        less = weight / (1.0 + weight)
        return (less, less / (1.0 + weight)) if x >= 0 else (1.0 - less, less / (1.0 + weight))
    return (weight, weight) if x >= 0 else (1.0, 0.0)


@device
def sixteen(word):
    """The highest 16 bits of a word that is given as a float."""
    return int64(min(max(word, 0.0), _LAST)) >> 16


@device
def set_chances(tables, half, rule, reach):
    """Fill the tables for a temperature and |s f| up to `reach`; returns how many 16-bit numbers above a chance are undecided,
    or -1 where tables do not do."""
    if half == 0.0:  # so cold that a field of nothing decides too
        return -1
    step, weight, width = full_exp(-1.0 / half), 1.0, 0
    for size in range(min(reach, _FARTHEST) + 1):
        for x in (size, -size):
            p, slope = chance(weight, x, rule)
            centre, off = p * (_LAST + 1.0), slope * _ERROR * (_LAST + 1.0) + _ROUNDING
            least, most = sixteen(centre - off), sixteen(centre + off)
            if reach >= _FARTHEST and ((x == _FARTHEST - 1 and most > 0) or (x == -_FARTHEST and least < 0xFFFF)):
                return -1
            if x < _FARTHEST:
                row = x & (CHANCES - 1)
                tables[row], tables[CHANCES + row] = least >> 8, least & 255
                width = max(width, most - least)
        weight *= step
    return width
