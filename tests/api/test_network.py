"""Programs built by calls: the same bytes as their text, every instruction, arrays and graphs, and what is refused."""

from __future__ import annotations

from typing import Any

import networkx
import numpy as np
import pytest
import scipy.sparse

import bioasm
from bioasm.binary.writer import to_bytes
from bioasm.isa.table import ROWS
from bioasm.verifier.gate import verify

WEIGHTS = np.array([[0, 2e-3, 0], [0, 0, 1e-3], [3e-3, 0, 0]])


def ring(weights: Any) -> bioasm.Network:
    """Three neurons that excite each other in a ring."""
    net = bioasm.Network().pop("cells", "lif_critical", 3)
    net.syn("ring", "cells", "cells").con("ring", weights).set("ring.delay", "1 ms")
    return net.evt("cells", [[0.001, 0]], "30 mV").run("20 ms").rd("spikes")


@pytest.mark.parametrize(
    "weights",
    [WEIGHTS, WEIGHTS.tolist(), scipy.sparse.csr_array(WEIGHTS),
     networkx.DiGraph([(0, 1, {"weight": 2e-3}), (1, 2, {"weight": 1e-3}), (2, 0, {"weight": 3e-3})])],
    ids=["array", "lists", "sparse", "graph"],
)  # fmt: skip
def test_a_network_is_its_text(weights: Any) -> None:
    net = ring(weights)
    assert to_bytes(bioasm.assemble(str(net))) == to_bytes(net.program())
    result, same = bioasm.run(net, seed=1), bioasm.run(ring(WEIGHTS), seed=1)
    assert np.array_equal(result.spikes.t, same.spikes.t)
    assert np.array_equal(result.state, same.state)


def test_every_instruction_is_a_method() -> None:
    net = bioasm.Network()
    assert {row.mnemonic.lower() for row in ROWS} <= set(dir(net))
    for row in ROWS:
        assert callable(getattr(net, row.mnemonic.lower()))


def test_loops_and_constants() -> None:
    net = bioasm.Network().const("T", 2).const("times", 3).model("ising").alc(2).ldj([[0, 1], [1, 0]]).mov("r0", "times")
    net.label("again").sig("T").run("5 sweeps").loop("r0", "again").rd("best_energy")
    assert bioasm.run(net, set={"times": 4}, seed=1).steps == 20
    assert "again" in str(net)


def test_an_undirected_graph_is_symmetric_couplings() -> None:
    graph = networkx.Graph([("a", "b", {"weight": -2}), ("b", "c", {"weight": 1})])
    result = bioasm.run(bioasm.Network().model("ising").alc(3).ldj(graph).sig(0.1).run(50).rd("best_energy"), seed=1)
    assert result.best_energy == [-3]


def test_it_begins_with_a_text() -> None:
    step = "dv/dt = -v/(10 ms) using euler"
    text = f'.model own {{\n  "a leak"\n  state:\n    v = 1 V\n  step:\n    {step}\n  spike:\n    v > 2 V\n}}\n'
    assert bioasm.run(bioasm.Network(text).pop("cells", "own", 2).run("1 ms").rd("cells.v"), seed=1).n == 2


@pytest.mark.parametrize("word", ["a, b", "a\nHLT", "a ; b", "", "[1]"])
def test_a_word_is_one_operand(word: str) -> None:
    with pytest.raises(bioasm.BioasmError, match="B001.*not one operand"):
        bioasm.Network().rd(word)


def test_a_quoted_formula_is_one_operand() -> None:
    made = bioasm.Network().pop("cells", "lif", 3).syn("s", "cells", "cells").con("s", '"i != j and max(i, j) > 0"')
    made.set("s.weight", '"1 mV*max(log(1 + i), 0.5)"').run("1 ms")
    found = verify(made.program()).instructions
    assert [type(i.operands[1]).__name__ for i in found if i.mnemonic == "SET"] == ["Pairwise"]


def test_what_is_no_instruction() -> None:
    with pytest.raises(AttributeError, match="no instruction 'rnu'; did you mean run"):
        bioasm.Network().rnu(3)


def test_errors_are_those_of_a_program() -> None:
    with pytest.raises(bioasm.BioasmError, match="(?s)B003.*RUN takes 1 operand"):
        bioasm.Network().alc(2).run().program()
