"""Byte stuffing: the published examples, every length, and what no encoder writes."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioasm.hardware.link import cobs

# The examples of the paper and of the usual descriptions of the method, by hand.
EXAMPLES = [
    ("", "01"),
    ("00", "0101"),
    ("0000", "010101"),
    ("001100", "01021101"),
    ("11220033", "0311220233"),
    ("11223344", "0511223344"),
    ("11000000", "0211010101"),
    ("01", "0201"),
    ("ff", "02ff"),
    ("000000", "01010101"),
    ("45000010", "0245010210"),
]


@pytest.mark.parametrize(("plain", "stuffed"), EXAMPLES)
def test_example(plain: str, stuffed: str) -> None:
    assert cobs.encode(bytes.fromhex(plain)).hex() == stuffed
    assert cobs.decode(bytes.fromhex(stuffed)).hex() == plain


@pytest.mark.parametrize("length", [1, 253, 254, 255, 256, 507, 508, 509, 762, 1016, 1032])
def test_long_runs_without_zero_cost_one_in_254(length: int) -> None:
    data = b"\x55" * length
    stuffed = cobs.encode(data)
    assert len(stuffed) == cobs.encoded_length(length)
    assert 0 not in stuffed
    assert cobs.decode(stuffed) == data


@pytest.mark.parametrize("before", [0, 1, 253, 254, 255, 508])
def test_zero_at_the_edge_of_a_run(before: int) -> None:
    data = b"\x01" * before + b"\0" + b"\x02" * 254 + b"\0"
    assert cobs.decode(cobs.encode(data)) == data


def test_run_of_254_is_read_with_and_without_a_last_code() -> None:
    run = bytes(range(1, 255))
    assert cobs.decode(b"\xff" + run) == run
    assert cobs.decode(b"\xff" + run + b"\x01") == run


@pytest.mark.parametrize("wrong", ["", "00", "0200", "02", "0311", "ff01", "0511223300"])
def test_what_no_encoder_writes_is_refused(wrong: str) -> None:
    with pytest.raises(cobs.CobsError):
        cobs.decode(bytes.fromhex(wrong))


@given(st.binary(max_size=1100))
def test_round_trip(data: bytes) -> None:
    stuffed = cobs.encode(data)
    assert 0 not in stuffed
    assert len(stuffed) <= cobs.encoded_length(len(data))
    assert cobs.decode(stuffed) == data


@pytest.mark.parametrize("zeros", [0.0, 0.01, 0.5, 0.99])
def test_round_trip_of_data_with_many_zeros(zeros: float) -> None:
    random = Random(1)
    data = bytes(0 if random.random() < zeros else random.randrange(1, 256) for _ in range(5000))
    assert cobs.decode(cobs.encode(data)) == data


@given(st.binary(max_size=300))
def test_decoding_anything_gives_bytes_or_one_error(data: bytes) -> None:
    try:
        plain = cobs.decode(data)
    except cobs.CobsError:
        return
    assert len(plain) < len(data)
