"""Protocol types of the link: message base classes, enumerations of states, kinds and reasons, and records in messages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Annotated, ClassVar, NamedTuple, Self

from bioasm.hardware.link import wire
from bioasm.hardware.link.frames import MAX_PAYLOAD
from bioasm.hardware.link.wire import F64, U8, U16, U32, Choice, Digest, ListOf, Record, Rows, Text

OLDEST_VERSION = NEWEST_VERSION = 2
NO_DIGEST = bytes(32)
NOWHERE = 0xFFFFFFFF  # a place in the program that is none
NOW = 0  # a clock that means: at once


class Message:
    """A payload with named fields; `TYPE` is the type of the frame that carries it."""

    TYPE: ClassVar[int]

    def pack(self) -> bytes:
        """The payload. Raises WireError where a value does not fit its field."""
        payload = wire.pack(self)
        if len(payload) > MAX_PAYLOAD:
            raise wire.WireError(f"{type(self).__name__}: {len(payload)} bytes; a payload takes {MAX_PAYLOAD}")
        return payload

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message in a payload. Raises WireError where it is none of this type."""
        return wire.unpack(cls, payload)


class Request(Message):
    """A message that the board answers with exactly one reply."""


class Reply(Message):
    """The answer to a request; `request` is the number of the frame that carried it."""

    request: int


class State(IntEnum):
    """Operating state of a board, which decides what it may do. It starts disarmed, and is again whenever the link is lost."""

    DISARMED = 0
    ARMED = 1
    RUNNING = 2
    FAULT = 3


class Kind(IntEnum):
    """Kinds of uploads."""

    PROGRAM = 1
    ELECTRODES = 2
    LIMITS = 3


class Substrate(IntFlag):
    """Where a program's neurons are: computed by the board's processor, or cells behind the electrodes."""

    TWIN = 1
    CULTURE = 2


class Capability(IntFlag):
    """Abilities of a board other than running programs."""

    STIMULATE = 1
    RAW = 2
    SPIKES = 4
    IMPEDANCE = 8
    TEMPERATURE = 16
    SIMULATED = 32


class Stream(IntEnum):
    """The telemetry streams; stream k is frame type 0x80 + k and counts its frames by itself."""

    SPIKES = 0
    RAW = 1
    STIM = 2
    STATUS = 3
    ENERGY = 4
    LOG = 5


class Refusal(IntEnum):
    """Reasons for which a board refuses a request."""

    MALFORMED = 1
    UNKNOWN = 2
    STATE = 3
    TOO_LARGE = 4
    HASH = 5
    NOT_LOADED = 6
    UNSAFE = 7
    UNABLE = 8
    BANDWIDTH = 9
    BAD_PROGRAM = 10
    BAD_LIMITS = 11
    BAD_ELECTRODES = 12


class Fault(IntEnum):
    """Causes of the state FAULT; NONE without a fault."""

    NONE = 0
    ESTOP = 1
    WATCHDOG = 2
    COMPLIANCE = 3
    CHIP = 4
    OVERRUN = 5
    INTERNAL = 6


class RunStatus(IntEnum):
    """How a run ended."""

    FINISHED = 0
    OUT_OF_FUEL = 1
    INTERRUPTED = 2
    FAILED = 3


class StimOutcome(IntEnum):
    """Outcomes of one pulse on one channel."""

    DELIVERED = 0
    REFUSED = 1
    CUT_SHORT = 2
    LATE = 3
    DROPPED = 4


class Rejection(IntEnum):
    """Why a board opens no session."""

    VERSION = 1
    BUSY = 2


class LogLevel(IntEnum):
    """How much a line of the board's log matters."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


# --- records within messages -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip on the board, by its ROM name in small letters (`rhd2132`) and its number of amplifiers."""

    name: Text
    channels: U16


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The limits of stimulation that are compiled into a firmware; uploaded limits can only be tighter. SI units.

    `current` A and `charge` C per phase and channel, `density` C/m2 per phase, `shannon_k` for Shannon's law in uC and
    uC/cm2, `width_min` and `width_max` s of a phase, `imbalance` net charge as a part of a phase's charge, `rate` Hz and
    `duty` per channel, `electrodes` and `total_current` A at a time, `gap` s between pulses of a channel. `area` m2 of the
    smallest electrode of the board that may stimulate (0: not told); the table of electrodes is the board's own.
    """

    current: F64 = 0.0
    charge: F64 = 0.0
    density: F64 = 0.0
    shannon_k: F64 = 0.0
    width_min: F64 = 0.0
    width_max: F64 = 0.0
    imbalance: F64 = 0.0
    rate: F64 = 0.0
    duty: F64 = 0.0
    electrodes: U16 = 0
    total_current: F64 = 0.0
    gap: F64 = 0.0
    area: F64 = 0.0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Properties and abilities of a board; constant from its start to its end.

    `rx_bytes` is what it can receive ahead of itself, `window` frames at most. `clock_hz` are ticks of the device clock in
    a second, `sample_rate` samples of a channel in a second. `line_rate` is what its transmitter carries in bytes/s
    (0: no fixed rate). `program_bytes`, `neurons` and `lanes` bound a program. `isa_hash` is that of `dictionary.isa_hash`.
    `tick` and `stim_step` are what stimulation is quantised to: the width of a sample in ns and a current step in nA
    (0: no stimulation).
    """

    firmware: Text
    firmware_version: Text
    uid: Text
    clock_hz: U32
    sample_rate: F64
    isa_version: U16
    isa_hash: Digest
    chips: Annotated[tuple[Chip, ...], ListOf(Record(Chip))] = ()
    channels: U16 = 0
    capabilities: Annotated[Capability, Choice(Capability, "u32", "I")] = Capability(0)
    substrates: Annotated[Substrate, Choice(Substrate)] = Substrate.TWIN
    models: Annotated[tuple[str, ...], ListOf(wire.TextForm())] = ()
    abilities: Annotated[tuple[str, ...], ListOf(wire.TextForm())] = ()
    neurons: U32 = 0
    lanes: U16 = 1
    program_bytes: U32 = 0
    max_payload: U16 = MAX_PAYLOAD
    window: U8 = 8
    rx_bytes: U32 = 16384
    line_rate: U32 = 0
    stim_step: U32 = 0
    tick: U32 = 0
    ceilings: Annotated[Ceilings, Record(Ceilings)] = Ceilings()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A default of the model that a run replaces, in SI units."""

    name: Text
    value: F64


class Phase(NamedTuple):
    """One phase of a pulse: a current in nA (negative: cathodic; 0: a pause) for a time in ns. Their product is in aC."""

    current: int
    width: int


class SpikeEvent(NamedTuple):
    """One spike: ticks after the frame's base, the channel (or neuron, of a twin), its peak in steps of 0.195 uV."""

    delta: int
    unit: int
    peak: int


Digests = Annotated[tuple[bytes, ...], ListOf(wire.Fixed(32))]
Counts = Annotated[tuple[int, ...], ListOf(wire.Scalar("u32", "I"))]
Channels = Annotated[tuple[int, ...], ListOf(wire.Scalar("u16", "H"))]
Phases = Annotated[tuple[Phase, ...], Rows("rows of i32 current, u32 width", "iI", Phase, tuple)]
SpikeEvents = Annotated[tuple[SpikeEvent, ...], Rows("rows of u16 delta, u16 unit, i16 peak", "HHh", SpikeEvent, tuple)]
Numbers = Annotated[tuple[float, ...], Rows("f64", "d", float, lambda value: (value,))]
