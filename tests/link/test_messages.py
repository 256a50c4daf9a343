"""Messages: every row of the table on the wire and back, with bytes written by hand."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioasm.hardware.link import dictionary, wire
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.frames import MAX_PAYLOAD
from bioasm.isa.table import ROWS
from tests.link.support import CAPABILITIES

D = bytes(range(32))

SAMPLES: list[m.Message] = [
    m.UploadBegin(m.Kind.LIMITS, 0x01020304, D),
    m.UploadData(7, b"xyz"),
    m.UploadEnd(m.Kind.PROGRAM, D),
    m.Arm(D, 300),
    m.Disarm(),
    m.ClearFault(),
    m.Run(9, D, m.Substrate.CULTURE, (1 << 64) - 1, 3, 10**12, 5, (m.Parameter("tau", 0.02), m.Parameter("T", -0.0))),
    m.Halt(),
    m.Fetch(9, 1000),
    m.Subscribe(0b11, (0, 31, 65535)),
    m.Stimulate((1, 2), 3, 5_000_000, 77, (m.Phase(-1000, 200_000), m.Phase(0, 60_000), m.Phase(1000, 200_000))),
    m.Accepted(65535, 3),
    m.Refused(1, m.Refusal.UNSAFE, "charge", 4e-9, 3e-9, 12, "too much"),
    m.UploadReady(2, True, 10),
    m.Verified(3, m.Kind.ELECTRODES, D),
    m.RunEnded(9, m.RunStatus.FAILED, 10, 0, D, 4, "B402", "register r0 is -1"),
    m.ResultData(9, 0, b"\0\0"),
    m.Faulted(m.Fault.COMPLIANCE, 12345, (3, 4), "channel 3"),
    m.Spikes(1 << 40, (m.SpikeEvent(0, 5, -300), m.SpikeEvent(65535, 65535, 32767))),
    m.Raw(10, 2, bytes(8)),
    m.Stim(99, 3, m.StimOutcome.DELIVERED, "", (-1e-9, 1e-9)),
    m.Status(1, m.State.RUNNING, m.Fault.NONE, 1, 2, 3, (0, 0, 0, 0, 0, 9), 36.5, 3.25, 1 << 63, 9, 10, 20, -12.0),
    m.Energy(3, 1, (0.1, -math.pi)),
    m.Log(5, m.LogLevel.WARNING, "überwacht"),
    m.Hello(1, 2, 1 << 63, "host"),
    m.Welcome(1, 7, 8, m.State.FAULT, (D, D, D), 3, 4, D, CAPABILITIES),
    m.Rejected(7, m.Rejection.BUSY, 1, 1, "in use"),
    m.Ack(True, m.State.ARMED, 4096, 5),
    m.Heartbeat(6),
    m.HeartbeatAck(6, 1 << 50, m.State.ARMED),
    m.Estop(1),
    m.EstopAck(1, 2, m.State.FAULT),
    m.Reset(8),
    m.NoSession(8),
    m.Bye(),
]

# Numbers of types are spoken by firmware: rows may be added here, never changed or taken away.
TYPES = {
    0x01: "UploadBegin", 0x02: "UploadData", 0x03: "UploadEnd", 0x08: "Arm", 0x09: "Disarm", 0x0A: "ClearFault",
    0x10: "Run", 0x11: "Halt", 0x12: "Fetch", 0x18: "Subscribe", 0x19: "Stimulate",
    0x40: "Accepted", 0x41: "Refused", 0x42: "UploadReady", 0x43: "Verified", 0x48: "RunEnded", 0x49: "ResultData",
    0x50: "Faulted", 0x80: "Spikes", 0x81: "Raw", 0x82: "Stim", 0x83: "Status", 0x84: "Energy", 0x85: "Log",
    0xC0: "Hello", 0xC1: "Welcome", 0xC2: "Rejected", 0xC3: "Ack", 0xC4: "Heartbeat", 0xC5: "HeartbeatAck",
    0xC6: "Estop", 0xC7: "EstopAck", 0xC8: "Reset", 0xC9: "NoSession", 0xCA: "Bye",
}  # fmt: skip

# Payloads written by hand from docs/link.md.
BY_HAND = [
    (SAMPLES[0], "03 04030201" + D.hex()),
    (m.UploadData(0x0A, b"\xff\x00"), "0a000000 ff00"),
    (m.Arm(D, 250), D.hex() + "fa00"),
    (m.Disarm(), ""),
    (m.Fetch(1, 2), "01000000 02000000"),
    (m.Subscribe(6, (1, 258)), "0600 02 0100 0201"),
    (m.Stimulate((5,), 2, 10, 1, (m.Phase(-1, 3),)), "01 0500 0200 0a000000 0100000000000000 ffffffff 03000000"),
    (m.Accepted(2, 3), "0200 0300000000000000"),
    (m.UploadReady(1, True, 16), "0100 01 10000000"),
    (m.Spikes(1, (m.SpikeEvent(2, 3, -1),)), "0100000000000000 0200 0300 ffff"),
    (m.Raw(1, 2, b"\x01\x00\xff\xff"), "0100000000000000 0200 0100ffff"),
    (m.Energy(0, 0, (1.0,)), "0000000000000000 0000 000000000000f03f"),
    (m.Log(0, m.LogLevel.ERROR, "no"), "0000000000000000 03 02 6e6f"),
    (m.Hello(1, 1, 0x0102, "b"), "01 01 0201000000000000 01 62"),
    (m.Ack(False, m.State.ARMED, 256, 3), "00 01 00010000 03000000"),
    (m.HeartbeatAck(1, 2, m.State.FAULT), "01000000 0200000000000000 03"),
    (m.Reset(1), "0100000000000000"),
]


def name(value: Any) -> str:
    return type(value).__name__


def test_types_are_never_given_to_another_message() -> None:
    assert {kind: message.__name__ for kind, message in m.BY_TYPE.items()} == TYPES
    assert len(m.BY_TYPE) == len(m.MESSAGES)


def test_there_is_a_sample_of_every_message() -> None:
    assert {name(sample) for sample in SAMPLES} == set(TYPES.values())


@pytest.mark.parametrize("message", SAMPLES, ids=name)
def test_round_trip(message: m.Message) -> None:
    assert m.read(message.TYPE, message.pack()) == message


@pytest.mark.parametrize("message", SAMPLES, ids=name)
def test_payload_cut_or_extended_is_refused_or_another_message(message: m.Message) -> None:
    payload = message.pack()
    for wrong in [payload + b"\0", *[payload[:cut] for cut in range(len(payload))]]:
        try:
            assert m.read(message.TYPE, wrong) != message
        except wire.WireError:
            continue


@pytest.mark.parametrize(("message", "payload"), BY_HAND, ids=[name(row[0]) for row in BY_HAND])
def test_bytes_by_hand(message: m.Message, payload: str) -> None:
    assert message.pack() == bytes.fromhex(payload)


@pytest.mark.parametrize("kind", m.MESSAGES, ids=lambda kind: kind.__name__)
def test_what_goes_to_the_end_is_last(kind: type[m.Message]) -> None:
    open_ended = (wire.Rest, wire.Rows)
    assert not any(isinstance(form, open_ended) for _, form in wire.forms(kind)[:-1])


@pytest.mark.parametrize("kind", m.MESSAGES, ids=lambda kind: kind.__name__)
def test_every_message_is_a_plain_record_of_its_range(kind: type[m.Message]) -> None:
    assert is_dataclass(kind)
    assert len(wire.forms(kind)) == len(fields(kind))
    ranges = [m.reliable_to_board(kind.TYPE), m.reliable_to_host(kind.TYPE), m.telemetry(kind.TYPE), 0xC0 <= kind.TYPE <= 0xCF]
    assert ranges.count(True) == 1
    assert not issubclass(kind, m.Request) or m.reliable_to_board(kind.TYPE)
    assert not issubclass(kind, m.Reply) or m.reliable_to_host(kind.TYPE)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (m.Arm(D[:31], 250), "31 bytes"),
        (m.Arm(D, 70_000), "Arm"),
        (m.Arm(D, -1), "Arm"),
        (m.UploadData(1 << 32, b""), "UploadData"),
        (m.UploadData(0, bytes(1024)), "1028 bytes"),
        (m.Subscribe(1, tuple(range(256))), "256 values"),
        (m.Stimulate((1,), phases=(m.Phase(1 << 31, 1),)), "Stimulate"),
        (m.Heartbeat("x"), "Heartbeat"),  # type: ignore[arg-type]
    ],
)
def test_value_that_does_not_fit_is_refused(message: m.Message, told: str) -> None:
    with pytest.raises(wire.WireError, match=told):
        message.pack()


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (0x00, b""),
        (0x7F, b""),
        (0xFF, b"abc"),
        (0x01, b"\x09" + bytes(36)),
        (0x41, b"\0\0\xff" + bytes(40)),
        (0xC1, bytes(50)),
        (0x85, bytes(9) + b"\x02\xff\xfe"),
        (0x80, bytes(8 + 5)),
        (0x84, bytes(10 + 7)),
    ],
)
def test_payload_that_is_no_message_is_refused(kind: int, payload: bytes) -> None:
    with pytest.raises(wire.WireError):
        m.read(kind, payload)


@given(st.sampled_from(sorted(TYPES)), st.binary(max_size=200))
def test_any_payload_is_a_message_or_one_error(kind: int, payload: bytes) -> None:
    try:
        message = m.read(kind, payload)
    except wire.WireError:
        return
    assert kind == message.TYPE


@pytest.mark.parametrize("text", ["", "a", "x" * 255, "ü" * 127])
def test_text_is_kept(text: str) -> None:
    assert m.Log.unpack(m.Log(0, m.LogLevel.INFO, text).pack()).text == text


@pytest.mark.parametrize("text", ["x" * 256, "ü" * 200, "a" + "€" * 100])
def test_long_text_is_cut_between_letters(text: str) -> None:
    kept = m.Log.unpack(m.Log(0, m.LogLevel.INFO, text).pack()).text
    assert text.startswith(kept)
    assert 250 < len(kept.encode()) <= 255


@pytest.mark.parametrize("flags", [0, 1, 0x80000000, 0xFFFFFFFF])
def test_capabilities_of_later_firmware_are_no_error(flags: int) -> None:
    form = dict(wire.forms(m.Capabilities))["capabilities"]
    assert int(form.unpack(flags.to_bytes(4, "little"), 0)[0]) == flags


@pytest.mark.parametrize("channels", [1, 2, 16, 32, 64])
def test_as_many_scans_as_fit_fill_a_frame(channels: int) -> None:
    scans = m.Raw.scans_per_frame(channels)
    assert len(m.Raw(0, channels, bytes(2 * channels * scans)).pack()) <= MAX_PAYLOAD
    with pytest.raises(wire.WireError):
        m.Raw(0, channels, bytes(2 * channels * (scans + 1))).pack()


def test_capacities_fill_a_frame() -> None:
    m.Spikes(0, (m.SpikeEvent(0, 0, 0),) * m.Spikes.CAPACITY).pack()
    m.Energy(0, 0, (0.0,) * m.Energy.CAPACITY).pack()
    with pytest.raises(wire.WireError):
        m.Spikes(0, (m.SpikeEvent(0, 0, 0),) * (m.Spikes.CAPACITY + 1)).pack()
    with pytest.raises(wire.WireError):
        m.Energy(0, 0, (0.0,) * (m.Energy.CAPACITY + 1)).pack()


def test_samples_of_raw_are_scans_by_channels() -> None:
    raw = m.Raw(0, 2, bytes.fromhex("0100 ffff 0300 0080"))
    assert raw.samples().tolist() == [[1, -1], [3, -32768]]


def test_energies_are_exact() -> None:
    values = (0.1, -1 / 3, 1e-310, float("inf"), 2.0**60 + 2.0**8)
    assert m.Energy.unpack(m.Energy(0, 0, values).pack()).values == values


def test_a_board_with_many_chips_and_models_still_introduces_itself_in_one_frame() -> None:
    many = m.Capabilities(
        *("x" * 60,) * 3, 1, 1.0, 1, D, (m.Chip("rhs2116", 16),) * 16, models=("lif_critical",) * 12, abilities=("record",) * 12
    )
    assert m.Welcome(1, 7, 8, m.State.FAULT, (D, D, D), 3, 4, D, many).pack()


def test_isa_dictionary_holds_every_instruction_and_no_prose() -> None:
    text = dictionary.isa_dictionary().decode("ascii")
    assert all(f'"{row.mnemonic}"' in text for row in ROWS)
    assert all(row.prose not in text for row in ROWS)
    assert len(dictionary.isa_hash()) == 32


def test_isa_hash_changes_with_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dictionary.isa_hash()
    monkeypatch.setattr(dictionary, "ROWS", ROWS[:-1])
    dictionary.isa_dictionary.cache_clear()
    dictionary.isa_hash.cache_clear()
    try:
        assert dictionary.isa_hash() != before
    finally:
        monkeypatch.undo()
        dictionary.isa_dictionary.cache_clear()
        dictionary.isa_hash.cache_clear()
