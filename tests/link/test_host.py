"""The host's calls over real wires: memory, a pseudo-terminal, a socket; and wires that break."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from random import Random

import pytest

from bioasm.diagnostics import EXIT_DEVICE, BioasmError
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.device import DeviceLink
from bioasm.hardware.link.errors import BoardRefused, LinkLost
from bioasm.hardware.link.frames import Decoder
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.messages import Kind, State
from bioasm.hardware.link.serial_port import open_port, ports
from bioasm.hardware.link.transport import Closed, PtyServer, Transport, memory_pair
from tests.link.support import CAPABILITIES, FakeBoard

DATA = Random(4).randbytes(30_000)
ENDED = m.RunEnded(5, m.RunStatus.FINISHED, 100, 0, m.NO_DIGEST)


class Served:
    """A board that works in a thread of its own, as an emulated one does."""

    def __init__(self, end: Transport) -> None:
        self.end, self.board = end, FakeBoard()
        self.link = DeviceLink(self.board, CAPABILITIES, boot=77)
        self.lock = threading.Lock()
        self.paused = False
        self._stop = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        waiting = b""
        while not self._stop:
            try:
                data = self.end.read(0.002)
                with self.lock:
                    if not self.paused:
                        self.board.now = time.monotonic()
                        self.link.receive(data, self.board.now)
                        waiting = waiting or self.link.poll(self.board.now, 4096)
                waiting = waiting[self.end.write(waiting) :]
            except Closed:
                return

    def stop(self) -> None:
        """End the board's thread."""
        self._stop = True
        self._thread.join()


@contextmanager
def over_memory() -> Iterator[tuple[HostLink, Served]]:
    """A host and a board in one process."""
    here, there = memory_pair()
    served = Served(there)
    with HostLink(here) as link:
        link.connect()
        yield link, served
    served.stop()


@contextmanager
def over_pty() -> Iterator[tuple[HostLink, Served]]:
    """A host that opens a pseudo-terminal by its path, through pyserial."""
    pytest.importorskip("serial", reason="pyserial is not installed")
    end = PtyServer()
    served = Served(end)
    with HostLink(open_port(end.path)) as link:
        link.connect()
        yield link, served
    served.stop()
    end.close()


@contextmanager
def over_socket() -> Iterator[tuple[HostLink, Served]]:
    """A host that opens socket://, through pyserial."""
    pytest.importorskip("serial", reason="pyserial is not installed")
    listener = socket.create_server(("127.0.0.1", 0))
    transport = open_port(f"socket://127.0.0.1:{listener.getsockname()[1]}")
    connection, _ = listener.accept()
    served = Served(SocketEnd(connection))
    with HostLink(transport) as link:
        link.connect()
        yield link, served
    served.stop()
    connection.close()
    listener.close()


class SocketEnd(Transport):
    """The board's end of a socket."""

    name = "socket"

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def read(self, timeout: float) -> bytes:
        self.connection.settimeout(timeout)
        try:
            data = self.connection.recv(4096)
        except TimeoutError:
            return b""
        except OSError as cause:
            raise Closed(str(cause)) from cause
        if not data:
            raise Closed("the other end is gone")
        return data

    def write(self, data: bytes) -> int:
        try:
            return self.connection.send(data) if data else 0
        except OSError as cause:
            raise Closed(str(cause)) from cause

    def discard_output(self) -> None:
        return

    def close(self) -> None:
        self.connection.close()


WIRES = [over_memory, over_pty, over_socket]
Wire = Callable[[], "contextmanager[tuple[HostLink, Served]]"]  # type: ignore[type-arg]


@pytest.mark.parametrize("wire", WIRES)
def test_everything_a_driver_does(wire: Wire) -> None:
    with wire() as (link, served):  # type: ignore[attr-defined]
        assert link.capabilities == CAPABILITIES
        assert link.kept_result() is None
        seen: list[tuple[int, int]] = []
        assert link.upload(Kind.PROGRAM, DATA, lambda done, total: seen.append((done, total)))
        assert seen[-1] == (len(DATA), len(DATA))
        assert not link.upload(Kind.PROGRAM, DATA)
        assert served.board.taken[Kind.PROGRAM] == DATA
        assert isinstance(link.request(m.Arm(sha256(b"").digest(), 500)), m.Accepted)
        with served.lock:
            served.link.offer_result(ENDED, DATA)
        event = link.next_event(5.0)
        assert event is not None
        assert isinstance(event.message, m.RunEnded)
        assert link.fetch(event.message) == DATA
        assert link.estop().state is State.FAULT
        assert link.state is State.FAULT
        assert served.board.stops
        assert link.statistics.as_dict()["errors"]["bytes"] == 0


@pytest.mark.parametrize("wire", WIRES)
def test_wire_that_goes_away_is_link_lost_with_exit_code_3(wire: Wire) -> None:
    with wire() as (link, served):  # type: ignore[attr-defined]
        served.stop()
        served.end.close()
        with pytest.raises(LinkLost) as caught:
            for _ in range(100):
                link.request(m.Halt())
        assert caught.value.exit_code == EXIT_DEVICE
        assert caught.value.diagnostics[0].code == "B504"
        with pytest.raises(LinkLost):
            link.next_event(0.1)
        with pytest.raises(LinkLost):
            link.upload(Kind.PROGRAM, DATA)


def test_events_before_a_loss_are_told_before_it() -> None:
    with over_memory() as (link, served):
        with served.lock:
            served.link.send(m.Faulted(m.Fault.CHIP, 1, (), "no chip"))
        while not link._session._events:
            time.sleep(0.002)
        served.stop()
        served.end.close()
        event = link.next_event(1.0)
        assert event is not None
        assert event.message == m.Faulted(m.Fault.CHIP, 1, (), "no chip")
        with pytest.raises(LinkLost):
            for _ in range(100):
                link.next_event(0.1)


def test_no_event_is_none() -> None:
    with over_memory() as (link, _):
        assert link.next_event(0.01) is None


def test_refusal_and_value_that_does_not_fit() -> None:
    with over_memory() as (link, _):
        with pytest.raises(BoardRefused, match="B514"):
            link.request(m.Stimulate((1,), phases=(m.Phase(1000, 5000),)))
        with pytest.raises(BioasmError, match="B517"):
            link.request(m.Stimulate((70_000,)))
        assert isinstance(link.request(m.Halt()), m.Accepted)


def test_board_that_says_nothing_is_told() -> None:
    here, _ = memory_pair()
    with HostLink(here) as link, pytest.raises(BioasmError, match="B510") as caught:
        link.connect(timeout=0.15)
    assert caught.value.exit_code == EXIT_DEVICE


def test_what_needs_a_session_is_told_before_there_is_one() -> None:
    here, _ = memory_pair()
    with HostLink(here) as link:
        with pytest.raises(BioasmError, match="B510"):
            _ = link.capabilities
        with pytest.raises(BioasmError, match="B510"):
            link.upload(Kind.PROGRAM, b"")


def test_board_that_does_not_answer_a_request_is_told() -> None:
    with over_memory() as (link, served):
        with served.lock:
            served.paused = True
        with pytest.raises(BioasmError, match="B516"):
            link.request(m.Halt(), timeout=0.1)
        with pytest.raises(LinkLost, match="emergency stop"):
            link.estop(timeout=0.1)


def test_emergency_stop_does_not_wait_behind_what_the_wire_holds() -> None:
    with over_memory() as (link, served):
        served.stop()
        served.end.read(0.01)
        link.transport.write(b"\x01" * 5000)
        with pytest.raises(LinkLost):
            link.estop(timeout=0.05)
        first = next(Decoder().feed(served.end.read(0.0)))
        assert first.type == m.Estop.TYPE


def test_board_that_restarted_is_told() -> None:
    with over_memory() as (link, served):
        with served.lock:
            served.link = DeviceLink(served.board, CAPABILITIES, boot=78)
        with pytest.raises(LinkLost, match="started anew"):
            for _ in range(100):
                link.request(m.Halt())


def test_defect_in_the_thread_ends_every_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    with over_memory() as (link, _):
        monkeypatch.setattr(link._session, "receive", lambda data, now: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            link.upload(Kind.PROGRAM, DATA)


def test_closed_link_is_told_and_closing_twice_does_no_harm() -> None:
    with over_memory() as (link, _):
        link.close()
        with pytest.raises(LinkLost, match="closed here"):
            link.request(m.Halt())
        link.close()


def test_next_host_connects_at_once_after_a_close_and_finds_the_result() -> None:
    end = PtyServer()
    pytest.importorskip("serial", reason="pyserial is not installed")
    served = Served(end)
    with HostLink(open_port(end.path)) as first:
        first.connect()
        with served.lock:
            served.link.offer_result(ENDED, DATA)
    with HostLink(open_port(end.path)) as second:
        second.connect()
        assert served.board.lost == ["the host closed it"]  # it did not have to wait for the first one's silence
        kept = second.kept_result()
        assert kept is not None
        assert second.fetch(kept) == DATA
    served.stop()
    end.close()


def test_threads_share_a_link() -> None:
    with over_memory() as (link, served):
        failed: list[BaseException] = []

        def work(kind: Kind) -> None:
            try:
                for k in range(5):
                    link.upload(kind, bytes([k]) * 5000)
                    link.request(m.Halt())
            except BaseException as fault:
                failed.append(fault)

        workers = [threading.Thread(target=work, args=(kind,)) for kind in Kind]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert not failed
        assert served.board.taken == dict.fromkeys(Kind, bytes([4]) * 5000)


# --- wires ------------------------------------------------------------------------------------------


def test_memory_takes_what_it_holds() -> None:
    here, there = memory_pair(capacity=10)
    assert here.write(b"0123456789abc") == 10
    assert here.write(b"x") == 0
    assert there.read(0.0) == b"0123456789"
    assert there.read(0.0) == b""


def test_memory_discards_what_was_not_read() -> None:
    here, there = memory_pair()
    here.write(b"abc")
    here.discard_output()
    assert there.read(0.0) == b""


@pytest.mark.parametrize("end", [0, 1])
def test_closed_memory_is_closed_for_both(end: int) -> None:
    pair = memory_pair()
    pair[end].close()
    for transport in pair:
        with pytest.raises(Closed):
            transport.read(0.0)
        with pytest.raises(Closed):
            transport.write(b"x")


def test_pty_carries_every_byte_both_ways() -> None:
    pytest.importorskip("serial", reason="pyserial is not installed")
    end = PtyServer()
    host = open_port(end.path)
    every = bytes(range(256)) * 4
    assert end.write(every) == len(every)
    assert host.write(every) == len(every)
    for transport in (host, end):
        got = b""
        while len(got) < len(every):
            piece = transport.read(1.0)
            assert piece
            got += piece
        assert got == every
    end.close()
    with pytest.raises(Closed, match="the other end is gone"):
        host.read(1.0)
    host.close()


def test_pty_that_nobody_reads_takes_some_and_never_waits() -> None:
    end = PtyServer()
    taken = 0
    while (n := end.write(bytes([1]) * 4096)) and taken < 1 << 22:
        taken += n
    assert 0 < taken < 1 << 22
    end.discard_output()
    end.close()
    with pytest.raises(Closed):
        end.write(b"x")
    with pytest.raises(Closed):
        end.read(0.0)


def test_second_program_can_not_open_the_port() -> None:
    pytest.importorskip("serial", reason="pyserial is not installed")
    end = PtyServer()
    first = open_port(end.path)
    with pytest.raises(BioasmError, match="B511.*another program has it open"):
        open_port(end.path)
    first.close()
    open_port(end.path).close()
    end.close()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("/dev/no-such-port", "there is no such port"),
        ("COM999", "port COM999"),
        ("nonsense://x", "nonsense"),
        ("socket://127.0.0.1:1", "nobody listens there"),
        ("socket://", "socket://HOST:PORT"),
        ("socket://bad", "socket://HOST:PORT"),
        ("socket://127.0.0.1:99999", "socket://HOST:PORT"),
        ("/dev/null", "it is no serial port"),
        ("/tmp", "it is no serial port"),
        (__file__, "it is no serial port"),
        ("", "B511"),
    ],
)
def test_port_that_can_not_be_opened_is_told(url: str, told: str) -> None:
    pytest.importorskip("serial", reason="pyserial is not installed")
    with pytest.raises(BioasmError, match=told) as caught:
        open_port(url)
    assert caught.value.diagnostics[0].code == "B511"
    assert caught.value.exit_code == EXIT_DEVICE


def test_own_terminal_is_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("serial", reason="pyserial is not installed")
    end = PtyServer()
    monkeypatch.setattr(os, "ttyname", lambda stream: end.path)
    try:
        for url in (end.path, "/dev/tty"):
            with pytest.raises(BioasmError, match="the terminal that you are using"):
                open_port(url)
    finally:
        end.close()


def test_missing_pyserial_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    for call in (lambda: open_port("/dev/ttyACM0"), ports):
        with pytest.raises(BioasmError, match="B503") as caught:
            call()
        assert "bioasm[intan]" in (caught.value.diagnostics[0].hint or "")


def test_ports_can_be_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    listing = pytest.importorskip("serial.tools.list_ports", reason="pyserial is not installed")
    common = pytest.importorskip("serial.tools.list_ports_common")
    there = [common.ListPortInfo(f"/dev/ttyACM{k}") for k in (1, 0)]
    there[0].description = "a board"
    monkeypatch.setattr(listing, "comports", lambda: there)
    assert ports() == [("/dev/ttyACM0", "n/a"), ("/dev/ttyACM1", "a board")]


@pytest.mark.parametrize(("baud", "rate"), [(115_200, 11_520.0), (1_000_000, 100_000.0)])
def test_rate_is_told_of_uarts_only(baud: int, rate: float) -> None:
    from bioasm.hardware.link.serial_port import SerialTransport

    class Port:
        """A port without a file to wait for, as on Windows."""

        in_waiting = 3

        def read(self, size: int) -> bytes:
            return b"abc"

        def write(self, data: bytes) -> int:
            return len(data)

    transport = SerialTransport(Port(), "/dev/ttyUSB0", baud)
    assert transport.line_rate == rate
    assert transport.read(0.1) == b"abc"
    assert transport.write(b"xyz") == 3
    assert SerialTransport(Port(), "COM3", baud).line_rate == rate
    for url in ("/dev/ttyACM0", "/dev/pts/3", "socket://h:1"):
        assert SerialTransport(Port(), url, baud).line_rate is None
