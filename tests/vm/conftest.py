"""Kernels for the tests of the machine.

Compiling a kernel takes 5 to 10 s of processor time, once on a machine, so tests share a dozen of them. A test that needs
another combination of model, storage and variant should first look whether one of these would do:

    lif_critical   none-uniform, dense-i1-uniform, dense-f4-uniform, dense-f8-uniform, dense-i1-own, dense-f8-own, sparse-f8-own
    ising          none-whole, none-real, dense-i1-whole, dense-f8-real, sparse-i1-whole, sparse-f8-real

The storage is that of J as the text gives it (whole numbers up to 127: i1; numbers that 32 bits hold: f4; others f8). LIF
is `own` where tau, Vt or Vr differ between neurons or one is clamped. Ising is `whole` where all numbers are multiples of one
power of two and the fields fit 32 bits.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bioasm.vm import objects

KERNELS = {
    *(("lif_critical", form, "uniform") for form in ("none", "dense-i1", "dense-f4", "dense-f8")),
    *(("lif_critical", form, "own") for form in ("dense-i1", "dense-f8", "sparse-f8")),
    *(("ising", form, "whole") for form in ("none", "dense-i1", "sparse-i1")),
    *(("ising", form, "real") for form in ("none", "dense-f8", "sparse-f8")),
}


@pytest.fixture(autouse=True)
def few_kernels() -> Iterator[None]:
    """A test uses no kernel but those above."""
    before = set(objects._kept)
    yield
    assert set(objects._kept) - before <= KERNELS
