"""Uploads, requests and results over lines with every kind of fault: they arrive byte for byte, or the link ends cleanly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from random import Random

import numpy as np
import pytest

from bioasm.diagnostics import EXIT_DEVICE, BioasmError
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.budget import line_rate, upload_bytes
from bioasm.hardware.link.channel import Channel
from bioasm.hardware.link.errors import BoardRefused, LinkLost
from bioasm.hardware.link.messages import Kind, Refusal
from bioasm.hardware.link.session import Phase
from tests.link.support import BOOT, CONTENTS, RUN, Line, lossy

Lines = Callable[..., Line]
PROGRAM = CONTENTS[1]
ENDED = m.RunEnded(RUN, m.RunStatus.FINISHED, 100, 0, m.NO_DIGEST)

FAULTS = [
    {},
    {"loss": 0.01},
    {"loss": 0.05},
    {"loss": 0.10},
    {"loss": 0.20},
    {"corrupt": 0.05},
    {"corrupt": 0.20},
    {"truncate": 0.05},
    {"truncate": 0.15},
    {"duplicate": 0.10},
    {"duplicate": 0.50},
    {"delay": 0.10},
    {"delay": 0.50},
    {"delay": 0.2, "delay_by": 0.2},
    {"latency": 0.05},
    {"latency": 0.3},
    {"loss": 0.05, "latency": 0.05},
    {"loss": 0.05, "duplicate": 0.05, "delay": 0.05, "corrupt": 0.05, "truncate": 0.02},
]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("chances", FAULTS, ids=lambda chances: ",".join(f"{k}={v}" for k, v in chances.items()) or "clean")
def test_upload_is_byte_identical(chances: dict[str, float], seed: int, lines: Lines) -> None:
    line = lines(*lossy(seed, **chances)).open()
    assert line.upload(Kind.PROGRAM, line.content())
    assert line.loaded(Kind.PROGRAM) == sha256(line.content()).digest()


@pytest.mark.parametrize("chances", FAULTS, ids=lambda chances: ",".join(f"{k}={v}" for k, v in chances.items()) or "clean")
def test_result_is_byte_identical(chances: dict[str, float], lines: Lines) -> None:
    line = lines(*lossy(3, **chances)).open()
    ended = line.ended()
    data = line.fetch(ended)
    assert (ended.total, ended.sha256) == (len(data), sha256(data).digest())
    assert len(data) >= len(PROGRAM)


@pytest.mark.parametrize("seed", range(4))
def test_every_request_gets_its_own_reply_once_and_in_order(seed: int, lines: Lines) -> None:
    line = lines(*lossy(seed, loss=0.1, duplicate=0.1, delay=0.1)).open()
    replies = [line.ask(m.Disarm()) for _ in range(40)]
    assert [reply.request for reply in replies if isinstance(reply, m.Accepted)] == list(range(40))


def test_every_request_is_obeyed_once() -> None:
    line = Line(*lossy(4, loss=0.1, duplicate=0.1, delay=0.1)).open()
    replies = [line.ask(m.Halt()) for _ in range(40)]
    assert [reply.value for reply in replies if isinstance(reply, m.Accepted)] == list(range(1, 41))
    assert len(line.board.asked) == 40


@pytest.mark.parametrize("baud", [115_200, 1_000_000, 10_000_000])
def test_upload_of_a_coupling_takes_little_more_than_the_line(baud: int) -> None:
    rate = line_rate(baud)
    coupling = np.random.default_rng(1).normal(size=(128, 128))
    data = {115_200: coupling.astype(np.int16).tobytes()}.get(baud, coupling.tobytes())  # a slow line gets the small one
    line = Line(Channel(rate), Channel(rate)).open()
    began = line.now
    line.upload(Kind.PROGRAM, data)
    assert line.now - began < 1.25 * len(data) / rate
    assert line.now - began < 1.10 * upload_bytes(len(data)) / rate


@pytest.mark.parametrize("dtype", ["<i2", "<f8"])
def test_upload_of_a_coupling_at_1_mbaud_within_a_quarter_more_than_its_payload(dtype: str) -> None:
    coupling = np.random.default_rng(2).integers(-9, 9, (128, 128)).astype(dtype).tobytes()
    line = Line(Channel(1e5), Channel(1e5)).open()
    began = line.now
    line.upload(Kind.PROGRAM, coupling)
    assert line.now - began < 1.25 * len(coupling) * 10 / 1_000_000


def test_loss_of_5_percent_both_ways_costs_less_than_half_as_much_again() -> None:
    data = Random(2).randbytes(131_072)
    line = Line(*lossy(4, loss=0.05)).open()
    began = line.now
    line.upload(Kind.PROGRAM, data)
    assert line.board.taken[Kind.PROGRAM] == data
    assert line.now - began < 1.5 * upload_bytes(len(data)) / 1e5


@pytest.mark.parametrize("size", [0, 1, 1019, 1020, 1021, 2040, 5000])
def test_uploads_and_results_of_any_size(size: int) -> None:
    data = Random(size).randbytes(size)
    line = Line().open()
    assert line.upload(Kind.ELECTRODES, data)
    assert line.board.taken[Kind.ELECTRODES] == data
    line.link.offer_result(ENDED, data)
    line.until(lambda: bool(line.heard))
    assert line.fetch(line.heard[0].message) == data  # type: ignore[arg-type]


def test_what_is_loaded_is_not_sent_again(lines: Lines) -> None:
    line = lines().open()
    assert line.upload(Kind.PROGRAM, line.content())
    before = line.to_board.bytes
    assert not line.upload(Kind.PROGRAM, line.content())
    assert line.to_board.bytes - before < 200
    assert line.upload(Kind.PROGRAM, line.content(2))


def test_what_is_loaded_is_told_to_the_next_host(lines: Lines) -> None:
    line = lines().open()
    line.upload(Kind.PROGRAM, line.content())
    line.host.close()
    line.run(0.05)
    line.another_host(8)
    line.open()
    assert line.host.welcome is not None
    assert line.host.welcome.loaded == (sha256(line.content()).digest(), m.NO_DIGEST, m.NO_DIGEST)


def test_progress_of_an_upload_only_grows() -> None:
    line = Line(*lossy(1, loss=0.05)).open()
    upload, seen, there = line.host.upload(Kind.PROGRAM, PROGRAM), [], []

    def done() -> bool:
        seen.append(upload.arrived)
        there.append(
            len(PROGRAM) if line.board.taken else len(line.link._uploads._partial[Kind.PROGRAM].data) if seen[-1] else 0
        )
        return upload.done

    line.until(done)
    assert seen == sorted(seen)
    assert all(told <= have for told, have in zip(seen, there, strict=True))
    assert seen[-1] == len(PROGRAM)


# --- killed in the middle ---------------------------------------------------------------------------


def half_way(line: Line) -> None:
    """Begin an upload, and stop when half of it has left."""
    data = line.content()
    line.host.upload(Kind.PROGRAM, data)
    before = line.to_board.bytes
    line.until(lambda: line.to_board.bytes - before > upload_bytes(len(data)) // 2)


def another_host(line: Line) -> None:
    """The host is killed, and when the board has given it up another one comes."""
    line.host_alive = False
    line.run(2.1)
    line.host_alive = True
    line.another_host(9)
    line.open()


def test_upload_goes_on_where_a_killed_host_left_it(lines: Lines) -> None:
    line = lines(Channel(1e5), Channel(1e5)).open()
    half_way(line)
    another_host(line)
    data, before = line.content(), line.to_board.bytes
    upload = line.host.upload(Kind.PROGRAM, data)
    line.until(lambda: bool(upload.arrived))
    assert upload.arrived > 0.2 * len(data)  # not from the first frame on
    line.until(lambda: upload.done)
    assert line.to_board.bytes - before < 0.6 * line.slack * upload_bytes(len(data))
    assert line.loaded(Kind.PROGRAM) == sha256(data).digest()


def test_upload_of_other_content_does_not_go_on_from_the_old(lines: Lines) -> None:
    line = lines(Channel(1e5), Channel(1e5)).open()
    half_way(line)
    line.host.close()
    line.run(0.3)
    line.another_host(9)
    line.open()
    assert line.upload(Kind.PROGRAM, line.content(2))
    assert line.loaded(Kind.PROGRAM) == sha256(line.content(2)).digest()


def test_board_that_dies_in_an_upload_is_lost_in_2_s_with_exit_code_3(lines: Lines) -> None:
    line = lines(Channel(1e5), Channel(1e5)).open()
    half_way(line)
    line.board_alive = False
    took = line.until(lambda: line.host.phase is Phase.LOST)
    assert took < 2.6 * line.slack
    assert isinstance(line.host.lost, LinkLost)
    assert line.host.lost.exit_code == EXIT_DEVICE
    assert line.host.lost.diagnostics[0].code == "B504"


def test_board_that_restarts_in_an_upload_is_noticed_at_once(lines: Lines) -> None:
    line = lines(Channel(1e5), Channel(1e5)).open()
    half_way(line)
    line.restart_board()
    assert line.until(lambda: line.host.phase is Phase.LOST) < 0.3 * line.slack
    assert "started anew" in str(line.host.lost)
    line.another_host(9)
    line.open()
    assert line.upload(Kind.PROGRAM, line.content())
    assert line.loaded(Kind.PROGRAM) == sha256(line.content()).digest()


def test_result_goes_on_where_a_lost_link_left_it(lines: Lines) -> None:
    line = lines(Channel(1e5), Channel(1e5)).open()
    ended = line.ended()
    download = line.host.fetch(ended)
    line.until(lambda: len(download.data) > ended.total // 2)
    have = bytes(download.data)
    another_host(line)
    welcome = line.host.welcome
    assert welcome is not None
    assert (welcome.result_run, welcome.result_bytes, welcome.result_sha256) == (RUN, ended.total, ended.sha256)
    before = line.to_host.bytes
    assert sha256(line.fetch(ended, have)).digest() == ended.sha256
    assert line.to_host.bytes - before < 0.7 * upload_bytes(ended.total)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda line: setattr(line.to_board, "loss", 1.0),
        lambda line: setattr(line.to_host, "loss", 1.0),
        lambda line: setattr(line, "board_alive", False),
        lambda line: (setattr(line.to_board, "corrupt", 1.0), setattr(line.to_host, "corrupt", 1.0)),
        lambda line: setattr(line.to_board, "capacity", 10),
        lambda line: setattr(line.to_host, "truncate", 1.0),
        lambda line: setattr(line.to_host, "latency", 60.0),
        lambda line: line.restart_board(),
    ],
    ids=["deaf board", "mute board", "dead board", "noise", "overrun", "cut frames", "frozen line", "restart"],
)
def test_line_that_breaks_ends_in_link_lost_at_the_host_and_disarmed_at_the_board(
    break_it: Callable[[Line], object], lines: Lines
) -> None:
    line = lines(*lossy(1)).open()
    line.arm(250)
    half_way(line)
    break_it(line)
    took = line.until(lambda: line.host.phase is Phase.LOST and not line.dangerous(), 20)
    assert took < 15 * line.slack
    assert line.host.lost is not None
    assert line.host.lost.exit_code == EXIT_DEVICE
    line.mend()
    assert line.host.state is m.State.DISARMED
    assert line.loaded(Kind.PROGRAM) == m.NO_DIGEST


@pytest.mark.parametrize("capacity", [100, 300])
def test_receiver_that_overruns_at_times_only_costs_time(capacity: int) -> None:
    line = Line(Channel(1e5, capacity=capacity), Channel(1e5)).open()
    upload = line.host.upload(Kind.PROGRAM, PROGRAM)
    turn = 0
    while not upload.done:
        turn += 1
        line.board_alive = turn % 100 < 93  # it is away for 3.5 ms now and then
        line.step()
        assert turn < 100_000
    assert line.board.taken[Kind.PROGRAM] == PROGRAM
    assert line.to_board.fates.overrun > 0


# --- refused ----------------------------------------------------------------------------------------


def test_upload_that_is_too_large_is_refused_before_it_is_sent(lines: Lines) -> None:
    line, size = lines().open(), (1 << 20) + 1
    with pytest.raises(BoardRefused) as caught:
        line.upload(Kind.ELECTRODES, bytes(size))
    refused = caught.value.refused
    assert (refused.reason, refused.value) == (Refusal.TOO_LARGE, size)
    assert refused.allowed < size
    assert line.to_board.bytes < 1000


def test_upload_that_the_board_does_not_like_is_refused_with_the_place(lines: Lines) -> None:
    line = lines().open()
    with pytest.raises(BoardRefused, match="no such instruction") as caught:
        line.upload(Kind.PROGRAM, line.unloved())
    assert (caught.value.refused.reason, caught.value.refused.place) == (Refusal.BAD_PROGRAM, 3)
    assert line.loaded(Kind.PROGRAM) == m.NO_DIGEST


@pytest.mark.parametrize(
    ("state", "kind", "fine"),
    [
        (m.State.DISARMED, Kind.PROGRAM, True),
        (m.State.DISARMED, Kind.LIMITS, True),
        (m.State.ARMED, Kind.PROGRAM, True),
        (m.State.ARMED, Kind.LIMITS, False),
        (m.State.RUNNING, Kind.PROGRAM, False),
        (m.State.RUNNING, Kind.LIMITS, False),
        (m.State.FAULT, Kind.ELECTRODES, False),
    ],
)
def test_uploads_and_states(state: m.State, kind: Kind, fine: bool) -> None:
    line = Line().open()
    line.board.mode = state
    if fine:
        assert line.upload(kind, b"abc")
        return
    with pytest.raises(BoardRefused, match=state.name.lower()):
        line.upload(kind, b"abc")


def test_limits_begun_disarmed_can_not_be_ended_armed() -> None:
    line = Line().open()
    line.ask(m.UploadBegin(Kind.LIMITS, 3, sha256(b"abc").digest()))
    line.ask(m.Arm(m.NO_DIGEST, 250))
    line.host._send(m.UploadData(0, b"abc"))
    with pytest.raises(BoardRefused, match="armed"):
        line.ask(m.UploadEnd(Kind.LIMITS, sha256(b"abc").digest()))
    assert Kind.LIMITS not in line.board.taken


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([], Refusal.HASH),
        ([(0, b"ab")], Refusal.HASH),
        ([(0, b"abd")], Refusal.HASH),
        ([(1, b"abc")], Refusal.HASH),
        ([(0, b"ab"), (0, b"ab"), (3, b"c")], Refusal.HASH),
        ([(0, b"abcd")], Refusal.HASH),
        ([(0xFFFFFFFF, b"abc")], Refusal.HASH),
    ],
)
def test_upload_by_hand_with_wrong_bytes_is_refused(pieces: list[tuple[int, bytes]], reason: Refusal, lines: Lines) -> None:
    line = lines().open()
    digest = sha256(b"abc").digest()
    line.ask(m.UploadBegin(Kind.PROGRAM, 3, digest))
    for offset, data in pieces:
        line.host._send(m.UploadData(offset, data))
    with pytest.raises(BoardRefused) as caught:
        line.ask(m.UploadEnd(Kind.PROGRAM, digest))
    assert caught.value.refused.reason is reason
    assert line.loaded(Kind.PROGRAM) == m.NO_DIGEST


def test_more_than_was_announced_is_not_kept() -> None:
    line = Line().open()
    line.ask(m.UploadBegin(Kind.PROGRAM, 3, m.NO_DIGEST))
    for _ in range(100):
        line.host._send(m.UploadData(0, bytes(1000)))
    line.run(0.1)
    assert len(line.link._uploads._partial[Kind.PROGRAM].data) == 0


def test_upload_that_was_never_begun_is_refused(lines: Lines) -> None:
    line = lines().open()
    with pytest.raises(BoardRefused, match="no such upload"):
        line.ask(m.UploadEnd(Kind.PROGRAM, m.NO_DIGEST))


def test_result_that_is_not_kept_is_refused(lines: Lines) -> None:
    line = lines().open()
    total = line.ended().total
    for run, offset in ((RUN - 1, 0), (RUN, total + 1), (RUN, 0xFFFFFFFF)):
        with pytest.raises(BoardRefused):
            line.ask(m.Fetch(run, offset))


def test_result_that_is_not_what_was_announced_is_noticed(lines: Lines) -> None:
    line = lines().open()
    with pytest.raises(BioasmError, match="B515"):
        line.fetch(replace(line.ended(), sha256=bytes(32)))


def test_refusal_tells_the_limit_and_the_value() -> None:
    line = Line().open()
    with pytest.raises(BoardRefused, match=r"refused `stimulate`: too much charge \(charge 4e-09, allowed 3e-09\)") as caught:
        line.ask(m.Stimulate((1,), phases=(m.Phase(-1000, 4000),)))
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("payload", [b"", b"\x01", bytes(100)])
@pytest.mark.parametrize("kind", [0x01, 0x08, 0x10, 0x19, 0x3F])
def test_request_that_can_not_be_read_is_answered(kind: int, payload: bytes) -> None:
    line = Line().open()
    seq = line.host._end.sender.enqueue(kind, payload)
    line.run(0.01)
    assert line.link.statistics.malformed == 1
    assert not line.board.asked
    assert line.ask(m.Halt()) == m.Accepted(seq + 1, 1)


def test_board_boots_with_its_own_number() -> None:
    line = Line().open()
    assert line.host.welcome is not None
    assert line.host.welcome.boot == BOOT


def test_refusal_in_the_words_of_the_interlock_does_not_repeat_its_numbers() -> None:
    text = "charge of phase 1: 4 nC; the limit is 3 nC (charge per phase)"
    refused = m.Refused(reason=Refusal.UNSAFE, subject="charge per phase", value=4e-9, allowed=3e-9, text=text)
    assert BoardRefused("run", refused).diagnostics[0].message == f"the board refused `run`: {text}"
