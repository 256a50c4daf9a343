"""Connections and spikes under way that a program asks for: counted as they are made, refused with their place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bioasm.api.run import assemble
from bioasm.demand import footprint
from bioasm.demand.connections import wires
from bioasm.demand.footprint import check_demand, demand
from bioasm.diagnostics import BioasmError
from bioasm.isa.limits import LIMITS, Limit
from bioasm.network.wiring import Candidates, Rule
from bioasm.runtime.connectivity import from_rule
from bioasm.runtime.options import LaneValues
from bioasm.verifier.gate import Verified, verify
from tests.command import bioasm


def network(rule: str, n: int, m: int, delay: str = "1 ms", own: str = "") -> Verified:
    return verify(
        assemble(f"""
POP a, lif, {n}
POP b, lif, {m}
SYN p, a, b
SYN q, a, a
CON p, {rule}
CON q, {own or rule}
SET p.weight, 1 mV
SET q.weight, 1 mV
SET p.delay, {delay}
RUN 1 ms
""")
    )


@pytest.mark.parametrize(
    ("rule", "own", "sizes"),
    [
        ("all", "others", (40, 30)),
        ("all", "all", (1, 50)),
        ("one_to_one", "one_to_one", (30, 30)),
        ("indegree, 7", "indegree, 40", (40, 30)),
        ("outdegree, 7", "outdegree, 0", (40, 30)),
        ("outdegree, 50", "indegree, 1", (1, 50)),
        ('"indegree with multapses", 70', '"all without autapses"', (40, 30)),
        ('"outdegree with multapses", 90', '"outdegree without autapses", 39', (40, 30)),
        ("total, 777", '"total without autapses", 900', (40, 30)),
        ('"total with multapses", 7777', '"total with multapses without autapses", 3', (40, 30)),
    ],
)
def test_rules_are_counted_exactly(rule: str, own: str, sizes: tuple[int, int]) -> None:
    verified = network(rule, *sizes, own=own)
    for place, (one, told) in enumerate(zip(verified.network.projections, wires(verified, 1), strict=True)):
        pre, post = sizes[0], sizes[1 - place]
        among = Candidates(pre, post, 0 if place else None, one.rule.autapses)
        found = from_rule(one.rule, one.number or 0.0, among, 1, place)
        assert told.connections == len(found[1])
        transposed = len(found[1]) * 2 if one.rule.kind == "indegree" else 0  # are drawn by target first
        assert told.bytes == found[0].nbytes + found[1].nbytes + transposed


@pytest.mark.parametrize("p", [0.0, 0.01, 0.5, 1.0])
def test_a_probability_is_counted_with_a_margin(p: float) -> None:
    told = wires(network(f"probability, {p}", 300, 400), 1)[0].connections
    made = len(from_rule(Rule("probability"), p, Candidates(300, 400), 5, 0)[1])
    assert made <= told <= made + 12 * np.sqrt(120_000 * p * (1 - p)) + 1


def test_a_matrix_counts_by_its_entries() -> None:
    verified = verify(assemble("POP a, lif, 3\nSYN p, a, a\nCON p, [[0, 1, 0], [1, 0, 0], [0, 0, 0]]\nRUN 1 ms\n"))
    assert wires(verified, 1)[0].connections == 2


def test_delays_count_by_targets_lanes_and_steps() -> None:
    told = demand(network("all", 10, 30, "20 ms"), lanes=3)
    assert told.under_way == 8 * 3 * (30 * 201 + 10)
    assert demand(network("all", 10, 30, "20 ms"), 3, {"dt": 0.05e-3}).under_way == 8 * 3 * (30 * 401 + 10)


@pytest.mark.parametrize("delay", ["uniform(0 ms, 10 ms)", "normal(1 ms, 5 ms, 0 ms, 10 ms)", str([0, 10e-3] * 75)])
def test_delays_of_each_connection_count_by_the_longest(delay: str) -> None:
    one, own = wires(network("indegree, 5", 40, 30), 8)[0], wires(network("indegree, 5", 40, 30, delay), 8)[0]
    assert own.connections == one.connections == 150
    assert own.ring == 4 * 40 * 8 * 101  # a list for each step, of all neurons at most
    assert own.bytes > one.bytes


@pytest.mark.parametrize(
    ("con", "delay", "place"), [("all", "1 ms", "3:1"), ("indegree, 1000", "50 s", "5:1"), ("probability, 0.9", "0 s", "3:1")]
)
def test_what_no_run_may_hold_is_refused_at_check(
    con: str, delay: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"POP a, lif, 200000\nSYN p, a, a\nCON p, {con}\nSET p.weight, 1 mV\nSET p.delay, {delay}\nRUN 1 ms\n"
    Path("p.basm").write_text(text)
    for command in ("check", "info", "run"):
        told = bioasm(command, "p.basm")
        assert told.code == 1
        assert told.stderr.startswith(f"p.basm:{place}: error[B111]: connections and spikes under way take")


def test_what_this_machine_can_not_hold_is_told_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "memory", lambda: 5 * 10**8)
    needed = demand(network("indegree, 1000", 100_000, 10))
    with pytest.raises(BioasmError, match=r"B403.*most of it for connections \(0.802 GB\)") as caught:
        check_demand(needed, here=True)
    assert caught.value.diagnostics[0].span.line == 7
    (warning,) = footprint.memory_warning(needed)
    assert (warning.severity, warning.span.line) == ("warning", 7)


def test_the_limit_is_that_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = demand(network("all", 10, 10))
    total = needed.connections + needed.under_way
    monkeypatch.setitem(LIMITS, "network_bytes", Limit(total, "a test"))
    check_demand(needed, here=False)
    monkeypatch.setitem(LIMITS, "network_bytes", Limit(total - 1, "a test"))
    with pytest.raises(BioasmError, match="B111"):
        check_demand(needed, here=False)


def test_info_tells_connections_and_that_their_spikes_are_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.basm").write_text("POP a, lif, 200\nSYN p, a, a\nCON p, indegree, 100\nSET p.weight, 1 mV\nRUN 1 ms\n")
    told = bioasm("info", "p.basm", "--json").json["run"]
    assert told["bytes"]["connections"] == 4 * 20_000 + 8 * 201
    assert (told["work"]["connections"], told["work"]["deliveries"]) == (20_000, None)
    assert "20,000 connections made; spikes along them not counted" in bioasm("info", "p.basm").text


def test_synapses_that_lanes_have_values_of_count_for_each_lane() -> None:
    text = "POP a, lif, 10\nSYN s, a, a\nVIA s, tsodyks_markram\nCON s, others\nRUN 1 ms\n"
    verified = verify(assemble(text))
    one, own = (wires(verified, 16, None, LaneValues({}, values))[0] for values in ({}, {"s.U": (0.1, 0.2)}))
    assert own.bytes - one.bytes == 8 * 90 * 16
