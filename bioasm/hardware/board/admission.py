"""Admission check of programs for the culture, before the run; refusals state what would fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil, nan

from bioasm.diagnostics import BioasmError
from bioasm.hardware.board.electrodes import Electrodes
from bioasm.hardware.board.rig import Rig
from bioasm.hardware.board.substrates.mapping import PREFIX, MappingParameters
from bioasm.hardware.link.messages import NOWHERE, Refusal, Refused
from bioasm.isa.program import ConstantRef, DataRef, Instruction, Quantity
from bioasm.network.references import ParameterRef, Resolved, VariableRef
from bioasm.safety import biphasic, quantise
from bioasm.verifier.gate import Verified
from bioasm.verifier.landscape import LOADS

MODEL = "lif_critical"
ABILITIES = frozenset({"core", "control", "kbody"})
STIMULATION = "stimulation"
_NOT_SEEN = {"v": "electrodes see spikes, no membrane potentials"}
_SETTABLE = "I_max"


def split_parameters(values: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """The parameters of the model and those of the mapping, whose names begin with `culture.`."""
    model = {name: value for name, value in values.items() if not name.startswith(PREFIX)}
    mapping = {name.removeprefix(PREFIX): value for name, value in values.items() if name.startswith(PREFIX)}
    return model, mapping


def refusal(
    reason: Refusal, text: str, *, subject: str = "", value: float = nan, allowed: float = nan, place: int = NOWHERE
) -> Refused:
    """A refusal, whose request number the link fills in."""
    return Refused(reason=reason, subject=subject, value=value, allowed=allowed, place=place, text=text)


def stimulates(verified: Verified, *, by_mapping: bool = False) -> int | None:
    """The first instruction that stimulates, None for a program that only observes.

    With `by_mapping`, the first of those whose pulses the mapping makes; those of STIM are the program's own.
    """
    words = LOADS if by_mapping else (*LOADS, "STIM")
    for place, instruction in enumerate(verified.program.instructions):
        if instruction.mnemonic in words or (instruction.mnemonic == "SIG" and _noisy(verified, instruction)):
            return place
    return None


def _noisy(verified: Verified, instruction: Instruction) -> bool:
    """Whether SIG may set a noise above 0."""
    level = instruction.operands[0]
    return not (isinstance(level, Quantity | ConstantRef) and verified.program.quantity(level).value == 0)


def culture_refusal(
    verified: Verified,
    lanes: int,
    model_parameters: Mapping[str, float],
    mapping: MappingParameters,
    rig: Rig,
    electrodes: Electrodes,
) -> Refused | None:
    """The refusal of a program that the culture can't run, or None."""
    return next(_reasons(verified, lanes, model_parameters, mapping, rig, electrodes), None)


def _reasons(
    verified: Verified,
    lanes: int,
    model_parameters: Mapping[str, float],
    mapping: MappingParameters,
    rig: Rig,
    electrodes: Electrodes,
) -> Iterator[Refused]:
    yield from _size(verified, lanes, model_parameters, rig, electrodes)
    for place, instruction in enumerate(verified.instructions):
        yield from _instruction(place, instruction)
    at = stimulates(verified)
    if at is None:
        return
    word = verified.program.instructions[at].mnemonic
    if rig.stimulator is None:
        text = f"{word} needs stimulation, and an {rig.chip_name.upper()} can only record; programs that observe can run"
        yield refusal(Refusal.UNABLE, text, subject=word, place=at)
    elif not rig.stimulator.armed:
        yield refusal(Refusal.STATE, f"{word} stimulates, and the board is not armed", subject="state", place=at)
    else:
        mapped = stimulates(verified, by_mapping=True)
        yield from _pulses(verified, mapping, rig, electrodes, mapped) if mapped is not None else ()


def _size(
    verified: Verified, lanes: int, model_parameters: Mapping[str, float], rig: Rig, electrodes: Electrodes
) -> Iterator[Refused]:
    n = verified.n
    if verified.model.name != MODEL:
        yield refusal(
            Refusal.UNABLE, f"the culture runs programs of the model {MODEL}, not {verified.model.name}", subject="model"
        )
    if lanes != 1:
        yield refusal(Refusal.TOO_LARGE, "there is one culture, and so one lane", subject="lanes", value=lanes, allowed=1)
    if n > len(electrodes):
        text = f"{n} neurons, and there are electrodes for {len(electrodes)}"
        yield refusal(Refusal.TOO_LARGE, text, subject="neurons", value=n, allowed=len(electrodes))
    for name in model_parameters:
        if name != _SETTABLE:
            yield refusal(Refusal.UNABLE, f"a culture's {name} can't be set; only {_SETTABLE} can", subject=name)
    for channel in (c for mine in electrodes for c in mine):
        if channel >= rig.channels:
            text = f"there is no channel {channel}: the chip has {rig.channels}"
            yield refusal(Refusal.BAD_ELECTRODES, text, subject="channel", value=channel, allowed=rig.channels - 1)


def _instruction(place: int, instruction: Resolved) -> Iterator[Refused]:
    """Refusals of an instruction that a culture can't execute."""
    row, operands = instruction.row, instruction.operands
    if row.needs not in ABILITIES | {STIMULATION}:
        text = f"the culture can't do {row.mnemonic} (it lacks the ability {row.needs})"
        yield refusal(Refusal.UNABLE, text, subject=row.mnemonic, place=place)
    if row.mnemonic == "SET" and (_name(operands[0]) != _SETTABLE or isinstance(operands[1], DataRef)):
        text = f"a culture's {_name(operands[0])} can't be set; only {_SETTABLE} can"
        yield refusal(Refusal.UNABLE, text, subject=_name(operands[0]), place=place)
    for word in (o.name for o in operands if isinstance(o, VariableRef) and o.name in _NOT_SEEN):
        yield refusal(Refusal.UNABLE, f"{word}: {_NOT_SEEN[word]}", subject=word, place=place)


def _name(ref: object) -> str:
    """The name of a parameter that a SET sets, without its owner's."""
    return ref.parameter.name if isinstance(ref, ParameterRef) else ref.name if isinstance(ref, VariableRef) else ""


def _pulses(verified: Verified, mapping: MappingParameters, rig: Rig, electrodes: Electrodes, place: int) -> Iterator[Refused]:
    """Check that the largest pulse of the mapping is within the limits, and that all pulses fit into an interval."""
    assert rig.stimulator is not None and rig.stimulator.table is not None
    stimulator, table = rig.stimulator, rig.stimulator.table
    pulse = quantise(biphasic(mapping.amplitude, mapping.width), stimulator.step, stimulator.period)
    channels = [c for mine in electrodes[: verified.n] for c in mine]
    for refused in stimulator.refusals(tuple(channels), pulse):
        text = f"the largest pulse of the mapping: {refused.message}"
        yield refusal(Refusal.UNSAFE, text, subject=refused.rule.title, value=refused.value, allowed=refused.limit, place=place)
    group = min(table.limits.max_simultaneous, int(table.limits.max_total_current / mapping.amplitude * (1 + 1e-9)))
    halves = round(mapping.interval * 1e3) // 2 - 1  # ms of half an interval: feedback in one, random pulses in the other
    if group < 1 or ceil(len(channels) / group) > halves:
        text = f"{len(channels)} electrodes in groups of {group} do not fit into an interval of {mapping.interval * 1e3:g} ms"
        yield refusal(Refusal.TOO_LARGE, text, subject="electrodes", value=len(channels), allowed=group * halves, place=place)
    if mapping.interval * table.limits.max_rate < 2 - 1e-9:
        text = (
            f"an interval of {mapping.interval * 1e3:g} ms may hold two pulses, and the limit is {table.limits.max_rate:g} Hz"
        )
        yield refusal(
            Refusal.UNSAFE,
            text,
            subject="culture.interval",
            value=mapping.interval,
            allowed=2 / table.limits.max_rate,
            place=place,
        )


def unreadable(fault: BioasmError) -> Refused:
    """The refusal of bytes or a program that failed a check, with the first diagnostic and its code."""
    first = fault.diagnostics[0]
    return refusal(Refusal.BAD_PROGRAM, f"{first.code}: {first.message}", subject=first.code)
