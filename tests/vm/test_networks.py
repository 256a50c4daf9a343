"""Networks of models as text against their definition in plain numpy: every recorded variable, reading and spike."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vm.against_reference import ROUNDING, machine_run, readings, recording, reference_run, spikes_of
from tests.vm.network_programs import ALONE, HELD, SENT
from tests.vm.random_networks import random_program

TEXTS = {"alone": ALONE, "sent": SENT, "held": HELD} | {f"random {seed}": random_program(seed) for seed in (8,)}
PLACES = [(1, 0), (20, 0), (20, 17)]  # lanes, and the lane that is looked at: the last stands in a block that is not full


def recorded(text: str) -> list[str]:
    """The variables that a program records."""
    return [line.split()[1].strip(",") for line in text.splitlines() if line.startswith("REC ")]


VARIABLES = [(name, what) for name, text in TEXTS.items() for what in recorded(text)]


@pytest.mark.parametrize(("name", "what"), VARIABLES, ids=lambda part: str(part))
def test_recordings_are_those_of_the_definition(name: str, what: str) -> None:
    text = TEXTS[name]
    for lanes, lane in PLACES:
        assert recording(text, lanes, lane, what).apart < ROUNDING, (lanes, lane)


@pytest.mark.parametrize(("lanes", "lane"), PLACES)
@pytest.mark.parametrize("name", TEXTS)
def test_spikes_are_those_of_the_definition(name: str, lanes: int, lane: int) -> None:
    expected = sorted(reference_run(TEXTS[name], lane).spikes)
    assert len(expected) > 10
    assert spikes_of(machine_run(TEXTS[name], lanes), lane) == expected


@pytest.mark.parametrize(("lanes", "lane"), PLACES)
@pytest.mark.parametrize("name", TEXTS)
def test_what_is_read_out_is_that_of_the_definition(name: str, lanes: int, lane: int) -> None:
    found = list(readings(TEXTS[name], lanes, lane))
    assert found
    assert [one for one in found if not one.apart < ROUNDING] == []


@pytest.mark.parametrize("name", ["alone", "sent", "held"])
def test_what_is_compared_moves(name: str) -> None:
    for what, (_, _, _, samples) in reference_run(TEXTS[name], 0).recorders.items():
        assert np.ptp(np.array(samples), axis=0).max() > 0, what


@pytest.mark.parametrize("name", ["alone", "sent"])
def test_lanes_differ_by_their_noise_alone(name: str) -> None:
    result = machine_run(TEXTS[name], 20)
    noisy, quiet = {"alone": ("z.b", "m.b"), "sent": ("s.phase", "")}[name]
    assert len(np.unique(result.recordings[noisy].values[:, -1, 0])) == 20
    if quiet:
        assert (result.recordings[quiet].values == result.recordings[quiet].values[:1]).all()


def test_other_seeds_have_other_noise_and_other_connections() -> None:
    one, two = (machine_run(SENT, 1, seed) for seed in (1, 2))
    assert spikes_of(one, 0) != spikes_of(two, 0)
    assert spikes_of(two, 0) == sorted(reference_run(SENT, 0, 2).spikes)
