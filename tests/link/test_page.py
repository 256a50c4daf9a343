"""docs/link.md tells of every message, record and word what the code does."""

from __future__ import annotations

import re
from enum import IntEnum, IntFlag
from pathlib import Path
from zlib import crc32

import pytest

from bioasm.hardware.link import device, frames, session, vocabulary, window, wire
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.frames import Frame

PAGE = (Path(__file__).resolve().parents[2] / "docs/link.md").read_text(encoding="utf-8")
ENUMS = [e for e in vars(vocabulary).values() if isinstance(e, type) and issubclass(e, IntEnum | IntFlag) and list(e)]
RECORDS = [vocabulary.Chip, vocabulary.Ceilings, vocabulary.Capabilities, vocabulary.Parameter]


def payload(kind: type[object]) -> str:
    return ", ".join(f"`{name}` {form.name}" for name, form in wire.forms(kind)) or "-"


@pytest.mark.parametrize("kind", m.MESSAGES, ids=lambda kind: kind.__name__)
def test_message_stands_on_the_page_with_its_fields(kind: type[m.Message]) -> None:
    assert f"| {kind.TYPE:#04x} | {kind.__name__} | {payload(kind)} |" in PAGE


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_record_stands_on_the_page_with_its_fields(kind: type[object]) -> None:
    assert f"| {kind.__name__} | {payload(kind)} |" in PAGE


@pytest.mark.parametrize("kind", ENUMS, ids=lambda kind: kind.__name__)
def test_words_stand_on_the_page_with_their_numbers(kind: type[IntEnum]) -> None:
    assert f"| {kind.__name__} | {', '.join(f'{each.value} {each.name}' for each in kind)} |" in PAGE


def test_example_on_the_page_is_what_is_sent() -> None:
    plain, stuffed = re.findall(r"^    ((?:[0-9a-f]{2} )+).*(?:frame|on the wire)$", PAGE, re.MULTILINE)
    hello = m.Hello(m.OLDEST_VERSION, m.NEWEST_VERSION, 0x1122334455667788, "me")
    assert bytes.fromhex(stuffed) == frames.encode(Frame(hello.TYPE, 0, 0, hello.pack()))
    body = bytes.fromhex(plain)
    assert crc32(body[:-4]) == int.from_bytes(body[-4:], "little")


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("after 8 tries", window.TRIES == 8),
        ("at least 25 ms, at most 5 s", (window.SHORTEST_TIMEOUT, window.LONGEST_TIMEOUT) == (0.025, 5.0)),
        ("Hello every 100 ms", session.HELLO_EVERY == 0.1),
        ("repeats Estop every 25 ms", session.ESTOP_EVERY == 0.025),
        ("50 to 2000 ms", (device.WATCHDOG_MS[0], device.WATCHDOG_MS[-1]) == (50, 2000)),
        ("at most every 50 ms", device.NO_SESSION_EVERY == 0.05),
        ("after 2 s in which the board heard", device.SESSION_TIMEOUT == 2.0),
        ("gives up after 2 s", session.SILENCE == 2.0),
        ("at most 32", window.WIDEST == 32),
        ("every 250 ms", session.HEARTBEAT_EVERY == 0.25),
    ],
)
def test_times_on_the_page_are_those_of_the_code(said: str, value: bool) -> None:
    assert said in " ".join(PAGE.split())
    assert value
