"""The table of messages: every frame type of the link with the fields of its payload. docs/link.md explains them.

Types 0x01 to 0x3F go reliably from host to board, 0x40 to 0x7F reliably from board to host, 0x80 to 0xBF are telemetry,
0xC0 to 0xCF stand outside of windows and streams. A number is never given to another message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from bioasm.hardware.link import wire
from bioasm.hardware.link.frames import MAX_PAYLOAD
from bioasm.hardware.link.vocabulary import (
    NEWEST_VERSION,
    NO_DIGEST,
    NOW,
    NOWHERE,
    OLDEST_VERSION,
    Capabilities,
    Capability,
    Ceilings,
    Channels,
    Chip,
    Counts,
    Digests,
    Fault,
    Kind,
    LogLevel,
    Message,
    Numbers,
    Parameter,
    Phase,
    Phases,
    Refusal,
    Rejection,
    Reply,
    Request,
    RunStatus,
    SpikeEvent,
    SpikeEvents,
    State,
    StimOutcome,
    Stream,
    Substrate,
)  # fmt: skip
from bioasm.hardware.link.wire import F32, F64, U8, U16, U32, U64, Bool, Bytes, Choice, Digest, ListOf, Record, Text

# --- requests, host to board -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UploadBegin(Request):
    """Announces an upload of `total` bytes with this SHA-256; answered by UploadReady."""

    TYPE: ClassVar[int] = 0x01
    kind: Annotated[Kind, Choice(Kind)]
    total: U32
    sha256: Digest


@dataclass(frozen=True, slots=True)
class UploadData(Message):
    """The next bytes of the upload that was begun last; not answered."""

    TYPE: ClassVar[int] = 0x02
    offset: U32
    data: Bytes


@dataclass(frozen=True, slots=True)
class UploadEnd(Request):
    """All bytes were sent; answered by Verified."""

    TYPE: ClassVar[int] = 0x03
    kind: Annotated[Kind, Choice(Kind)]
    sha256: Digest


@dataclass(frozen=True, slots=True)
class Arm(Request):
    """Allows stimulation within the loaded limits, named by their SHA-256, until the host is silent for `watchdog_ms`."""

    TYPE: ClassVar[int] = 0x08
    limits: Digest
    watchdog_ms: U16 = 250


@dataclass(frozen=True, slots=True)
class Disarm(Request):
    """Ends a run and all stimulation, and forbids more."""

    TYPE: ClassVar[int] = 0x09


@dataclass(frozen=True, slots=True)
class ClearFault(Request):
    """Lets a board leave FAULT for DISARMED."""

    TYPE: ClassVar[int] = 0x0A


@dataclass(frozen=True, slots=True)
class Run(Request):
    """Starts the loaded program, named by its SHA-256. RunEnded with the same `run` tells the end."""

    TYPE: ClassVar[int] = 0x10
    run: U32
    program: Digest
    substrate: Annotated[Substrate, Choice(Substrate)]
    seed: U64
    lanes: U16 = 1
    fuel: U64 = 10**12
    start: U64 = NOW
    parameters: Annotated[tuple[Parameter, ...], ListOf(Record(Parameter))] = ()


@dataclass(frozen=True, slots=True)
class Halt(Request):
    """Ends the run in progress at its next step; what it had is its result."""

    TYPE: ClassVar[int] = 0x11


@dataclass(frozen=True, slots=True)
class Fetch(Request):
    """Asks for the kept result of a run from an offset on; answered by Accepted, then ResultData to its end."""

    TYPE: ClassVar[int] = 0x12
    run: U32
    offset: U32 = 0


@dataclass(frozen=True, slots=True)
class Subscribe(Request):
    """Which streams are sent, as a set of bits 1 << Stream, and which channels RAW holds. Replaces what was before."""

    TYPE: ClassVar[int] = 0x18
    streams: U16
    raw_channels: Channels = ()


@dataclass(frozen=True, slots=True)
class Stimulate(Request):
    """One pulse, `count` times every `period` ns, on channels at a time, from a device clock on. The interlock judges it."""

    TYPE: ClassVar[int] = 0x19
    channels: Channels
    count: U16 = 1
    period: U32 = 0
    at: U64 = NOW
    phases: Phases = ()


# --- replies and events, board to host -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted(Reply):
    """The request is done, or begun where it takes time. `value` is what it yields, a number; 0 where it yields none."""

    TYPE: ClassVar[int] = 0x40
    request: U16 = 0
    value: U64 = 0


@dataclass(frozen=True, slots=True)
class Refused(Reply):
    """The request was not done: why, the limit or thing at fault, its value, what is allowed (NaN: none), where, in words.

    `place` is the index of the instruction of the program, or NOWHERE.
    """

    TYPE: ClassVar[int] = 0x41
    request: U16 = 0
    reason: Annotated[Refusal, Choice(Refusal)] = Refusal.UNABLE
    subject: Text = ""
    value: F64 = float("nan")
    allowed: F64 = float("nan")
    place: U32 = NOWHERE
    text: Text = ""


@dataclass(frozen=True, slots=True)
class UploadReady(Reply):
    """Where the upload goes on: at `offset`, or nowhere where this content is `loaded` already."""

    TYPE: ClassVar[int] = 0x42
    request: U16 = 0
    loaded: Bool = False
    offset: U32 = 0


@dataclass(frozen=True, slots=True)
class Verified(Reply):
    """The upload is whole, its hash is right, and the board took it."""

    TYPE: ClassVar[int] = 0x43
    request: U16 = 0
    kind: Annotated[Kind, Choice(Kind)] = Kind.PROGRAM
    sha256: Digest = NO_DIGEST


@dataclass(frozen=True, slots=True)
class RunEnded(Message):
    """A run ended. Its result of `total` bytes waits to be fetched; `code` and `text` say what went wrong, if anything."""

    TYPE: ClassVar[int] = 0x48
    run: U32
    status: Annotated[RunStatus, Choice(RunStatus)]
    steps: U64
    total: U32
    sha256: Digest
    place: U32 = NOWHERE
    code: Text = ""
    text: Text = ""


@dataclass(frozen=True, slots=True)
class ResultData(Message):
    """The next bytes of a result that is being fetched."""

    TYPE: ClassVar[int] = 0x49
    run: U32
    offset: U32
    data: Bytes


@dataclass(frozen=True, slots=True)
class Faulted(Message):
    """The board went to FAULT and stopped all stimulation, at a device clock; `channels` are those concerned."""

    TYPE: ClassVar[int] = 0x50
    reason: Annotated[Fault, Choice(Fault)]
    clock: U64
    channels: Channels = ()
    text: Text = ""


# --- telemetry, board to host ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spikes(Message):
    """Spikes after a device clock `base`, in the order of time; at most CAPACITY in a frame."""

    TYPE: ClassVar[int] = 0x80 + Stream.SPIKES
    CAPACITY: ClassVar[int] = (MAX_PAYLOAD - 8) // 6
    base: U64
    events: SpikeEvents = ()


@dataclass(frozen=True, slots=True)
class Raw(Message):
    """Samples of the subscribed channels from a device clock `first` on, int16 in steps of 0.195 uV, scan after scan."""

    TYPE: ClassVar[int] = 0x80 + Stream.RAW
    first: U64
    channels: U16
    data: Bytes

    @classmethod
    def scans_per_frame(cls, channels: int) -> int:
        """How many scans of so many channels fit into a frame."""
        return (MAX_PAYLOAD - 10) // (2 * channels)

    def samples(self) -> Any:
        """The samples as an int16 array (scans, channels)."""
        import numpy as np

        return np.frombuffer(self.data, "<i2").reshape(-1, self.channels)


@dataclass(frozen=True, slots=True)
class Stim(Message):
    """Outcome of one pulse on one channel: the charge in C that each phase moved; `limit` names what refused it."""

    TYPE: ClassVar[int] = 0x80 + Stream.STIM
    clock: U64
    channel: U16
    outcome: Annotated[StimOutcome, Choice(StimOutcome)]
    limit: Text = ""
    charges: Numbers = ()


@dataclass(frozen=True, slots=True)
class Status(Message):
    """How the board is, ten times a second: state, what waits and was lost, sensors, how far the run is.

    `dropped` counts frames by stream. `temperature` in C and `supply` in V are NaN where not measured. `compliance` has a
    bit for each channel. `steps` of `run_end` are done; `best_energy` is NaN where there is none.
    """

    TYPE: ClassVar[int] = 0x80 + Stream.STATUS
    clock: U64
    state: Annotated[State, Choice(State)]
    fault: Annotated[Fault, Choice(Fault)] = Fault.NONE
    queued: U32 = 0
    overruns: U32 = 0
    rx_errors: U32 = 0
    dropped: Counts = ()
    temperature: F32 = float("nan")
    supply: F32 = float("nan")
    compliance: U64 = 0
    run: U32 = 0
    steps: U64 = 0
    run_end: U64 = 0
    best_energy: F64 = float("nan")


@dataclass(frozen=True, slots=True)
class Energy(Message):
    """Energies of a lane from entry `first` of its trace on; at most CAPACITY in a frame."""

    TYPE: ClassVar[int] = 0x80 + Stream.ENERGY
    CAPACITY: ClassVar[int] = (MAX_PAYLOAD - 10) // 8
    first: U64
    lane: U16
    values: Numbers = ()


@dataclass(frozen=True, slots=True)
class Log(Message):
    """A line of the board's log."""

    TYPE: ClassVar[int] = 0x80 + Stream.LOG
    clock: U64
    level: Annotated[LogLevel, Choice(LogLevel)]
    text: Text


# --- out of band -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello(Message):
    """A host asks for a session: the protocol versions it speaks, a random nonce, and who it is."""

    TYPE: ClassVar[int] = 0xC0
    oldest: U8
    newest: U8
    nonce: U64
    host: Text = ""


@dataclass(frozen=True, slots=True)
class Welcome(Message):
    """The board opens a session; its number is in the frame's header.

    `boot` is random at each start of the board. `loaded` are the SHA-256 of what is loaded, by Kind (zeros: nothing);
    `result_run`, `result_bytes` and `result_sha256` tell of the result that is kept (run 0: none).
    """

    TYPE: ClassVar[int] = 0xC1
    version: U8
    nonce: U64
    boot: U64
    state: Annotated[State, Choice(State)]
    loaded: Digests
    result_run: U32
    result_bytes: U32
    result_sha256: Digest
    capabilities: Annotated[Capabilities, Record(Capabilities)]


@dataclass(frozen=True, slots=True)
class Rejected(Message):
    """The board opens no session for this nonce, and which protocol versions it speaks."""

    TYPE: ClassVar[int] = 0xC2
    nonce: U64
    reason: Annotated[Rejection, Choice(Rejection)]
    oldest: U8
    newest: U8
    text: Text = ""


@dataclass(frozen=True, slots=True)
class Ack(Message):
    """Every reliable frame before the number in the header arrived; `credit` bytes may follow. `nak`: that one is missing.

    Bit k of `held` says that the frame k + 1 after the missing one is there and need not be sent again.
    """

    TYPE: ClassVar[int] = 0xC3
    nak: Bool
    state: Annotated[State, Choice(State)]
    credit: U32
    held: U32 = 0


@dataclass(frozen=True, slots=True)
class Heartbeat(Message):
    """The host lives; it also asks for the clock."""

    TYPE: ClassVar[int] = 0xC4
    token: U32


@dataclass(frozen=True, slots=True)
class HeartbeatAck(Message):
    """The board lives; its clock when the heartbeat came, and its state."""

    TYPE: ClassVar[int] = 0xC5
    token: U32
    clock: U64
    state: Annotated[State, Choice(State)]


@dataclass(frozen=True, slots=True)
class Estop(Message):
    """Emergency stop, from anyone, in any session or none; repeated until it is acknowledged."""

    TYPE: ClassVar[int] = 0xC6
    token: U32


@dataclass(frozen=True, slots=True)
class EstopAck(Message):
    """Stimulation is off; at which device clock, and the state since."""

    TYPE: ClassVar[int] = 0xC7
    token: U32
    clock: U64
    state: Annotated[State, Choice(State)]


@dataclass(frozen=True, slots=True)
class Reset(Message):
    """Start again, if your boot id is still this one."""

    TYPE: ClassVar[int] = 0xC8
    boot: U64


@dataclass(frozen=True, slots=True)
class NoSession(Message):
    """The frame just received belongs to no open session. Also sent once when a board starts."""

    TYPE: ClassVar[int] = 0xC9
    boot: U64


@dataclass(frozen=True, slots=True)
class Bye(Message):
    """The host ends its session, so that the next one need not wait."""

    TYPE: ClassVar[int] = 0xCA


_HOST_TO_BOARD = (
    UploadBegin, UploadData, UploadEnd, Arm, Disarm, ClearFault, Run, Halt, Fetch, Subscribe, Stimulate,
)  # fmt: skip
_BOARD_TO_HOST = (Accepted, Refused, UploadReady, Verified, RunEnded, ResultData, Faulted)
_TELEMETRY = (Spikes, Raw, Stim, Status, Energy, Log)
_OUT_OF_BAND = (
    Hello, Welcome, Rejected, Ack, Heartbeat, HeartbeatAck, Estop, EstopAck, Reset, NoSession, Bye,
)  # fmt: skip
MESSAGES: tuple[type[Message], ...] = (*_HOST_TO_BOARD, *_BOARD_TO_HOST, *_TELEMETRY, *_OUT_OF_BAND)
BY_TYPE: dict[int, type[Message]] = {message.TYPE: message for message in MESSAGES}


def reliable_to_board(kind: int) -> bool:
    """Whether frames of this type go through the window from host to board."""
    return 0x01 <= kind <= 0x3F


def from_host(kind: int) -> bool:
    """Whether frames of this type are said by a host within its session."""
    return reliable_to_board(kind) or kind in (Ack.TYPE, Heartbeat.TYPE, Bye.TYPE)


def reliable_to_host(kind: int) -> bool:
    """Whether frames of this type go through the window from board to host."""
    return 0x40 <= kind <= 0x7F


def telemetry(kind: int) -> bool:
    """Whether frames of this type belong to a telemetry stream."""
    return 0x80 <= kind <= 0xBF


def read(kind: int, payload: bytes) -> Message:
    """The message of a frame type in a payload. Raises WireError where there is no such type or it does not fit."""
    if kind not in BY_TYPE:
        raise wire.WireError(f"no message has the type {kind:#04x}")
    return BY_TYPE[kind].unpack(payload)


__all__ = [
    "Accepted", "Ack", "Arm", "BY_TYPE", "Bye", "Capabilities", "Capability", "Ceilings", "Chip", "ClearFault",
    "Disarm", "Energy", "Estop", "EstopAck", "Fault", "Faulted", "Fetch", "Halt", "Heartbeat", "HeartbeatAck", "Hello",
    "Kind", "Log", "LogLevel", "MESSAGES", "Message", "NEWEST_VERSION", "NOW", "NOWHERE", "NO_DIGEST", "NoSession",
    "OLDEST_VERSION", "Parameter", "Phase", "Raw", "Refusal", "Refused", "Rejected", "Rejection", "Reply", "Request",
    "Reset", "ResultData", "Run", "RunEnded", "RunStatus", "SpikeEvent", "Spikes", "State", "Status", "Stim",
    "StimOutcome", "Stimulate", "Stream", "Subscribe", "Substrate", "UploadBegin", "UploadData", "UploadEnd",
    "UploadReady", "Verified", "Welcome", "read", "reliable_to_board", "reliable_to_host", "telemetry",
]  # fmt: skip
