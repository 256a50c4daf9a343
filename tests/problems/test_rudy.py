"""The generator of graphs: equal to the published files, by their digests and by the files where they are at hand."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from bioasm.diagnostics import EXIT_USAGE, BioasmError
from bioasm.problems.graph import Graph, read_gset
from bioasm.problems.instances import BEST_KNOWN_CUTS, RUDY_ARGUMENTS, find_instance
from bioasm.problems.rudy import Flip, clique, generate, random_graph, torus

FILES = Path(__file__).resolve().parents[3] / "shared" / "data" / "gset"

# First 16 digits of the SHA-256 over `n`, a newline and the rows (u, v, weight), from 0, as 64-bit little-endian
# integers, taken from graphs that were compared with the published files.
DIGESTS = dict(
    line.split()
    for line in """
G1 6c8d3888583822ea
G2 7b18e2e769a33467
G3 f103da01c55a9a93
G4 fece93725ee0074d
G5 e4007447b54b3990
G6 6a00026fefad8e47
G7 ade83358ed1c53d9
G8 1e3ba7fca6089ea8
G9 3b449d2f73d5058a
G10 18eb8e5ec7c32599
G11 f5d6afc767cc0eea
G12 15c1f6a1ba8241cc
G13 7cc9cb34e36c4893
G22 d90ca5cdee5d2f07
G23 fc6456c398c278a8
G24 ee5a67d9370ac7de
G25 9d68dbef77a37eea
G26 bf22c11a587e1db2
G27 5aea52c49e3d730b
G28 9e6751fb3d98b490
G29 75b579fe138cc329
G30 deda53b1d755dfa4
G31 07a2be7946713a31
G32 749cf5d46209dbbd
G33 96b06760029d845a
G34 e3162f1624d33798
G43 827225e2f993fb5e
G44 df9627f70ca4bc51
G45 03b7cf36f117516d
G46 bdf85e000ffe810b
G47 8f2bdd81caf0ee1f
G48 37fd9a2cf4cd1743
G49 c6d6e974c0a1ec04
G50 3dddabb4a3a88e0b
G55 2e079453eb8ffd54
G56 8aaa890756e9e9eb
G57 0fe980e5239862de
G60 dc768db435eb83a0
G61 300cd43af8c97a67
G62 d23a00bf8853ba03
G65 a67529283eb25ced
G66 53ae017572a2f5c5
G67 32f83eb78f5b8a1b
G70 8af9a22b0dded92a
G72 d496f643d2a574f2
G77 f8f15b3aa8a00bf2
G81 cbc75e39006636ef
""".strip().splitlines()
)


def digest(graph: Graph) -> str:
    rows = np.stack((graph.u, graph.v, graph.weight.astype(np.int64)), axis=1)
    return sha256(f"{graph.n}\n".encode() + rows.astype("<i8").tobytes()).hexdigest()[:16]


def test_knuths_own_check_of_his_generator():
    flip = Flip(-314159)
    assert flip.numbers(1)[0] == 119318998
    flip.numbers(133)
    assert flip.below(0x55555555, 1)[0] == 748103812


@pytest.mark.parametrize("pieces", [[1] * 200, [54, 1, 55, 90], [200], [0, 3, 197]])
def test_numbers_do_not_depend_on_how_they_are_asked_for(pieces):
    flip = Flip(42)
    assert np.concatenate([flip.numbers(k) for k in pieces]).tolist() == Flip(42).numbers(200).tolist()


def test_numbers_below_a_bound_do_not_depend_on_how_they_are_asked_for():
    bound, flip = 3 << 29, Flip(7)  # a quarter of all numbers is rejected
    one_by_one = [int(flip.below(bound, 1)[0]) for _ in range(100)]
    assert one_by_one == Flip(7).below(bound, 100).tolist()
    assert max(one_by_one) < bound


@pytest.mark.parametrize("name", sorted(DIGESTS, key=lambda name: int(name[1:])))
def test_a_named_graph_is_the_published_one(name):
    assert digest(generate(RUDY_ARGUMENTS[name])) == DIGESTS[name]


def test_k2000_is_the_published_file_byte_for_byte():
    graph = generate(RUDY_ARGUMENTS["K2000"])
    columns = (graph.u + 1).tolist(), (graph.v + 1).tolist(), graph.weight.astype(np.int64).tolist()
    text = "2000 1999000 \n" + "".join(f"{u} {v} {w}\n" for u, v, w in zip(*columns, strict=True))
    assert sha256(text.encode()).hexdigest() == "9ed615e5e18726914f12740b7f9bedb6b69676477ed5958fac42c8ab0c252ba7"


@pytest.mark.parametrize("name", ["G1", "G11", "G22", "G43", "G55", "G70", "G81"])
def test_a_generated_graph_is_the_file_at_hand(name):
    path = FILES / f"{name}.txt"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    read, made = read_gset(path.read_bytes(), name), generate(RUDY_ARGUMENTS[name])
    assert read.n == made.n
    assert np.array_equal(read.u, made.u)
    assert np.array_equal(read.v, made.v)
    assert np.array_equal(read.weight, made.weight)


def test_every_named_graph_has_its_digest():
    assert set(RUDY_ARGUMENTS) - set(DIGESTS) == {"K2000"}


@pytest.mark.parametrize("name", sorted(set(BEST_KNOWN_CUTS) & set(RUDY_ARGUMENTS) - {"K2000"}))
def test_no_best_known_cut_is_above_what_the_weights_allow(name):
    graph = generate(RUDY_ARGUMENTS[name])
    assert BEST_KNOWN_CUTS[name] <= graph.weight[graph.weight > 0].sum()


def test_the_best_cut_of_an_even_torus_is_all_of_it():
    graph = generate(RUDY_ARGUMENTS["G48"])
    side = (np.arange(graph.n) // 60 + np.arange(graph.n) % 60) % 2
    assert (side[graph.u] != side[graph.v]).sum() == BEST_KNOWN_CUTS["G48"]


@pytest.mark.parametrize(("n", "density", "edges"), [(10, 100, 45), (10, 0, 0), (11, 50, 28), (1, 100, 0), (7, 3, 1)])
def test_a_random_graph_has_its_share_of_edges_none_twice(n, density, edges):
    graph = random_graph(n, density, 5)
    pairs = set(zip(graph.u.tolist(), graph.v.tolist(), strict=True))
    assert len(pairs) == len(graph.u) == edges
    assert (graph.u < graph.v).all()


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (4, 5), (3, 7)])
def test_every_vertex_of_a_torus_has_four_neighbours(rows, columns):
    graph = torus(rows, columns)
    degree = np.bincount(np.concatenate((graph.u, graph.v)), minlength=graph.n)
    assert (degree == 4).all()
    assert len(set(zip(graph.u.tolist(), graph.v.tolist(), strict=True))) == 2 * rows * columns


def test_a_clique_has_all_pairs():
    graph = clique(5)
    assert sorted(zip(graph.u.tolist(), graph.v.tolist(), strict=True)) == [(a, b) for a in range(5) for b in range(a + 1, 5)]


def test_changes_of_weights_apply_from_left_to_right():
    base = generate("-clique 4 -random 2 5 9").weight
    assert set(base.tolist()) <= {2, 3, 4, 5}
    assert generate("-clique 4 -random 2 5 9 -times 3 -plus -1").weight.tolist() == (base * 3 - 1).tolist()
    assert generate("-clique 4 -random 2 5 9 -plus -1 -times 3").weight.tolist() == ((base - 1) * 3).tolist()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ("", "begin with a generator"),
        ("-planar 800 99 8001", "not with '-planar'"),
        ("800 6 8001", "not with '800'"),
        ("-rnd_graph 800 6", "takes n density seed"),
        ("-rnd_graph 800 x 8001", "takes a number, not 'x'"),
        ("-rnd_graph 800.5 6 8001", "takes a whole number, not '800.5'"),
        ("-rnd_graph 800 101 8001", "density is 101"),
        ("-rnd_graph 800 nan 8001", "density is nan"),
        ("-rnd_graph 0 6 8001", "n is 0"),
        ("-rnd_graph 800 6 -1", "seed is -1"),
        ("-toroidal_grid_2D 2 5", "side is 2"),
        ("-clique 5 -frobnicate 3", "'-frobnicate' is no change"),
        ("-clique 5 -random 3 1 7", "3 is above 1"),
        ("-clique 5 -times", "takes factor"),
        ("-clique 5 6", "'6' is no change"),
    ],
)
def test_arguments_that_rudy_would_not_take_are_refused(arguments, part):
    with pytest.raises(BioasmError) as caught:
        generate(arguments)
    found = caught.value.diagnostics[0]
    assert found.code == "B406"
    assert caught.value.exit_code == EXIT_USAGE
    assert part in found.message


@pytest.mark.parametrize("arguments", ["-clique 1000000", "-toroidal_grid_2D 100000 100000", "-rnd_graph 16000000 50 1"])
def test_graphs_that_are_too_large_are_refused_at_once(arguments):
    with pytest.raises(BioasmError) as caught:
        generate(arguments)
    assert caught.value.diagnostics[0].code == "B111"


def test_names_are_found_in_either_case():
    assert find_instance("g22") == "G22"
    assert find_instance("k2000") == "K2000"


@pytest.mark.parametrize(("name", "part"), [("G14", "planar"), ("G222", "G22"), ("petersen", "can be generated")])
def test_an_unknown_name_comes_with_a_hint(name, part):
    with pytest.raises(BioasmError) as caught:
        find_instance(name)
    assert part in caught.value.diagnostics[0].hint
