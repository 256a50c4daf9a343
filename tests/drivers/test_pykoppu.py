"""pykoppu's calling convention: lists of instruction objects in, its triple out, and the same program as the printed text."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from bioasm.binary.writer import program_hash
from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions, connect
from bioasm.drivers.pykoppu import program_from_instructions
from bioasm.text.assemble import assemble


class OpCode(Enum):
    """pykoppu's seven operation codes, and some that only BioASM has."""

    ALC = auto()
    LDJ = auto()
    LDH = auto()
    SIG = auto()
    RUN = auto()
    RST = auto()
    RD = auto()
    MODEL = auto()
    OUT = auto()
    CLAMP = auto()


@dataclass
class Instruction:
    """As pykoppu's: printed as its mnemonic and its operands."""

    opcode: OpCode
    operands: list[Any] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"{self.opcode.name} {', '.join(map(str, self.operands))}"


def made(*instructions: tuple[Any, ...]) -> list[Instruction]:
    return [Instruction(OpCode[mnemonic], list(operands)) for mnemonic, *operands in instructions]


def printed(instructions: list[Any]) -> str:
    """The text that pykoppu prints for a program."""
    return "".join(f"{instruction}\n" for instruction in instructions)


def annealing(j: np.ndarray, h: np.ndarray, seconds: float = 0.3) -> list[Instruction]:
    """What pykoppu's compiler makes of a problem."""
    steps = [step for sigma in (10e-3, 5e-3, 2e-3) for step in (("SIG", sigma), ("RUN", seconds / 3))]
    return made(("ALC", len(h)), ("LDJ", j.tolist()), ("LDH", h.tolist()), *steps, ("RD",))


def petersen() -> np.ndarray:
    """pykoppu's couplings of a max-cut problem on the Petersen graph: -1 for each edge."""
    outer = [(k, (k + 1) % 5) for k in range(5)]
    inner = [(5 + k, 5 + (k + 2) % 5) for k in range(5)]
    j = np.zeros((10, 10))
    for a, b in [*outer, *inner, *((k, k + 5) for k in range(5))]:
        j[a, b] = j[b, a] = -1.0
    return j


RNG = np.random.default_rng(7)
REAL = RNG.normal(size=(6, 6))
HALF = RNG.integers(-3, 4, (6, 6)) / 2
PROBLEMS = {
    "two": (np.array([[0.0, -1.0], [-1.0, 0.0]]), np.array([0.5, 0.5])),
    "petersen": (petersen(), np.zeros(10)),
    "minus zero": (petersen(), -np.zeros(10)),
    "halves": (HALF + HALF.T, np.arange(6) / 4),
    "real": (REAL + REAL.T, RNG.normal(size=6)),
    "large": (np.array([[0.0, 300.0], [300.0, 0.0]]), np.array([70000.0, 1e10])),
    "one": (np.zeros((1, 1)), np.array([1e-3])),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_printed_text_and_instructions_are_one_program(name: str) -> None:
    instructions = annealing(*PROBLEMS[name])
    program = assemble(printed(instructions))
    assert program_hash(program_from_instructions(instructions)) == program_hash(program)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8", "bool"])
def test_numpy_operands_are_stored_as_their_numbers(dtype: str) -> None:
    j = np.array([[0, 1], [1, 0]])
    given = made(("ALC", np.int64(2)), ("LDJ", j.astype(dtype)), ("SIG", np.float64(0.01)), ("RUN", np.float32(0.5)))
    wanted = assemble("ALC 2\nLDJ [[0, 1], [1, 0]]\nSIG 0.01\nRUN 0.5\n")
    assert program_hash(program_from_instructions(given)) == program_hash(wanted)


@pytest.mark.parametrize("view", [np.asfortranarray, lambda j: np.kron(j, np.ones((2, 2)))[::2, ::2], np.transpose])
def test_the_order_in_memory_does_not_matter(view: Any) -> None:
    j = np.array([[0.0, 0.25], [0.5, 0.0]])
    given = program_from_instructions(made(("ALC", 2), ("LDJ", view(j))))
    wanted = assemble(f"ALC 2\nLDJ {view(j).tolist()}\n")
    assert program_hash(given) == program_hash(wanted)


def test_mnemonics_may_be_words_in_any_case() -> None:
    @dataclass
    class Plain:
        opcode: str
        operands: tuple[Any, ...] = ()

    given = program_from_instructions([Plain("alc", (3,)), Plain("Rd")])
    assert program_hash(given) == program_hash(assemble("ALC 3\nRD\n"))


def test_more_than_pykoppus_instructions() -> None:
    given = made(("MODEL", "ising"), ("ALC", 3), ("CLAMP", [0, 2], -1), ("OUT", 1.5, "x"), ("RD", "spins"))
    text = "MODEL ising\nALC 3\nCLAMP [0, 2], -1\nOUT 1.5, x\nRD spins\n"
    assert program_hash(program_from_instructions(given)) == program_hash(assemble(text))


# --- running --------------------------------------------------------------------------------------------


def execute(instructions: list[Any], seed: int = 1) -> Any:
    driver = connect("cpu")
    try:
        return driver.execute(instructions, RunOptions(seed=seed))
    finally:
        driver.disconnect()


def test_the_triple_is_unpacked_as_pykoppu_does() -> None:
    state, history, (times, index) = execute(annealing(*PROBLEMS["petersen"]))
    assert state.shape == (10,) and ((state >= 0) & (state <= 1)).all()
    assert isinstance(history, list) and len(history) == 300
    assert times.shape == index.shape and times.min() >= 0 and times.max() < 300
    assert set(index) <= set(range(10))


def test_the_triple_is_a_tuple_of_three() -> None:
    outcome = execute(annealing(*PROBLEMS["two"]))
    assert isinstance(outcome, tuple) and len(outcome) == 3


def test_the_whole_result_comes_along() -> None:
    outcome = execute(annealing(*PROBLEMS["real"]), seed=9)
    result = outcome.result
    assert (result.driver, result.model, result.seed, result.n) == ("cpu", "lif_critical", 9, 6)
    assert np.array_equal(outcome[0], result.state[0])
    assert outcome[1] == result.energy_trace[0].tolist()


def test_the_text_runs_as_the_instructions_do() -> None:
    from bioasm.api.run import run

    instructions = annealing(*PROBLEMS["real"])
    by_objects, by_text = execute(instructions).result, run(printed(instructions), seed=1)
    assert by_objects.program_sha256 == by_text.program_sha256
    assert np.array_equal(by_objects.state, by_text.state)
    assert np.array_equal(by_objects.energy_trace, by_text.energy_trace)
    assert np.array_equal(by_objects.spikes.t, by_text.spikes.t)


def test_only_lane_0_is_in_the_triple() -> None:
    with connect("cpu") as driver:
        outcome = driver.execute(annealing(*PROBLEMS["two"]), RunOptions(seed=1, lanes=4))
    assert outcome.result.lanes == 4
    assert outcome[0].shape == (2,)
    assert len(outcome[2][0]) == (outcome.result.spikes.lane == 0).sum()


def test_without_couplings_there_is_no_history() -> None:
    state, history, _ = execute(made(("ALC", 2), ("SIG", 0), ("RUN", 0.2), ("RD",)))
    assert history == []
    assert state == pytest.approx([0.9, 0.9], abs=1e-3)


def test_the_lowest_state_of_a_max_cut_program_is_found() -> None:
    """Couplings of -1 for each edge and a bias: the lowest 0/1 states are the largest sets without an inner edge."""
    j, h = petersen(), np.full(10, 0.5)
    subsets = [np.isin(np.arange(10), chosen).astype(float) for k in range(11) for chosen in combinations(range(10), k)]
    lowest = min(-0.5 * s @ j @ s - h @ s for s in subsets)
    with connect("cpu") as driver:
        result = driver.execute(annealing(j, h, 1.0), RunOptions(seed=1, lanes=16)).result
    assert result.best_energy.min() == lowest == -2.0


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instructions", "code"),
    [
        ([], "B406"),
        ([Instruction("FLY", [1])], "B002"),  # type: ignore[arg-type]
        ([object()], "B002"),
        (made(("ALC", 2), ("LDJ", [[0, 1], [1]])), "B004"),
        (made(("ALC", 2), ("LDJ", [["a", "b"], ["c", "d"]])), "B010"),
        (made(("ALC", 2), ("LDJ", np.zeros((2, 2), complex))), "B010"),
        (made(("ALC", 2), ("LDJ", np.full((2, 2), 2**63 + 1, np.uint64))), "B010"),
        (made(("ALC", 2), ("LDJ", [[0, np.nan], [1, 0]])), "B109"),
        (made(("ALC", 2), ("LDJ", np.zeros((3, 3)))), "B106"),
        (made(("ALC", 2), ("LDH", 0.5)), "B004"),
        (made(("ALC", None)), "B004"),
        (made(("ALC", 2), ("RUN", -1)), "B014"),
        (made(("ALC", 2, 3)), "B003"),
        (made(("RUN", 1)), "B101"),
        (made(("ALC", 2), ("RD", "nothing of this name")), "B108"),
    ],
)
def test_what_can_not_be_run_is_refused(instructions: list[Any], code: str) -> None:
    with connect("cpu") as driver, pytest.raises(BioasmError) as caught:
        driver.execute(instructions)
    assert code in {d.code for d in caught.value.diagnostics}


# --- pykoppu itself, where it is installed ----------------------------------------------------------------


def test_pykoppus_own_instructions() -> None:
    compiler = pytest.importorskip("pykoppu.biocompiler.compiler", reason="pykoppu is not installed")
    problem = type("Problem", (), {"J": petersen(), "h": np.zeros(10)})()
    instructions = compiler.BioCompiler().compile(problem, duration=300.0)
    assert program_hash(program_from_instructions(instructions)) == program_hash(assemble(printed(instructions)))
    assert execute(instructions)[0].shape == (10,)
