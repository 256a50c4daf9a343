"""Admission control: a submission is bytecode that passes the gate, fits its device, and stays within all limits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bioasm.binary import looks_like_bytecode
from bioasm.binary.reader import read
from bioasm.binary.writer import program_hash
from bioasm.demand.footprint import check_demand, demand
from bioasm.diagnostics import EXIT_USAGE, BioasmError, did_you_mean, error
from bioasm.drivers.remote.protocol import STIMULATE, JobOptions, findings
from bioasm.runtime.options import DEFAULT_FUEL, RunOptions, check_options
from bioasm.serve.jobs import Submission
from bioasm.serve.tokens import Holder
from bioasm.verifier.abilities import lacking
from bioasm.verifier.gate import Verified, verify

_PREFIX = 64


class Forbidden(Exception):
    """The token lacks a right."""

    def __init__(self, right: str) -> None:
        super().__init__(right)
        self.right = right


def chosen_device(devices: list[dict[str, Any]], wanted: str) -> dict[str, Any]:
    """The abilities of a device by its name, or of the first by default. Raises BioasmError B501, or the device's error."""
    names = [str(one["name"]) for one in devices]
    found = [one for one in devices if wanted in ("", one["name"])]
    if not found:
        hint = did_you_mean(wanted, names) or f"there are {', '.join(names)}"
        raise error("B501", f"this server has no device {wanted[:80]!r}", hint=hint, exit_code=EXIT_USAGE)
    if "trouble" in found[0]:
        raise BioasmError(*findings(found[0]["trouble"]), exit_code=3)
    return found[0]


def admit(path: Path, wanted: JobOptions, device: dict[str, Any], who: Holder, key: str, salt: str) -> Submission:
    """Check the submission in the file at `path`.

    Raises BioasmError with the errors of the gate, the device or limits, Forbidden for a missing right.
    """
    verified = _gated(path, wanted)
    _check_abilities(verified, device)
    _check_right(verified, device, who)
    check_options(RunOptions(wanted.seed, wanted.lanes, first_lane=wanted.first_lane, all_lanes=wanted.all_lanes), verified.n)
    _check_quotas(verified, wanted, who)
    options = replace(wanted, device=str(device["name"]))
    digest = program_hash(verified.program)
    # On cells a key is its token's own: two users who choose the same word make two experiments.
    once = () if device["reproducible"] else (who.id, key)
    name = hashlib.sha256("\0".join((salt, digest, options.text(), *once)).encode()).hexdigest()
    stored = _file_hash(path)
    fit = (str(device["driver"]), bool(device["reproducible"]), STIMULATE in who.rights)
    return Submission(name, options.device, options.text(), stored, verified.model.name, verified.n, who.id, *fit)


def _gated(path: Path, wanted: JobOptions) -> Verified:
    """Decode and verify bytecode. Program texts, which could include files, are refused."""
    with open(path, "rb") as stream:
        if not looks_like_bytecode(stream.read(_PREFIX)):
            raise error("B201", "what was sent is no bytecode", hint="`bioasm asm` makes bytecode of a text")
    try:
        verified = verify(read(path), wanted.parameters)
    except BioasmError as refused:
        found = (replace(d, message=d.message.replace(str(path), "the program")) for d in refused.diagnostics)
        raise BioasmError(*found, exit_code=refused.exit_code) from None
    strange = [name for name in wanted.parameters if verified.parameter(name) is None]
    if strange:
        raise error("B405", f"the program has no parameter {strange[0]!r}")
    return verified


def _check_abilities(verified: Verified, device: Mapping[str, Any]) -> None:
    missing = list(lacking(str(device["name"]), device["abilities"], device["models"], verified))
    if missing:
        raise BioasmError(*missing)


def _check_right(verified: Verified, device: Mapping[str, Any], who: Holder) -> None:
    driving = set(device["stimulating"]) & {i.mnemonic for i in verified.program.instructions}
    if driving and STIMULATE not in who.rights:
        raise Forbidden(STIMULATE)


# Hints how a job stays within a quota.
_LESS = {
    "lanes": "--lanes asks for fewer",
    "fuel": f"--fuel asks for less; without it a run asks for {DEFAULT_FUEL:,}",
    "bytes": "`bioasm info` tells what the memory of a run is for; some 120 MB are those of any process",
}


def _check_quotas(verified: Verified, wanted: JobOptions, who: Holder) -> None:
    """Check the token's quotas (B551) and this machine's memory and limits (B111, B403)."""
    needed = demand(verified, wanted.lanes, wanted.parameters, wanted.fuel)
    check_demand(needed, here=True)
    asked = {"lanes": wanted.lanes, "fuel": wanted.fuel, "bytes": needed.peak}
    over = [
        error("B551", f"the job asks for {asked[name]:,} {name}; the token {who.name} may have {most:,}", hint=_LESS[name])
        for name, most in who.quotas.items()
        if name in asked and asked[name] > most
    ]
    if over:
        raise BioasmError(*(diagnostic for one in over for diagnostic in one.diagnostics))


def _file_hash(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
