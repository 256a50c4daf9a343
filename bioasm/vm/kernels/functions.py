"""Small whole powers, which generated source calls by name: `math.pow` takes as long as an exponential."""

from __future__ import annotations

from bioasm.vm.kernels.device import inlined


@inlined
def power2(x):
    """x^2; the functions below alike."""
    return x * x


@inlined
def power3(x):
    """x^3."""
    return x * x * x


@inlined
def power4(x):
    """x^4."""
    return (x * x) * (x * x)


@inlined
def power5(x):
    """x^5."""
    return (x * x) * (x * x) * x


@inlined
def power6(x):
    """x^6."""
    return (x * x * x) * (x * x * x)


@inlined
def power7(x):
    """x^7."""
    return (x * x * x) * (x * x * x) * x


@inlined
def power8(x):
    """x^8."""
    return ((x * x) * (x * x)) * ((x * x) * (x * x))
