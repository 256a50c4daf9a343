"""Checks of values of the lanes' own: constants and parameters from `--set-lanes` or formulas of the lane."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import isfinite

from bioasm.diagnostics import BioasmError, Diagnostic, did_you_mean
from bioasm.models.base import SPINS
from bioasm.network.namespace import WEIGHT
from bioasm.network.references import ProjectionRef
from bioasm.verifier.gate import Verified
from bioasm.verifier.lane_places import HINT, against, is_fixed, names_one
from bioasm.verifier.operands import in_range


def check_lane_values(verified: Verified, constants: Collection[str], parameters: Mapping[str, Sequence[float]]) -> None:
    """Raise BioasmError where a constant or parameter (whole names) can't have values of the lanes' own.

    B405 for a name that the program does not have, B116 for a parameter's value that is out of its range, B603 at each
    instruction that needs one value for all lanes.
    """
    found = [*_unknown(verified, constants), *_fixed(verified, parameters)]
    found += against(verified.program, verified.instructions, constants)
    if found:
        raise BioasmError(*found)


def are_levels(verified: Verified, constants: Collection[str], parameters: Collection[str]) -> bool:
    """Whether values of the lanes' own are constants that only SIG uses, in a program of spins."""
    takers = (i.mnemonic for i in verified.instructions if any(names_one(o, constants) for o in i.operands))
    return verified.model.kind == SPINS and not parameters and all(mnemonic == "SIG" for mnemonic in takers)


def _unknown(verified: Verified, constants: Collection[str]) -> Iterator[Diagnostic]:
    known = verified.program.constants
    for name in constants:
        if name not in known:
            yield Diagnostic("B405", f"the program has no constant {name}", hint=did_you_mean(name, known))


def _fixed(verified: Verified, parameters: Mapping[str, Sequence[float]]) -> Iterator[Diagnostic]:
    for name, values in parameters.items():
        ref = verified.parameter(name)
        if ref is None:
            yield Diagnostic("B405", f"the network has no parameter {name}")
        elif _is_weight(ref):
            if not all(map(isfinite, values)):
                yield Diagnostic("B116", f"{name} is not finite in a lane")
        elif is_fixed(ref):
            yield Diagnostic("B603", f"{name} can't have values of the lanes' own: it is fixed before the run", hint=HINT)
        else:
            for value in dict.fromkeys((min(values), max(values))):
                if not in_range(value, ref.parameter.low, ref.parameter.high, ref.parameter.open_low):
                    yield Diagnostic("B116", f"{name} is {value:g} in a lane: out of its range")


def _is_weight(ref: object) -> bool:
    """Whether a reference is the weight of a projection, which may have a factor in each lane."""
    return isinstance(ref, ProjectionRef) and ref.parameter.name == WEIGHT
