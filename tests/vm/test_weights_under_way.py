"""SET projection.weight while spikes are under way: each has the weight of the step in which it arrives, on every driver."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bioasm.drivers import find_driver
from bioasm.results.result import Result
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm.machine import Machine

DRIVERS = ["cpu", "brian2"]
# `sum` adds weights up; a factor that reads what the port changes makes its spikes act one after another.
PORTS = {"sum": "g += weight", "in order": "g += weight * (1 + 0*g)"}
RULES = {"all": "all", "one_to_one": "one_to_one", "matrix": "[[1, 1, 1], [1, 1, 1], [1, 1, 1]]", "random": "probability, 0.6"}


def program(port: str, rule: str, first: float, then: float, *, delay: str = "1 ms", change: str = "0.5 ms") -> str:
    """Three neurons that spike at 0, 0.1 and 0.2 ms, and three that keep what arrives."""
    return f"""
.model keeper {{
 state:
  g = 0
 step:
  g := g
 receive:
  weight : 1
  {PORTS[port]}
}}
POP a, relay, 3
POP b, keeper, 3
SYN s, a, b
SET s.delay, {delay}
SET s.weight, {first}
CON s, {RULES[rule]}
EVT a, [[0, 0], [0.0001, 1], [0.0002, 2]], 1
RUN {change}
SET s.weight, {then}
RUN 3 ms
RD b.g
"""


def run(driver: str, text: str, **options) -> Result:
    with find_driver(driver)() as connected:
        return connected.run(verify(assemble(text)), RunOptions(seed=1, **options))


def arrived(driver: str, text: str, **options) -> np.ndarray:
    return np.atleast_2d(run(driver, text, **options).results[0].value)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize(("rule", "sources"), [("all", 3), ("one_to_one", 1), ("matrix", 3)])
def test_spikes_under_way_arrive_with_the_new_weight(driver: str, port: str, rule: str, sources: int) -> None:
    for first, then in ((1.0, 5.0), (0.0, 5.0), (5.0, 0.0)):
        assert arrived(driver, program(port, rule, first, then)).tolist() == [[sources * then] * 3]


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("port", PORTS)
def test_what_arrived_before_keeps_its_weight(driver: str, port: str) -> None:
    """By the definition: a spike of step k arrives in step k + delay, with the weight that is set by then."""
    for delay, change in ((10, 10), (10, 11), (10, 12), (10, 13), (10, 20), (0, 1), (1, 2), (7, 8), (7, 9)):
        text = program(port, "all", 1.0, 5.0, delay=f"{delay / 10} ms", change=f"{change / 10} ms")
        wanted = sum(1.0 if k + delay < change else 5.0 for k in range(3))
        assert arrived(driver, text).tolist() == [[wanted] * 3], (delay, change)


EVENTS = "[[0, 0], [0.0001, 1], [0.0002, 2]]"


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("port", PORTS)
def test_random_connections_stay_when_their_weight_is_set(driver: str, port: str) -> None:
    """Who is connected is seen spike by spike; each of these spikes has the weight of its step."""
    text = program(port, "random", 1.0, 1.0)
    reached = [arrived(driver, text.replace(EVENTS, f"[[0, {k}]]"), lanes=2) for k in range(3)]
    assert 0 < sum(map(np.sum, reached)) < 18
    for change, weights in (("1 ms", (5, 5, 5)), ("1.1 ms", (1, 5, 5)), ("1.2 ms", (1, 1, 5)), ("1.3 ms", (1, 1, 1))):
        found = arrived(driver, program(port, "random", 1.0, 5.0, change=change), lanes=2)
        assert np.array_equal(found, sum(w * column for w, column in zip(weights, reached, strict=True))), change


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("rule", ["all", "random"])
def test_a_run_that_is_cut_keeps_the_weights_under_way(port: str, rule: str, tmp_path: Path) -> None:
    text, path = program(port, rule, 1.0, 5.0, change="1.1 ms"), tmp_path / "c"
    whole = arrived("cpu", text, lanes=2)
    for fuel in (7, 10, 18, 19, 20, 21, 22, 30):
        cut = run("cpu", text, lanes=2, fuel=fuel, checkpoint=path)
        assert (cut.status, len(cut.results)) == ("out of fuel", 0)
        assert np.array_equal(arrived("cpu", text, lanes=2, checkpoint=path, resume=True), whole), fuel


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("delay", ["0 ms", "0.1 ms", "0.7 ms", "2 ms"])
@pytest.mark.parametrize("change", ["0.1 ms", "0.2 ms", "0.3 ms", "0.9 ms"])
def test_both_paths_agree_at_every_delay(port: str, delay: str, change: str) -> None:
    text = program(port, "all", 1.0, 5.0, delay=delay, change=change)
    other = program("in order", "all", 1.0, 5.0, delay=delay, change=change)
    assert arrived("cpu", text).tolist() == arrived("cpu", other).tolist()


@pytest.mark.parametrize("delay", ["0 ms", "0.1 ms", "0.7 ms"])
def test_drivers_agree_at_every_delay(delay: str) -> None:
    for change in ("0.1 ms", "0.2 ms", "0.9 ms"):
        text = program("sum", "all", 1.0, 5.0, delay=delay, change=change)
        assert arrived("brian2", text).tolist() == arrived("cpu", text).tolist()


def test_lanes_and_weights_of_many_kinds_add_up_alike() -> None:
    rng = np.random.default_rng(1)
    weights = ", ".join(f"[{', '.join(map(repr, row))}]" for row in rng.normal(size=(3, 3)).tolist())
    text = program("sum", "all", 1.0, 0.3).replace("CON s, all", f"CON s, [{weights}]")
    one = arrived("cpu", text)
    assert arrived("cpu", text, lanes=7).tolist() == one.tolist() * 7
    assert arrived("brian2", text).tolist() == one.tolist()


def test_connections_of_a_matrix_stay_where_they_are_while_it_is_multiplied() -> None:
    """Kernels have been told the addresses."""
    text = program("sum", "matrix", 1.0, 5.0).replace("[[1, 1, 1]", "[[0, 2, 3]")
    model = Machine(verify(assemble(text)), 1, 1).model
    model.projections.connect()
    start, post = (model.state.fields[f"{name}:s"] for name in ("start", "post"))
    model.projections.set_weight("s", ConnectionValues(0.5, "s.weight"))
    assert model.state.fields["start:s"] is start and model.state.fields["post:s"] is post
    assert model.state.fields["weight:s"].tolist() == [1, 1.5] + [0.5] * 6


def test_a_program_that_sets_no_weight_under_way_adds_up_at_departure() -> None:
    from bioasm.vm.names import NameTable

    text = program("sum", "all", 1.0, 5.0)
    for said, names in ((text, {"s"}), (text.replace("SET s.weight, 5.0\n", ""), set())):
        verified = verify(assemble(said))
        assert NameTable(verified.network, verified).reweighted == names
