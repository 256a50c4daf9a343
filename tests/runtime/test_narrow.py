"""Numbers of connections are kept in the narrowest type that holds each bit for bit, whatever the blocks they come in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioasm.network.wiring import Candidates, Rule
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.connectivity import from_rule
from bioasm.runtime.narrow import DELAYS, WEIGHTS, bytes_of, delay_bytes, narrow_weights, narrowed, neuron_type

EDGES = [0.0, -0.0, 1.0, 127.0, 128.0, -128.0, -129.0, 32767.0, 32768.0, -32768.0, 0.5, 2.0**24 + 1, 0.1, 1e300, 1e-320, 1e39]


def blocks(values: np.ndarray, size: int) -> list[np.ndarray]:
    return [values[at : at + size] for at in range(0, len(values), size)]


@given(st.lists(st.sampled_from(EDGES) | st.floats(allow_nan=False), min_size=1, max_size=12), st.integers(1, 5))
def test_weights_keep_their_bits(values: list[float], size: int) -> None:
    wanted = np.array(values)
    kept = narrow_weights(blocks(wanted, size), len(wanted))
    assert np.broadcast_to(kept, wanted.shape).astype(float).tobytes() == wanted.tobytes()
    narrower = WEIGHTS[: WEIGHTS.index(kept.dtype.type)]
    with np.errstate(all="ignore"):
        assert len(kept) == 1 or all(wanted.astype(one).astype(float).tobytes() != wanted.tobytes() for one in narrower)
    assert (len(kept) == 1) == (len({one.tobytes() for one in wanted}) == 1)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([127, -128], np.int8), ([128, 1], np.int16), ([-129, 1], np.int16), ([32768, 1], np.float32), ([0.5, 1], np.float32),
        ([0.0, -0.0], np.float32), ([2**24 + 1, 1], np.float64), ([0.1, 1], np.float64),
    ],
)  # fmt: skip
def test_the_limits_between_types(values: list[float], dtype: type) -> None:
    assert narrow_weights([np.array(values, float)], 2).dtype == dtype


@pytest.mark.parametrize(("most", "dtype"), [(255, np.uint8), (256, np.uint16), (65_535, np.uint16), (65_536, np.int32)])
def test_delays_take_one_two_or_four_bytes(most: int, dtype: type) -> None:
    kept = narrowed([np.array([1, 2]), np.array([most])], 3, DELAYS)
    assert (kept.dtype, kept.tolist()) == (dtype, [1, 2, most])
    assert kept.itemsize <= delay_bytes(most) <= 4


@pytest.mark.parametrize(("n", "dtype"), [(65_535, np.uint16), (65_536, np.uint16), (65_537, np.int32)])
def test_neurons_take_two_bytes_up_to_65536(n: int, dtype: type) -> None:
    assert neuron_type(n) == dtype
    _, reached, _ = from_rule(Rule("all"), 0, Candidates(2, n), 1, 0)
    assert reached.dtype == dtype
    assert reached.tolist() == [*range(n)] * 2


def test_a_matrix_keeps_its_type_and_one_number_is_kept_once() -> None:
    own = np.array([1, -2, 3], np.int8)
    assert ConnectionValues(1.0).weights(own, 3).dtype == np.int8
    assert ConnectionValues(0.1).weights(own, 3).tolist() == (own * 0.1).tolist()
    assert ConnectionValues(0.1).weights(np.ones(1), 10**15).tolist() == [0.1]
    assert [bytes_of(np.dtype(one)) for one in ("i1", "u1", "i2", "f4", "i4", "f8")] == [1, 2, 2, 4, 8, 8]


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_one_entry_of_a_matrix_is_multiplied_as_all_are(dtype: type) -> None:
    alone = ConnectionValues(0.1).weights(np.array([3], dtype), 1)
    assert (alone.dtype, alone.tolist()) == (np.float64, [3 * 0.1])
    assert ConnectionValues(0.1).weights(np.array([3, 5], dtype), 2).tolist() == [3 * 0.1, 5 * 0.1]
