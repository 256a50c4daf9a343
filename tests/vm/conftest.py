"""Kernels for the tests of the machine.

Compiling a kernel takes 5 to 10 s of processor time, once on a machine, so tests share a dozen of them. A test that needs
another combination of model, storage and variant should first look whether one of these would do:

    lif_critical   none-alike, dense-i1-alike, dense-f4-alike, dense-f8-alike, single-i1-alike, single-f4-alike,
                   none-own, dense-i1-own, dense-f8-own, sparse-f8-own
    ising          none-whole, none-real, dense-i1-whole, dense-f8-real, sparse-i1-whole, sparse-i1-packed, sparse-f8-real
    machine        the loop that executes programs, for all of them

The storage is that of J as the text gives it (whole numbers up to 127: i1; numbers that 32 bits hold: f4; others f8). LIF
is `own` where a parameter differs between neurons or one is clamped. Ising is `whole` where all numbers are multiples of one
power of two and the fields fit 32 bits, `packed` where there are also many lanes and fields below 127.

A network without feedback has a kernel of its own for each set of instances, instructions, recorded variables and parameters
that differ between neurons. The programs of network_programs.py, network_forms.py and random_networks.py make five of them,
the two models of test_schedule.py four, because a neuron alone has a kernel of its own, the random values of
test_drawn_values.py four, the spikes in order of test_hostile_checkpoints.py three, the parameters of test_start_states.py
and the two ways of weights in test_weights_under_way.py two each, test_connecting.py one, and
test_parts.py four.
A new test is a population or a line more in one of these.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bioasm.vm import kernel_cache

KERNELS = {
    ("machine", "", ""),
    ("blocks", "", ""),
    *(("lif_critical", form, "alike") for form in ("none", "dense-i1", "dense-f4", "dense-f8", "single-i1", "single-f4")),
    *(("lif_critical", form, "own") for form in ("none", "dense-i1", "dense-f8", "sparse-f8")),
    *(("ising", form, "whole") for form in ("none", "dense-i1", "sparse-i1")),
    ("ising", "sparse-i1", "packed"),
    *(("ising", form, "real") for form in ("none", "dense-f8", "sparse-f8")),
    *(("merge", form, "whole") for form in ("dense-i1", "sparse-i1")),
    *(("merge", form, "real") for form in ("dense-f8", "sparse-f8")),
    *(("exchange", form, "whole") for form in ("dense-i1", "sparse-i1")),
    ("exchange", "dense-f8", "real"),
}

NETWORKS = 40  # at most; five of them for connections with states, of all kinds; two for delays of each connection


def _kind(key: tuple[str, str, str]) -> tuple[str, str, str]:
    """A kernel's key in the words above; parameters of their own are read from arrays, and the sources differ by that."""
    family, storage, variant = key
    if family in ("ising", "machine", "merge", "exchange", "blocks"):
        return key
    return "lif_critical", storage, "alike" if "number[" in variant else "own"


@pytest.fixture(autouse=True)
def few_kernels() -> Iterator[None]:
    """A test uses no kernel but those above."""
    before = set(kernel_cache._kept)
    yield
    new = set(kernel_cache._kept) - before
    networks = {key for key in new if key[:2] == ("network", "")}
    unseen = networks - _networks
    _networks.update(unseen)
    assert not unseen or len(_networks) <= NETWORKS  # told once, of the test that brings one too many
    assert {_kind(key) for key in new - networks} <= KERNELS


_networks: set[tuple[str, str, str]] = set()
