"""The firmware's end of the link, over a pseudo-terminal: faults of the line, sessions, uploads, stops."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bioasm.binary.writer import canonical_bytes
from bioasm.drivers.intan import driver as intan
from bioasm.drivers.intan.driver import IntanDriver
from bioasm.hardware.link import frames
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.dictionary import isa_hash
from bioasm.hardware.link.errors import BoardRefused
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.messages import Kind, Refusal, State, Substrate
from bioasm.hardware.link.serial_port import open_port
from bioasm.hardware.link.transport import Transport
from bioasm.loading import from_text, load
from bioasm.results.transfer import unpack_result
from bioasm.runtime.options import RunOptions
from bioasm.verifier.gate import verify
from tests.firmware.boards import PATIENCE, FaultyWire
from tests.firmware.support import differences, on_cpu

PROGRAMS = Path(__file__).resolve().parents[2] / "programs"
ENDLESS = "MODEL ising\nALC 64\nSIG 1\nforever:\nRUN 1000\nJMP forever\n"


@contextmanager
def linked(port: str) -> Iterator[HostLink]:
    link = HostLink(open_port(port, 1_000_000), "tests")
    try:
        link.connect(10.0)
        yield link
    finally:
        link.close()


def bytecode(text: str) -> bytes:
    return canonical_bytes(from_text(text, source="test", folder=Path()))


def started(link: HostLink, data: bytes, seed: int = 1) -> None:
    link.upload(Kind.PROGRAM, data)
    link.request(m.Run(7, hashlib.sha256(data).digest(), Substrate.TWIN, seed))


def ended(link: HostLink) -> m.RunEnded:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        event = link.next_event(0.1)
        if event is not None and isinstance(event.message, m.RunEnded):
            return event.message
    raise AssertionError("the end of the run was not told")


class Raw:
    """A wire of frames, without a session's help."""

    def __init__(self, port: str) -> None:
        self.wire: Transport = open_port(port, 1_000_000)
        self.decoder = frames.Decoder()
        self.heard: list[frames.Frame] = []
        self.taken: set[tuple[int, int]] = set()  # sessions and numbers of reliable frames

    def say(self, kind: int, payload: bytes = b"", session: int = 0, seq: int = 0) -> None:
        data = frames.encode(frames.Frame(kind, session, seq, payload))
        while data:
            data = data[self.wire.write(data) :]

    def _is_new(self, frame: frames.Frame) -> bool:
        """Whether a frame is not one that was sent again because its acknowledgement came late."""
        reliable, before = m.reliable_to_host(frame.type), len(self.taken)
        self.taken |= {(frame.session, frame.seq)} if reliable else set()
        return not reliable or len(self.taken) > before

    def wait(self, *kinds: type[m.Message]) -> frames.Frame:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            self.heard += filter(self._is_new, self.decoder.feed(self.wire.read(0.05)))
            for frame in self.heard:
                if frame.type in {kind.TYPE for kind in kinds}:
                    self.heard.remove(frame)
                    return frame
        raise AssertionError(f"none of {kinds} came")


@contextmanager
def raw(port: str) -> Iterator[Raw]:
    made = Raw(port)
    try:
        yield made
    finally:
        made.wire.close()


def test_greeting_names_what_python_names(port: str) -> None:
    with linked(port) as link:
        board = link.capabilities
        assert board.isa_hash == isa_hash()
        assert {"ising", "lif_critical"} <= set(board.models)
        assert link.state is State.DISARMED


@pytest.mark.parametrize("seed", range(2))
def test_results_over_a_line_with_every_fault(port: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chances = {"loss": 0.05, "corrupt": 0.05, "truncate": 0.02, "duplicate": 0.05, "delay": 0.05}
    monkeypatch.setattr(intan, "open_wire", lambda options: FaultyWire(options.port, seed, **chances))
    program = load(str(PROGRAMS / "tsp5.basm"))
    mine = IntanDriver(port=port).run(verify(program), RunOptions(seed=3))
    assert set(differences(mine, on_cpu(program, 3))) <= {"metadata"}


def test_an_upload_goes_on_where_it_was_broken_off(port: str) -> None:
    data = bytecode("MODEL ising\nALC 3\nSIG 1\nRUN 5\nRD\n" + "\n".join(f"OUT {k}" for k in range(300)))
    begin = m.UploadBegin(Kind.PROGRAM, len(data), hashlib.sha256(data).digest()).pack()
    with raw(port) as one:
        one.say(m.Hello.TYPE, m.Hello(2, 2, 11).pack())
        session = one.wait(m.Welcome).session
        one.say(1, begin, session, 0)
        one.say(2, m.UploadData(0, data[:900]).pack(), session, 1)
        one.say(2, m.UploadData(950, data[950:1000]).pack(), session, 2)  # joins to nothing
        one.say(m.Bye.TYPE, b"", session)
        one.say(m.Hello.TYPE, m.Hello(2, 2, 12).pack())
        session = one.wait(m.Welcome).session
        one.heard.clear()
        one.say(1, begin, session, 0)
        assert m.UploadReady.unpack(one.wait(m.UploadReady).payload).offset == 900
        one.say(m.Bye.TYPE, b"", session)
    with linked(port) as link:
        started(link, data)
        result = unpack_result(link.fetch(ended(link)))
        assert not link.upload(Kind.PROGRAM, data)  # it is loaded already
    assert len(result.results) == 301


def test_one_host_at_a_time(port: str) -> None:
    with raw(port) as one:
        one.say(m.Hello.TYPE, m.Hello(2, 2, 11).pack())
        session = one.wait(m.Welcome).session
        one.say(m.Hello.TYPE, m.Hello(2, 2, 12).pack())
        assert m.Rejected.unpack(one.wait(m.Rejected).payload).reason is m.Rejection.BUSY
        one.say(m.Hello.TYPE, m.Hello(3, 9, 13).pack())
        assert m.Rejected.unpack(one.wait(m.Rejected).payload).reason is m.Rejection.VERSION
        one.say(m.Hello.TYPE, m.Hello(2, 2, 11).pack())
        assert one.wait(m.Welcome).session == session
        one.say(m.Bye.TYPE, b"", session)
        one.say(m.Hello.TYPE, m.Hello(2, 2, 14).pack())
        assert one.wait(m.Welcome).session == session % 255 + 1
        one.heard.clear()
        one.say(m.Heartbeat.TYPE, m.Heartbeat(1).pack(), session)
        assert one.wait(m.NoSession).session == session


def test_heartbeats_that_do_not_rise_are_no_signs_of_life(port: str) -> None:
    with raw(port) as one:
        one.say(m.Hello.TYPE, m.Hello(2, 2, 11).pack())
        session = one.wait(m.Welcome).session
        for token in (5, 5, 4, 6):
            one.say(m.Heartbeat.TYPE, m.Heartbeat(token).pack(), session)
        assert m.HeartbeatAck.unpack(one.wait(m.HeartbeatAck).payload).token == 5
        assert m.HeartbeatAck.unpack(one.wait(m.HeartbeatAck).payload).token == 6


def test_every_request_is_answered_whatever_it_holds(port: str) -> None:
    with raw(port) as one:
        one.say(m.Hello.TYPE, m.Hello(2, 2, 11).pack())
        session, rng = one.wait(m.Welcome).session, random.Random(5)
        kinds = [1, 3, 8, 9, 10, 16, 17, 18, 24, 25, 0x2A, 0x3F]
        for seq, kind in enumerate(kinds * 8):
            one.say(kind, rng.randbytes(rng.choice((0, 1, 7, 33, 34, 37, 1024))), session, seq)
            reply = one.wait(m.Accepted, m.Refused)
            one.say(m.Ack.TYPE, m.Ack(False, State.DISARMED, 4096, 0).pack(), session, seq + 1)
            assert int.from_bytes(reply.payload[:2], "little") == seq


def test_noise_on_the_line_does_no_harm(port: str) -> None:
    rng, noise = random.Random(3), 0
    with raw(port) as one:
        one.say(m.Hello.TYPE, m.Hello(2, 2, 20).pack())
        opened = one.wait(m.Welcome)
        one.say(m.Bye.TYPE, b"", opened.session)
        for _ in range(60):
            data = rng.randbytes(rng.randrange(1500))
            noise += data.count(0)
            while data:
                data = data[one.wire.write(data) :]
        one.wire.write(b"\0")
        one.say(m.Hello.TYPE, m.Hello(2, 2, 21).pack())
        before, after = m.Welcome.unpack(opened.payload), m.Welcome.unpack(one.wait(m.Welcome).payload)
        one.heard.clear()
        status = m.Status.unpack(one.wait(m.Status).payload)
    assert after == replace(before, nonce=21)  # it did not start again, and took nothing for an upload or a run
    assert (status.state, status.fault, status.run) == (State.DISARMED, 0, 0)
    assert 0 < status.rx_errors <= noise + 1  # empty frames are none


def test_emergency_stop_is_answered_while_a_program_runs(port: str) -> None:
    with linked(port) as link:
        started(link, bytecode(ENDLESS))
        link.estop(10.0)  # the program would run for ever
        assert ended(link).status is m.RunStatus.INTERRUPTED
        assert link.state is State.FAULT
        with pytest.raises(BoardRefused) as refused:
            link.request(m.Run(8, bytes(32), Substrate.TWIN, 1))
        assert refused.value.refused.reason is Refusal.STATE
        link.request(m.ClearFault())
        link.request(m.Disarm())


def test_a_run_is_halted_and_its_result_kept_over_a_session(port: str) -> None:
    with linked(port) as link:
        started(link, bytecode(ENDLESS))
        time.sleep(0.2)
        link.request(m.Halt())
        told = ended(link)
        assert told.status is m.RunStatus.INTERRUPTED
    with linked(port) as link:
        assert link.welcome.result_run == 7
        result = unpack_result(link.fetch(told))
    assert result.status == "interrupted"
    assert result.steps == told.steps > 0


def test_a_fault_in_the_run_is_told_with_its_place(port: str) -> None:
    with linked(port) as link:
        started(link, bytecode("MODEL ising\nALC 2\nRUN 3\nMOV r0, -1\nRUN r0\n"))
        told = ended(link)
        assert (told.status, told.code, told.place) == (m.RunStatus.FAILED, "B402", 4)
        assert told.text == "RUN got what is no duration"
        result = unpack_result(link.fetch(told))
    assert [d.code for d in result.diagnostics] == ["B402"]
    assert result.steps == 3


def test_a_session_that_falls_silent_ends_its_run(port: str) -> None:
    with raw(port) as one:
        data = bytecode(ENDLESS)
        digest = hashlib.sha256(data).digest()
        one.say(m.Hello.TYPE, m.Hello(2, 2, 11).pack())
        session = one.wait(m.Welcome).session
        one.say(1, m.UploadBegin(Kind.PROGRAM, len(data), digest).pack(), session, 0)
        one.say(2, m.UploadData(0, data).pack(), session, 1)
        one.say(3, m.UploadEnd(Kind.PROGRAM, digest).pack(), session, 2)
        one.say(16, m.Run(9, digest, Substrate.TWIN, 1).pack(), session, 3)
        one.wait(m.Accepted)
        time.sleep(2.3)
        until, answer = time.monotonic() + PATIENCE, m.Rejected.TYPE
        while answer != m.Welcome.TYPE and time.monotonic() < until:  # QEMU's clock is behind where the computer is busy
            time.sleep(0.1)
            one.say(m.Hello.TYPE, m.Hello(2, 2, 12).pack())
            heard = one.wait(m.Welcome, m.Rejected)
            answer = heard.type
        welcome = m.Welcome.unpack(heard.payload)
    assert (welcome.state, welcome.result_run) == (State.DISARMED, 9)


def test_reset_needs_the_boot_id(port: str) -> None:
    with raw(port) as one:
        one.say(m.Hello.TYPE, m.Hello(2, 2, 11).pack())
        boot = m.Welcome.unpack(one.wait(m.Welcome).payload).boot
        one.heard.clear()
        one.say(m.Reset.TYPE, m.Reset(boot ^ 1).pack())
        one.say(m.Reset.TYPE, m.Reset(boot).pack())
        assert m.NoSession.unpack(one.wait(m.NoSession).payload).boot != boot
