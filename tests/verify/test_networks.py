"""POP, MECH, SYN and CON: the network that they make, what is refused, and where that is said."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.isa.limits import LIMITS, Limit
from bioasm.isa.program import DataRef, Name, Quantity
from bioasm.network.network import Mechanism, Population, Projection
from bioasm.network.wiring import Rule
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

from .networks import faults, passed, told
from .support import codes, instruction, program

TWO = "POP a, cell, 2\nPOP b, cell, 3\n"
END = "RUN 1 ms\n"


# --- what a network is ------------------------------------------------------------------------------


def test_populations_are_numbered_through() -> None:
    network = passed("POP a, cell, 2\nPOP b, cell, 3\nPOP c, cell, 1\n" + END).network
    assert [(p.name, p.model.name, p.n, p.first) for p in network.populations] == [
        ("a", "cell", 2, 0),
        ("b", "cell", 3, 2),
        ("c", "cell", 1, 5),
    ]
    assert network.n == 6
    assert not network.implicit


def test_first_population_is_the_programs_model() -> None:
    verified = passed("POP a, cell, 2\nPOP b, cell, 3\n" + END)
    assert verified.model.name == "cell"
    assert verified.n == 5


def test_alc_makes_one_population_named_like_its_model() -> None:
    network = passed("MODEL cell\nALC 4\n" + END).network
    assert [(p.name, p.n, p.first) for p in network.populations] == [("cell", 4, 0)]
    assert network.implicit


def test_a_program_without_neurons_has_an_empty_population() -> None:
    verified = passed("OUT 1\n", "")
    assert verified.n == 0
    assert [p.name for p in verified.network.populations] == ["lif_critical"]


def test_mechanisms_know_their_population() -> None:
    network = passed(TWO + "MECH k, leak, b\nMECH t, trace, a\n" + END).network
    assert [(m.name, m.model.name, m.population) for m in network.mechanisms] == [("k", "leak", 1), ("t", "trace", 0)]


@pytest.mark.parametrize(
    ("connected", "rule", "number"),
    [
        ("all", Rule("all"), None),
        ("one_to_one", Rule("one_to_one"), None),
        ("others", Rule("others", False), None),
        ("probability, 0.5", Rule("probability"), 0.5),
        ("probability, 50 %", Rule("probability"), 0.5),
        ("indegree, 2", Rule("indegree"), 2.0),
        ("outdegree, 0", Rule("outdegree"), 0.0),
        ("total, 4", Rule("total"), 4.0),
        ('"all without autapses"', Rule("all", False), None),
        ('"total without autapses", 2', Rule("total", False), 2.0),
        ('"indegree without autapses with multapses", 7', Rule("indegree", False, True), 7.0),
        ('"outdegree  without multapses with autapses", 2', Rule("outdegree"), 2.0),
    ],
)
def test_projections_by_rule(connected: str, rule: Rule, number: float | None) -> None:
    found = passed(f"POP a, cell, 2\nSYN s, a, a.second\nCON s, {connected}\n" + END).network.projections
    assert found == (Projection("s", 0, "a", "second", rule, None, number),)


@pytest.mark.parametrize(
    "matrix",
    ["[[1, 2, 3], [4, 5, 6]]", "sparse(2, 3) { 0 0 1 | 1 2 3 }", "[[1.5, 0, 0], [0, 0, 0]]"],
)
def test_projections_by_matrix(matrix: str) -> None:
    verified = passed(TWO + f".data w = {matrix}\nSYN s, a, b\nCON s, w\n" + END)
    (found,) = verified.network.projections
    assert (found.rule.kind, found.number, found.pre, found.target, found.port) == ("matrix", None, 0, "b", "")
    assert found.data is not None
    assert verified.program.data[found.data].name == "w"


def test_spikes_go_to_mechanisms() -> None:
    (found,) = passed(TWO + "MECH t, trace, b\nSYN s, a, t\nCON s, all\n" + END).network.projections
    assert (found.pre, found.target, found.port) == (0, "t", "")


def test_a_projection_onto_itself() -> None:
    assert passed("POP a, cell, 2\nSYN s, a, a\nCON s, others\n" + END).network.projections[0].pre == 0


def test_constants_say_how_many() -> None:
    assert passed(".const n = 7\nPOP a, cell, n\n" + END).n == 7
    assert (
        passed(".const p = 0.25\nPOP a, cell, 2\nSYN s, a, a\nCON s, probability, p\n" + END).network.projections[0].number
        == 0.25
    )


def test_mechanisms_may_follow_alc() -> None:
    network = passed("MODEL cell\nALC 2\nMECH t, trace, cell\nSYN s, cell, t\nCON s, one_to_one\n" + END).network
    assert network.implicit
    assert [m.name for m in network.mechanisms] == ["t"]
    assert network.projections[0].target == "t"


def test_parts_are_found_by_name() -> None:
    network = passed(TWO + "MECH k, leak, b\nSYN s, a, b\nCON s, all\n" + END).network
    assert network.instance("k") == network.instance("k")
    assert [one.name for one in network.instances()] == ["a", "b", "k"]
    assert network.instance("s") is None
    assert network.projection("s") is network.projections[0]
    assert network.projection("a") is None
    assert network.of_neuron(2).name == "b"


def test_landscape_is_the_population_with_feedback() -> None:
    network = passed("POP a, cell, 2\nPOP b, lif_critical, 3\nLDH [1, 2, 3]\n" + END).network
    assert network.landscape == 1
    assert passed(TWO + END).network.landscape is None
    assert passed("MODEL ising\nALC 2\nRUN 1\n").network.landscape == 0


def test_parts_are_plain_data() -> None:
    model = passed(TWO + END).model
    assert Population("x", model, 1, 0)._fields == ("name", "model", "n", "first", "of")
    assert Mechanism("x", model, 0)._fields == ("name", "model", "population", "where")


# --- what is refused --------------------------------------------------------------------------------

REFUSED = [
    # POP
    ("POP a, cel, 2\n" + END, [(1, "B103")]),
    ("POP a, leak, 2\n" + END, [(1, "B103")]),
    ("POP a, cell, 2\nPOP a, cell, 2\n" + END, [(2, "B008")]),
    ("POP a, cell, 2\nPOP b, ising, 2\n" + END, [(2, "B127")]),
    ("POP a, ising, 2\nPOP b, cell, 2\nRUN 1\n", [(2, "B127")]),
    ("POP a, ising, 2\nPOP b, ising, 2\nRUN 1\n", [(2, "B127")]),
    ("POP a, lif_critical, 2\nPOP b, lif_critical, 2\n" + END, [(2, "B127")]),
    ("POP a.b, cell, 2\n" + END, [(1, "B015")]),
    ('POP "two words", cell, 2\n' + END, [(1, "B015")]),
    ("POP a, cell, 16777216\nPOP b, cell, 1\n" + END, [(2, "B111")]),
    ("RUN 1 ms\nPOP a, cell, 2\n", [(2, "B119")]),
    # MODEL and ALC beside it
    ("POP a, cell, 2\nALC 2\n" + END, [(2, "B102")]),
    ("MODEL cell\nPOP a, cell, 2\n" + END, [(1, "B104")]),
    ("ALC 2\nPOP a, cell, 2\n" + END, [(1, "B102")]),
    # MECH
    (TWO + "MECH k, leek, a\n" + END, [(3, "B103")]),
    (TWO + "MECH k, cell, a\n" + END, [(3, "B103")]),
    (TWO + "MECH k, leak, c\n" + END, [(3, "B120")]),
    (TWO + "MECH a, leak, a\n" + END, [(3, "B008")]),
    (TWO + "MECH t, trace, a\nMECH k, leak, t\n" + END, [(4, "B120")]),
    ("MECH k, leak, a\nPOP a, cell, 2\n" + END, [(1, "B120")]),
    ("POP a, ising, 2\nMECH t, trace, a\nRUN 1\n", [(2, "B123")]),
    ("MODEL cell\nMECH k, leak, cell\nALC 2\n" + END, [(2, "B101")]),
    ("MODEL cell\nALC 2\nMECH k, leak, neurons\n" + END, [(3, "B120")]),
    (TWO + "RUN 1 ms\nMECH k, leak, a\n" + END, [(4, "B119")]),
    (TWO + "again:\nMECH k, leak, a\nJMP again\n", [(4, "B119")]),
    (TWO + "MOV r0, 1\nJGT r0, 0, end\nMECH k, leak, a\nend:\n" + END, [(5, "B119")]),
    (TWO + "HLT\nMECH k, leak, a\n", [(4, "B119")]),
    # a name that was refused once and is defined further down
    ("MECH k, trace, b\n" + TWO + "MECH k, trace, b\nSYN s, a, k.nothing\nCON s, all\n" + END, [(1, "B120"), (5, "B108")]),
    ("MECH k, trace, a\n" + TWO + "MECH k, trace, a\nSYN s, a, k\nCON s, all\n" + END, [(1, "B120")]),
    # SYN
    (TWO + "SYN s, c, a\nCON s, all\n" + END, [(3, "B120")]),
    (TWO + "SYN s, a, c\nCON s, all\n" + END, [(3, "B120")]),
    (TWO + "SYN s, a, b.third\nCON s, all\n" + END, [(3, "B108")]),
    (TWO + "MECH t, trace, a\nSYN s, t, a\nCON s, all\n" + END, [(4, "B120")]),
    (TWO + "MECH k, leak, a\nSYN s, a, k\nCON s, all\n" + END, [(4, "B108")]),
    ("POP a, cell, 2\nPOP q, quiet, 2\nSET dt, 1 ms\nSYN s, q, a\nCON s, all\n" + END, [(4, "B114")]),
    ("POP a, cell, 2\nPOP q, quiet, 2\nSET dt, 1 ms\nSYN s, a, q\nCON s, all\n" + END, [(4, "B108")]),
    (TWO + "SYN a, a, b\nCON a, all\n" + END, [(3, "B008")]),
    (TWO + "SYN s, a, b\nSYN s, b, a\nCON s, all\n" + END, [(4, "B008")]),
    (TWO + "SYN s, a, b\n" + END, [(3, "B122")]),
    (TWO + "SYN s, a, b\nRUN 1 ms\nCON s, all\n", [(5, "B119")]),
    (TWO + "SYN s, a[0:3], b\nCON s, all\n" + END, [(3, "B110")]),
    (TWO + "SYN s, a, b[3:]\nCON s, all\n" + END, [(3, "B110")]),
    (TWO + "SYN s, a[1:1], b\nCON s, all\n" + END, [(3, "B110")]),
    (TWO + "SYN s, a[], b\nCON s, all\n" + END, [(3, "B120")]),
    (TWO + "SYN s, c[0:1], b\nCON s, all\n" + END, [(3, "B120")]),
    (TWO + "SYN s, a, b[0:1].third\nCON s, all\n" + END, [(3, "B108")]),
    (TWO + "MECH k, leak, a[0:1]\n" + END, [(3, "B120")]),
    (TWO + "POS a[0:1], grid, 1 um\n" + END, [(3, "B120")]),
    (TWO + "SYN s, a, b\nCON s, all\nSET s[0:1].weight, 1\n" + END, [(5, "B120")]),
    # parts of a population
    (TWO + "RATE a[0:3], 1 Hz, 1\n" + END, [(3, "B110")]),
    (TWO + "RATE a[0:1].third, 1 Hz, 1\n" + END, [(3, "B108")]),
    (TWO + "RATE a[], 1 Hz, 1\n" + END, [(3, "B120")]),
    (TWO + "RATE b[:2], [1, 2, 3], 1\n" + END, [(3, "B106")]),
    (TWO + "EVT b[1:2], [[0, 1]], 1\n" + END, [(3, "B110")]),
    (TWO + "SET b[2:1].v, 1\n" + END, [(3, "B110")]),
    (TWO + "SET b[0:2].v, [1, 2, 3]\n" + END, [(3, "B106")]),
    (TWO + "SET a[0:1].nothing, 1\n" + END, [(3, "B105")]),
    (TWO + "SET a[0:1].dt, 1 ms\n" + END, [(3, "B105")]),
    (TWO + "SET c[0:1].v, 1\n" + END, [(3, "B120")]),
    (TWO + "REC b[1:].v, 1 ms, [2]\n" + END, [(3, "B110")]),
    (TWO + "REC b[].v\n" + END, [(3, "B120")]),
    (TWO + "PEEK r0, b[0:1].v, 1\n" + END, [(3, "B110")]),
    (TWO + "GET r0, b[0:4].spike_count\n" + END, [(3, "B110")]),
    (TWO + "CLAMP b[0:4], 1\n" + END, [(3, "B110")]),
    (TWO + "CLAMP b[0:2], [1, 2, 3]\n" + END, [(3, "B106")]),
    (TWO + "FREE c\n" + END, [(3, "B120")]),
    (TWO + "RD a[0:3].v\n" + END, [(3, "B110")]),
    (TWO + "RD a[0:1].nothing\n" + END, [(3, "B108")]),
    (TWO + "RD a[0:1].energy\n" + END, [(3, "B108")]),
    ("MODEL cell\nSET v[0:1], 1\nALC 2\n" + END, [(2, "B101")]),
    (TWO + "SYN s, a, b[0:2]\nCON s, [[1, 2, 3], [4, 5, 6]]\n" + END, [(4, "B106")]),
    (TWO + "SYN s, a, b[0:1]\nCON s, one_to_one\n" + END, [(4, "B106")]),
    # CON
    (TWO + "CON s, all\n" + END, [(3, "B120")]),
    (TWO + "SYN s, a, b\nCON z, all\nCON s, all\n" + END, [(4, "B120")]),
    (TWO + "SYN s, a, b\nCON s, all\nCON s, all\n" + END, [(5, "B122")]),
    (TWO + "SYN s, a, b\nCON s, most\n" + END, [(4, "B126")]),
    (TWO + "SYN s, a, b\nCON s, all, 1\n" + END, [(4, "B126")]),
    (TWO + "SYN s, a, b\nCON s, probability\n" + END, [(4, "B126")]),
    (TWO + "SYN s, a, b\nCON s, probability, 1.5\n" + END, [(4, "B126")]),
    (TWO + "SYN s, a, b\nCON s, probability, -0.5\n" + END, [(4, "B014")]),
    (TWO + "SYN s, a, b\nCON s, indegree\n" + END, [(4, "B126")]),
    (TWO + "SYN s, a, b\nCON s, indegree, 3\n" + END, [(4, "B126")]),
    (TWO + "SYN s, a, b\nCON s, indegree, 1.5\n" + END, [(4, "B126")]),
    (TWO + "SYN s, a, b\nCON s, outdegree, 4\n" + END, [(4, "B126")]),
    (TWO + "SYN s, a, b\nCON s, others\n" + END, [(4, "B126")]),
    (TWO + 'SYN s, a, b\nCON s, " "\n' + END, [(4, "B126")]),
    (TWO + 'SYN s, a, b\nCON s, "indegree with", 1\n' + END, [(4, "B126")]),
    (TWO + 'SYN s, a, b\nCON s, "indegree allowing multapses", 1\n' + END, [(4, "B126")]),
    (TWO + 'SYN s, a, b\nCON s, "total without autapses with autapses", 1\n' + END, [(4, "B126")]),
    (TWO + 'SYN s, a, b\nCON s, "probability with multapses", 0.5\n' + END, [(4, "B126")]),
    (TWO + 'SYN s, a, b\nCON s, "one_to_one without autapses"\n' + END, [(4, "B126")]),
    (TWO + "SYN s, a, b\nCON s, total\n" + END, [(4, "B126")]),
    (TWO + "SYN s, a, b\nCON s, total, 7\n" + END, [(4, "B126")]),
    (TWO + "SYN s, a, a\nCON s, total, 2.5\n" + END, [(4, "B126")]),
    (TWO + 'SYN s, a, a\nCON s, "total without autapses", 3\n' + END, [(4, "B126")]),
    (TWO + 'SYN s, a, a\nCON s, "indegree without autapses", 2\n' + END, [(4, "B126")]),
    (TWO + 'SYN s, b, b\nCON s, "outdegree without autapses", 3\n' + END, [(4, "B126")]),
    ('POP a, cell, 1\nSYN s, a, a\nCON s, "indegree with multapses without autapses", 1\n' + END, [(3, "B126")]),
    (TWO + "SYN s, a, b\nCON s, one_to_one\n" + END, [(4, "B106")]),
    (TWO + "SYN s, a, b\nCON s, [[1, 2], [3, 4], [5, 6]]\n" + END, [(4, "B106")]),
    (TWO + "SYN s, a, b\nCON s, [1, 2, 3]\n" + END, [(4, "B106")]),
    (TWO + "SYN s, a, b\nCON s, sparse(3, 2) { 0 0 1 }\n" + END, [(4, "B106")]),
    (TWO + "SYN s, a, b\nCON s, terms(2) { 0 1 1 }\n" + END, [(4, "B004")]),
    (TWO + "SYN s, a, b\nCON s, [[1, 2, 3], [4, 5, 6]], 1\n" + END, [(4, "B126")]),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED)
def test_refused(text: str, expected: list[tuple[int, str]]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("POP a, cel, 2\n", "did you mean cell?"),
        ("POP a, leak, 2\n", "MECH puts a mechanism on a population"),
        (TWO + "MECH k, leek, a\n", "did you mean leak?"),
        (TWO + "MECH k, cell, a\n", "POP adds a population of a neuron model"),
        ("POP cells, cell, 2\nMECH k, leak, cels\n", "did you mean cells?"),
        (TWO + "SYN s, a, b.secnd\n", "did you mean second?"),
        (TWO + "SYN s, a, b\nCON s, alll\n", "did you mean all?"),
        (TWO + "SYN s, a, b\n", "add `CON s, all`"),
        (TWO + "SYN s, a, b\nCON s, others\n", "write `all`"),
        ("RUN 1 ms\nPOP a, cell, 2\n", "move it up"),
    ],
)
def test_hints(text: str, words: str) -> None:
    assert any(words in (d.hint or "") for d in faults(text + END))


def test_what_follows_from_a_refused_part_is_not_told() -> None:
    text = (
        "POP a, cell, 2\nPOP b, cel, 3\nMECH k, leak, b\nSYN s, a, k\nCON s, all\nSET k.g, 1 nS\nREC b.v\nSET s.delay, 1 ms\n"
    )
    assert told(text + END) == [(2, "B103")]


def test_several_faults_are_told_together() -> None:
    text = TWO + "MECH k, leek, a\nSYN s, a, c\nSYN t, a, b\nCON t, most\nREC w\n"
    assert told(text + END) == [(3, "B103"), (4, "B120"), (6, "B126")]


def test_operands_of_other_kinds_are_refused() -> None:
    pop = instruction("POP", Name("a"), Name("lif_critical"), Quantity(2.0))
    wrong = instruction("MECH", Quantity(1.0), Name("ampa"), Name("a"))
    assert codes(program(pop, wrong)) == ["B004"]


def test_unsound_weights_are_not_looked_at() -> None:
    parts = (
        instruction("POP", Name("a"), Name("lif_critical"), Quantity(2.0)),
        instruction("SYN", Name("s"), Name("a"), Name("a")),
        instruction("CON", Name("s"), DataRef(0)),
    )
    assert codes(program(*parts, data=[np.array([[np.nan, 1], [1, 1]])])) == ["B109"]
    assert codes(program(*parts, data=[np.ones((2, 2))])) == []


# --- limits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("populations", "POP p{k}, cell, 1\n"),
        ("mechanisms", "MECH m{k}, trace, first\n"),
        ("projections", "SYN s{k}, first, first\nCON s{k}, all\n"),
    ],
)
def test_limits_of_parts(monkeypatch: pytest.MonkeyPatch, name: str, line: str) -> None:
    monkeypatch.setitem(LIMITS, name, Limit(4, "a test"))
    room = 3 if name == "populations" else 4
    few = "POP first, cell, 1\n" + "".join(line.format(k=k) for k in range(room))
    assert told(few + END) == []
    assert "B111" in [code for _, code in told(few + line.format(k=room) + END)]


def test_a_large_network_passes_in_linear_time() -> None:
    count = LIMITS["projections"].value
    lines = "".join(f"SYN s{k}, a, a\nCON s{k}, others\n" for k in range(count))
    assert len(passed("POP a, cell, 2\n" + lines + END).network.projections) == count


def test_a_network_with_models_that_ship_needs_no_texts() -> None:
    text = "POP a, lif_critical, 2\nSYN s, a, a\nCON s, others\nSET s.weight, 5 mV\n"
    assert verify(assemble(text + END)).network.projections[0].rule.kind == "others"
