"""Sessions: greeting, versions, two hosts, watchdog, emergency stop, heartbeats, and a hostile host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioasm.diagnostics import EXIT_DEVICE, BioasmError
from bioasm.hardware.link import frames, session
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.channel import Channel
from bioasm.hardware.link.errors import BoardRefused
from bioasm.hardware.link.frames import Decoder, Frame
from bioasm.hardware.link.messages import State
from bioasm.hardware.link.session import HostSession, Phase, why_not
from tests.link.support import BOOT, CAPABILITIES, Line, lossy

Lines = Callable[..., Line]


def raw(line: Line, message: m.Message, number: int | None = None, seq: int = 0) -> None:
    """Let the board hear a frame that no well-behaved host would send now."""
    number = line.host._end.session if number is None else number
    line.say(b"\0" + frames.encode(Frame(message.TYPE, number, seq, message.pack())))


def answers(line: Line) -> bool:
    """Whether the board answers a request, whatever it thinks of it."""
    try:
        return isinstance(line.ask(m.Disarm()), m.Accepted)
    except BoardRefused:
        return True


def told(line: Line) -> list[m.Message]:
    """What the board says now, read from its bytes."""
    return [m.read(frame.type, frame.payload) for frame in Decoder().feed(line.link.poll(line.now))]


# --- greeting ---------------------------------------------------------------------------------------


def test_board_introduces_itself() -> None:
    line = Line().open()
    assert line.host.welcome is not None
    assert line.host.welcome.capabilities == CAPABILITIES
    assert line.host.welcome.version == 2
    assert line.host.state is State.DISARMED
    assert line.link.connected


@pytest.mark.parametrize("garbage", [b"garbage", b"\xff" * 5000, b"\0" * 500, Random(1).randbytes(3000), b"\x03\x01"])
def test_garbage_at_the_start_is_no_hindrance(garbage: bytes, lines: Lines) -> None:
    line = lines()
    line.to_board.send(garbage, 0.0)
    line.to_host.send(garbage, 0.0)
    line.open()
    assert answers(line)


def test_half_a_frame_of_an_older_host_is_no_hindrance(lines: Lines) -> None:
    line = lines()
    line.to_board.send(frames.encode(Frame(2, 9, 3, bytes(500)))[:300], 0.0)
    assert line.open().now < session.HELLO_EVERY * line.slack


@pytest.mark.parametrize("seed", range(5))
def test_greeting_gets_through_a_bad_line(seed: int, lines: Lines) -> None:
    line = lines(*lossy(seed, loss=0.4, duplicate=0.2, delay=0.2)).open()
    assert answers(line)


@pytest.mark.parametrize(("oldest", "newest", "fine"), [(2, 2, True), (0, 2, True), (1, 9, True), (3, 4, False), (0, 1, False)])
def test_versions(oldest: int, newest: int, fine: bool) -> None:
    line = Line()
    raw(line, m.Hello(oldest, newest, 7), 0)
    answers = [message for message in told(line) if not isinstance(message, m.NoSession)]
    assert [type(message) for message in answers] == [m.Welcome if fine else m.Rejected]
    assert line.link.connected == fine


def test_wrong_version_is_told_with_both_numbers() -> None:
    line = Line()
    line.host.greet(0.0)
    line.step()
    rejected = m.Rejected(7, m.Rejection.VERSION, 3, 4)
    line.host.receive(frames.encode(Frame(rejected.TYPE, 0, 0, rejected.pack())), 0.0)
    assert line.host.rejected == rejected
    found = why_not(rejected)
    assert found.exit_code == EXIT_DEVICE
    assert "B512" in str(found)
    assert "3 to 4" in str(found)
    assert "version 2" in str(found)


def test_silence_is_told_as_no_board() -> None:
    assert "B510" in str(why_not(None))
    assert why_not(None).exit_code == EXIT_DEVICE


def test_another_nonce_is_not_for_us() -> None:
    line = Line()
    line.host.greet(0.0)
    for message in (
        m.Rejected(99, m.Rejection.BUSY, 1, 1),
        m.Welcome(1, 99, 1, State.DISARMED, (), 0, 0, bytes(32), CAPABILITIES),
    ):
        line.host.receive(frames.encode(Frame(message.TYPE, 5, 0, message.pack())), 0.0)
    assert line.host.phase is Phase.GREETING
    assert line.host.rejected is None


def test_second_hello_of_the_same_host_changes_nothing(lines: Lines) -> None:
    line = lines().open()
    answers(line)
    number = line.host._end.session
    raw(line, m.Hello(1, 1, 7), 0)
    line.run(0.01)
    assert line.host._end.session == number
    reply = line.ask(m.Disarm())
    assert isinstance(reply, m.Accepted)
    assert reply.request == 1


# --- two hosts --------------------------------------------------------------------------------------


def test_second_host_is_refused_while_the_first_lives_and_does_not_disturb_it() -> None:
    line = Line(Channel(1e5), Channel(1e5)).open()
    upload = line.host.upload(m.Kind.PROGRAM, bytes(20_000))
    second = HostSession("second", nonce=8)
    second.greet(line.now)
    answers = Decoder()
    for _ in range(400):
        line.step()
        line.link.receive(second.poll(line.now), line.now)
        for frame in answers.feed(line.link.poll(line.now)):
            second.receive(frames.encode(frame), line.now)
            line.host.receive(frames.encode(frame), line.now)
    assert second.phase is Phase.GREETING
    assert second.rejected is not None
    assert second.rejected.reason is m.Rejection.BUSY
    assert "error[B513]: the board is busy: tests has the session" in str(why_not(second.rejected))
    line.until(lambda: upload.done)
    assert upload.failure is None


def test_frames_of_another_session_are_not_obeyed() -> None:
    line = Line().open()
    raw(line, m.Arm(m.NO_DIGEST, 250), number=line.host._end.session + 1)
    raw(line, m.Arm(m.NO_DIGEST, 250), number=0)
    assert not line.board.asked
    assert line.link.statistics.strangers == 2
    line.run(0.2)
    assert line.host.phase is Phase.OPEN


def test_host_that_says_bye_is_told_to_the_board() -> None:
    line = Line().open()
    line.host.close()
    line.run(0.01)
    assert not line.link.connected
    assert line.board.lost == ["the host closed it"]


def test_second_host_gets_the_board_when_the_first_says_bye(lines: Lines) -> None:
    line = lines().open()
    line.host.close()
    line.run(0.01)
    line.another_host(8)
    began = line.now
    line.open()
    assert line.now - began < 0.1 * line.slack


def test_second_host_gets_the_board_2_s_after_the_first_is_gone(lines: Lines) -> None:
    line = lines().open()
    line.another_host(8)
    line.host.greet(line.now)
    assert 1.5 < line.until(lambda: line.host.phase is Phase.OPEN) < 2.2 * line.slack


def test_greeting_that_was_held_up_opens_no_session_for_a_host_that_left() -> None:
    line = Line().open()
    line.host.close()
    line.run(0.01)
    raw(line, m.Hello(1, 1, 7), 0)
    assert not line.link.connected


def test_session_numbers_differ_from_each_other_and_are_never_zero() -> None:
    line, numbers = Line(), []
    for nonce in range(300):
        raw(line, m.Hello(2, 2, nonce), 0)
        numbers.append(line.link._end.session)
        line.link.receive(frames.encode(Frame(m.Bye.TYPE, numbers[-1], 0)), line.now)
    assert 0 not in numbers
    assert all(one != other for one, other in zip(numbers, numbers[1:], strict=False))
    assert set(numbers) == set(range(1, 256))


def test_host_whose_session_is_gone_is_told_at_once(lines: Lines) -> None:
    line = lines().open()
    raw(line, m.Bye())
    line.host.ask(m.Halt())
    assert line.until(lambda: line.host.phase is Phase.LOST) < 0.05 * line.slack
    assert "ended the session" in str(line.host.lost)


# --- watchdog ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("watchdog", [50, 250, 1000, 2000])
def test_watchdog_stops_an_armed_board_in_time(watchdog: int) -> None:
    line = Line().open()
    line.ask(m.Arm(m.NO_DIGEST, watchdog))
    line.run(1.0)
    assert line.board.mode is State.ARMED
    line.host_alive = False
    took = line.until(lambda: line.board.mode is State.DISARMED)
    assert took <= watchdog / 1000 + 0.001
    assert line.board.lost[0] == f"the host was silent for {watchdog} ms"


@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_living_host_keeps_the_watchdog_quiet(loss: float) -> None:
    line = Line(*lossy(2, loss=loss)).open()
    line.ask(m.Arm(m.NO_DIGEST, 250))
    line.run(5.0)
    assert line.board.mode is State.ARMED
    assert not line.board.lost


@pytest.mark.parametrize("chance", ["corrupt", "loss"])
def test_only_whole_frames_of_the_session_count_as_life(chance: str) -> None:
    line = Line(Channel(1e5), Channel(1e5)).open()
    line.ask(m.Arm(m.NO_DIGEST, 250))
    setattr(line.to_board, chance, 1.0)
    assert line.until(lambda: line.board.mode is State.DISARMED) < 0.3


@pytest.mark.parametrize("watchdog", [0, 49, 2001, 65535])
def test_watchdog_out_of_range_is_refused(watchdog: int) -> None:
    line = Line().open()
    with pytest.raises(BoardRefused, match="50 to 2000 ms"):
        line.ask(m.Arm(m.NO_DIGEST, watchdog))
    assert line.board.mode is State.DISARMED


def test_echo_of_the_hosts_own_frames_is_no_board() -> None:
    line = Line().open()
    while line.host.phase is Phase.OPEN and line.now < 10:
        line.host.receive(line.host.poll(line.now), line.now)  # as of a board that fell back to a bootloader which echoes
        line.now += 0.01
    assert line.host.phase is Phase.LOST
    assert line.now < 3


def test_disarmed_board_has_no_watchdog() -> None:
    line = Line().open()
    line.ask(m.Arm(m.NO_DIGEST, 100))
    line.ask(m.Disarm())
    line.host_alive = False
    line.run(0.5)
    assert not line.board.lost


def test_board_that_was_not_polled_disarms_before_it_obeys_again() -> None:
    line = Line().open()
    line.ask(m.Arm(m.NO_DIGEST, 100))
    line.now += 0.5  # the board was busy elsewhere, while the host went on
    raw(line, m.Heartbeat(1))
    assert line.board.lost == ["the host was silent for 100 ms"]


def test_end_of_a_session_disarms() -> None:
    line = Line().open()
    line.ask(m.Arm(m.NO_DIGEST, 250))
    line.host.close()
    line.run(0.01)
    assert line.board.mode is State.DISARMED


# --- emergency stop ---------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [0.0, 0.3, 0.6])
def test_emergency_stop_gets_through_a_bad_line(loss: float, lines: Lines) -> None:
    line = lines(*lossy(5, loss=0.0)).open()
    line.to_board.loss = line.to_host.loss = loss
    line.host.estop(line.now)
    line.until(lambda: line.host.stopped is not None)
    assert line.host.stopped is not None
    assert line.host.stopped.state is State.FAULT
    assert line.host.state is State.FAULT


def test_emergency_stop_passes_a_queue_of_data(lines: Lines) -> None:
    line = lines(Channel(11_520, transmit=64), Channel(11_520)).open()
    line.host.upload(m.Kind.PROGRAM, bytes(100_000))
    line.run(0.5)
    line.host.estop(line.now)
    assert line.until(lambda: line.host.stopped is not None) < 0.03 * line.slack


@pytest.mark.parametrize("number", [0, 1, 200])
def test_emergency_stop_is_obeyed_from_anyone(number: int, lines: Lines) -> None:
    line = lines()
    raw(line, m.Estop(3), number)
    assert [(stopped.token, stopped.state) for stopped in line.answered(m.EstopAck)] == [(3, State.FAULT)]
    assert line.open().host.state is State.FAULT


def test_emergency_stop_twice_is_answered_twice(lines: Lines) -> None:
    line = lines().open()
    raw(line, m.Estop(3))
    raw(line, m.Estop(3))
    assert [(stopped.token, stopped.state) for stopped in line.answered(m.EstopAck, 2)] == [(3, State.FAULT)] * 2


def test_status_that_an_emergency_stop_overtook_does_not_count() -> None:
    line = Line().open()
    line.board.mode = State.RUNNING
    line.link.send_telemetry(m.Status(line.board.clock(), State.RUNNING))
    raw(line, m.Estop((line.host._stop_token + 1) % (1 << 32)))
    line.host.estop(line.now)
    line.host.receive(line.link.poll(line.now), line.now)
    assert [type(event.message) for event, _ in line.host._events] == [m.Status]
    assert line.host.state is State.FAULT
    line.run(0.1)
    line.link.send_telemetry(m.Status(line.board.clock(), State.DISARMED))
    line.host.receive(line.link.poll(line.now), line.now)
    assert line.host.state is State.DISARMED


def test_answer_to_an_older_emergency_stop_does_not_count() -> None:
    line = Line().open()
    line.host.estop(line.now)
    line.until(lambda: line.host.stopped is not None)
    old = line.host.stopped
    line.host.estop(line.now)
    assert old is not None
    line.host.receive(frames.encode(Frame(old.TYPE, 0, 0, old.pack())), line.now)
    assert line.host.stopped is None


# --- heartbeats, reset, statistics ------------------------------------------------------------------


def test_heartbeats_carry_the_clock_and_the_state() -> None:
    line = Line().open()
    line.run(1.0)
    assert line.host.clock.ready
    assert line.host.clock.device_at(line.now) == pytest.approx(line.board.clock(), abs=1000)
    line.board.mode = State.FAULT
    line.run(0.5)
    assert line.host.state is State.FAULT


def test_idle_link_says_little() -> None:
    line = Line().open()
    line.run(1.0)
    before = line.to_board.bytes
    line.run(10.0)
    assert line.to_board.bytes - before < 10 * 100


def test_reset_reaches_the_board_it_is_meant_for() -> None:
    line = Line().open()
    raw(line, m.Reset(BOOT + 1))
    assert line.board.resets == 0
    line.host.reset()
    line.run(0.01)
    assert line.board.resets == 1


def test_start_of_a_board_is_told_to_a_host_that_waits() -> None:
    assert told(Line()) == [m.NoSession(BOOT)]


def test_statistics_of_a_clean_line() -> None:
    line = Line().open()
    line.upload(m.Kind.PROGRAM, bytes(5000))
    host, board = line.host.statistics.as_dict(), line.link.statistics.as_dict()
    assert host["bytes_out"] == board["bytes_in"]
    assert host["errors"] == {"cobs": 0, "crc": 0, "short": 0, "overlong": 0, "bytes": 0}
    assert host["resent"] == host["timeouts"] == board["malformed"] == 0
    assert 0 <= host["round_trip"] < 0.01
    assert host["lost"] == dict.fromkeys(("spikes", "raw", "stim", "status", "energy", "log"), 0)


def test_statistics_of_a_bad_line_count_what_happened() -> None:
    line = Line(*lossy(3, loss=0.1, corrupt=0.1, duplicate=0.1)).open()
    line.upload(m.Kind.PROGRAM, Random(1).randbytes(50_000))
    host, board = line.host.statistics, line.link.statistics
    assert host.resent > 0
    assert host.naks > 0
    assert board.gaps > 0
    assert board.duplicates > 0
    assert board.errors.crc + board.errors.cobs > 0
    assert host.as_dict()["clock_bound"] > 0


def test_times_that_are_not_known_are_none() -> None:
    assert HostSession("x", 1).statistics.as_dict()["round_trip"] is None


# --- whoever speaks by hand -------------------------------------------------------------------------


def random_frames(line: Line, seed: int) -> Iterator[bytes]:
    """Frames of the host's session of all kinds but Bye; a third has the number that is due next, as far as can be known."""
    random, number, due = Random(seed), line.host._end.session, 0
    for k in range(500):
        kind = random.choice([*m.BY_TYPE, random.randrange(256)])
        if kind == m.Bye.TYPE:
            continue
        seq = random.choice([k % 65536, random.randrange(65536), due])
        due += seq == due and 0x01 <= kind <= 0x3F
        yield frames.encode(Frame(kind, number, seq, random.randbytes(random.randrange(80))))


@pytest.mark.parametrize("seed", range(10))
def test_board_survives_random_frames_in_its_session(seed: int, lines: Lines) -> None:
    line = lines().open()
    for data in random_frames(line, seed):
        line.say(data)
        line.board_turn()
    line.another_host(9)
    line.run(2.5)
    line.open()
    assert answers(line)


def test_random_frames_are_counted_as_malformed() -> None:
    line = Line().open()
    for data in random_frames(line, 1):
        line.say(data)
        line.board_turn()
    assert line.link.statistics.malformed > 100


@pytest.mark.parametrize("seed", range(10))
def test_host_survives_random_frames_in_its_session(seed: int) -> None:
    line, random = Line().open(), Random(seed)
    number = line.host._end.session
    for _ in range(500):
        kind = random.choice([*m.BY_TYPE, random.randrange(256)])
        if kind in (m.NoSession.TYPE, m.EstopAck.TYPE) or m.reliable_to_host(kind):
            continue
        payload = random.randbytes(random.randrange(80))
        line.host.receive(frames.encode(Frame(kind, number, random.randrange(65536), payload)), line.now)
        line.host.poll(line.now)
    assert line.host.statistics.malformed > 20
    assert line.host.phase is Phase.OPEN


@given(st.lists(st.binary(max_size=200), max_size=30))
@settings(max_examples=50)
def test_both_ends_survive_any_bytes(pieces: list[bytes]) -> None:
    line = Line().open()
    for piece in pieces:
        line.link.receive(piece, line.now)
        line.host.receive(piece, line.now)
    line.link.receive(b"\0", line.now)
    line.host.receive(b"\0", line.now)
    assert isinstance(line.ask(m.Halt()), m.Accepted)


def test_flood_of_strangers_is_not_answered_one_by_one() -> None:
    line = Line().open()
    told(line)
    for _ in range(1000):
        raw(line, m.Halt(), number=99)
    assert len([message for message in told(line) if isinstance(message, m.NoSession)]) == 1


def test_flood_of_greetings_fills_no_memory_and_the_last_word_is_answered() -> None:
    line = Line().open()
    told(line)
    for nonce in range(1000, 3000):
        raw(line, m.Hello(1, 1, nonce, "flood"), number=0)
    raw(line, m.Estop(77), number=0)
    answers = told(line)
    assert len(answers) <= 64
    assert isinstance(answers[-1], m.EstopAck)


def test_floods_of_strangers_and_greetings_leave_the_board_to_its_host(lines: Lines) -> None:
    line = lines().open()
    for nonce in range(1000, 1200):
        raw(line, m.Halt(), number=(line.host._end.session + 1) % 255)
        raw(line, m.Hello(1, 1, nonce, "flood"), number=0)
    line.run(0.1)
    assert line.host.phase is Phase.OPEN
    assert answers(line)


def test_request_with_a_value_that_does_not_fit_is_told() -> None:
    line = Line().open()
    with pytest.raises(BioasmError, match="B517"):
        line.host.ask(m.Stimulate((70_000,)))
    assert isinstance(line.ask(m.Halt()), m.Accepted)
