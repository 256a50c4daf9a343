"""The serial link: what decoding telemetry costs, how long uploads take, how fast a board answers.

    python bench/link.py

Decoding is measured in processor time of one core: the bytes of one second of raw channels go through the host's whole
end (COBS, CRC-32, numbers, messages, samples as arrays). Uploads run in virtual time over a line paced at a baud rate,
and are compared with the time that the line needs for the payload alone. Answers are measured over a pseudo-terminal
within this process, pyserial on the host's side.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import start, table

from bioasm.hardware.link import cobs, frames
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.channel import Channel
from bioasm.hardware.link.frames import Frame
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.serial_port import open_port
from bioasm.hardware.link.transport import Closed, PtyServer
from tests.link.support import CAPABILITIES, DeviceLink, FakeBoard, Line

READ = 4096  # bytes that a read of a port brings, about


def processor_time(work: Callable[[], object], rounds: int = 5) -> float:
    """The median of the processor time of some rounds, in s."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return median(times)


def raw_stream(channels: int, rate: int, session: int) -> bytes:
    """One second of telemetry, as it is on the wire; samples as noise of some 5 uV makes them."""
    random = Random(1)
    scans = m.Raw.scans_per_frame(channels)
    noise = b"".join(int(random.gauss(0, 25)).to_bytes(2, "little", signed=True) for _ in range(1 << 16))
    stream = bytearray()
    for k, at in enumerate(range(0, rate, scans)):
        begin = 2 * random.randrange((1 << 16) - channels * scans)
        message = m.Raw(at, channels, noise[begin : begin + 2 * channels * min(scans, rate - at)])
        stream += frames.encode(Frame(message.TYPE, session, k % 65536, message.pack()))
    return bytes(stream)


def decode(stream: bytes) -> tuple[int, int]:
    """Take a stream in as a host does; returns samples and frames lost."""
    line = Line().open()
    host = line.host
    host._end.session = 1
    samples = lost = 0
    for at in range(0, len(stream), READ):
        host.receive(stream[at : at + READ], line.now)
        while (event := host.next_event()) is not None:
            lost += event.lost
            if isinstance(event.message, m.Raw):
                samples += event.message.samples().size
    return samples, lost


def telemetry() -> None:
    """Processor time of a second of raw channels."""
    rows = []
    for channels, rate in ((32, 20_000), (32, 30_000), (64, 30_000), (128, 25_000)):
        stream = raw_stream(channels, rate, session=1)
        assert decode(stream) == (channels * rate, 0)
        used = processor_time(lambda stream=stream: decode(stream))  # type: ignore[misc]
        rows.append((f"{channels} x {rate // 1000} kHz", f"{len(stream) / 1e6:.2f}", f"{100 * used:.1f} %", "0"))
    table(("raw telemetry", "MB/s", "of one core", "frames lost"), rows)


def stuffing() -> None:
    """COBS alone, on full frames."""
    random = Random(2)
    contents = {
        "random bytes": random.randbytes(1032),
        "int16 noise of a few steps": b"".join(
            random.randrange(-20, 20).to_bytes(2, "little", signed=True) for _ in range(516)
        ),
        "zeros": bytes(1032),
    }
    rows = []
    for name, data in contents.items():
        stuffed = cobs.encode(data)
        there = processor_time(lambda data=data: [cobs.encode(data) for _ in range(2000)])  # type: ignore[misc]
        back = processor_time(lambda stuffed=stuffed: [cobs.decode(stuffed) for _ in range(2000)])  # type: ignore[misc]
        rows.append((name, f"{2000 * 1032 / there / 1e6:.0f}", f"{2000 * 1032 / back / 1e6:.0f}"))
    table(("COBS of 1 KiB", "encode MB/s", "decode MB/s"), rows)


def uploads() -> None:
    """Virtual time of uploads of J 128 x 128 over a paced line."""
    rows = []
    for baud in (115_200, 1_000_000, 10_000_000):
        for name, size in (("int16", 32_768), ("float64", 131_072)):
            for loss in (0.0, 0.05):
                rate = baud / 10
                line = Line(Channel(rate, seed=1, loss=loss), Channel(rate, seed=2, loss=loss)).open()
                began = line.now
                line.upload(m.Kind.PROGRAM, Random(3).randbytes(size))
                took, alone = line.now - began, size / rate
                resent = str(line.host.statistics.resent)
                rows.append((f"{baud}", name, f"{loss:.0%}", f"{took * 1e3:.0f}", f"{took / alone:.3f}", resent))
    table(("baud", "J 128 x 128", "loss both ways", "ms", "x the payload's line time", "frames resent"), rows)


def serve(link: DeviceLink, board: FakeBoard, end: PtyServer) -> None:
    """A board's loop, until its wire is closed."""
    waiting = b""
    while True:
        try:
            data = end.read(0.002)
            board.now = time.monotonic()
            link.receive(data, board.now)
            waiting = waiting or link.poll(board.now, READ)
            waiting = waiting[end.write(waiting) :]
        except Closed:
            return


def answers() -> None:
    """Wall-clock times over a pseudo-terminal."""
    end, board = PtyServer(), FakeBoard(most=1 << 26)
    worker = threading.Thread(target=serve, args=(DeviceLink(board, CAPABILITIES, 1), board, end), daemon=True)
    worker.start()
    with HostLink(open_port(end.path)) as link:
        link.connect()
        times = []
        for _ in range(1000):
            began = time.perf_counter()
            link.request(m.Halt())
            times.append(time.perf_counter() - began)
        data = Random(1).randbytes(1 << 22)
        began = time.perf_counter()
        link.upload(m.Kind.PROGRAM, data)
        speed = len(data) / (time.perf_counter() - began)
        began = time.perf_counter()
        link.estop()
        stop = time.perf_counter() - began
    middle, late = median(times) * 1e6, quantiles(times, n=100)[98] * 1e6
    row = (f"{middle:.0f} us", f"{late:.0f} us", f"{stop * 1e3:.1f} ms", f"{speed / 1e6:.1f} MB/s")
    table(("request, median", "99 %", "emergency stop", "upload of 4 MiB"), [row])
    end.close()
    worker.join(1.0)


if __name__ == "__main__":
    start("The serial link", "pyserial", "numpy")
    telemetry()
    stuffing()
    uploads()
    answers()
