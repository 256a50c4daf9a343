"""Lanes that only fill a block up to the width of its arrays are no lanes: their spikes count nowhere.

Their neurons compute as those of lanes do, and fire. Two places leave them out, each of which is looked at alone: what counts
a neuron's spikes, and what sums the counts up for GET.
"""

from __future__ import annotations

import pytest

from bioasm.vm.layout import Ctx
from bioasm.vm.machine import Machine
from tests.vm.network_forms import program as forms
from tests.vm.support import Array, finish, machine, outs, run

GET = "GET r0, spike_count\nOUT r0\n"
TEXTS = {"twin": "ALC 3\nSIG 0\nCUR 1 nA\nRUN 60 ms\n" + GET, "network": forms() + GET}
PADDED = [6, 9, 20]  # in blocks of 16


@pytest.mark.parametrize("lanes", [1, 2, 5, *PADDED])
@pytest.mark.parametrize("name", TEXTS)
def test_spikes_of_lanes_that_fill_up_are_not_counted(name: str, lanes: int) -> None:
    one, all_lanes = run(TEXTS[name]), run(TEXTS[name], lanes=lanes)
    assert all_lanes.spike_count.tolist() == [one.spike_count.tolist()[0]] * lanes
    assert one.spike_count.sum() > 0
    assert outs(all_lanes) == [lanes * one.spike_count.sum()]


def filled_up(this: Machine) -> Array:
    """The counts of the places that have no lane, to look at and to change."""
    state = this.state
    counts = state["SPIKE_COUNT"].reshape(state.blocks, -1, state.width)
    return counts[-1, :, state.lanes - state.places :]


@pytest.mark.parametrize("lanes", PADDED)
@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_counted_where_no_lane_is(name: str, lanes: int) -> None:
    this = finish(machine(TEXTS[name], lanes=lanes))
    assert this.state["SPIKE_COUNT"].sum() > 0
    assert filled_up(this).size > 0
    assert not filled_up(this).any()


@pytest.mark.parametrize("lanes", PADDED)
@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_summed_up_where_no_lane_is(name: str, lanes: int) -> None:
    this = machine(TEXTS[name], lanes=lanes)
    this._budget = 1
    while not this.state.ctx[Ctx.STEP]:
        this.run_slice()
    filled_up(this)[:] = 1000
    finish(this)
    total = this.state["SPIKE_COUNT"].sum() - filled_up(this).sum()
    assert [reading.value for reading in this.outputs.readings] == [total]
