"""Whatever passes the gate neither crashes the machine nor runs past its fuel, and runs the same however it is cut."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from bioasm.diagnostics import BioasmError
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify
from bioasm.vm.layout import Ctx, Status
from bioasm.vm.machine import Machine
from tests.vm.support import everything

N = 3
FUEL = 400
LENGTH = 14

NUMBERS = st.sampled_from(["0", "1", "-1", "0.5", "2", "3", "1e-3", "-1e-3", "1e300", "-1e300", "1e-300", "7.25", "100"])
REGISTERS = st.integers(0, 4).map(lambda k: f"r{k}")
VALUES = st.one_of(REGISTERS, NUMBERS)
LABELS = st.integers(0, LENGTH).map(lambda k: f"l{k}")
SMALL = st.sampled_from(["0", "1 ms", "0.2 ms", "2.35 ms", "1e-7"])
WEIGHTS = st.sampled_from(["0", "1", "-1", "2", "-3"])


def vectors(number: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(number, min_size=N, max_size=N).map(lambda row: f"[{', '.join(row)}]")


def form(text: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda chosen: text.format(*chosen))


ARITHMETIC = ["ADD", "SUB", "MUL", "DIV", "MIN", "MAX", "POW", "MOD"]
FUNCTIONS = ["MOV", "NEG", "ABS", "SQRT", "EXP", "LOG", "FLOOR"]
BRANCHES = ["JEQ", "JNE", "JLT", "JLE", "JGT", "JGE"]
AMPERES = st.sampled_from(["0", "1e-9", "-2e-9", "1e-10"])
VOLTS = st.sampled_from(["0", "5e-3", "-0.06", "0.1"])
EVERY = st.sampled_from(["0.1 ms", "0.3 ms", "1 ms"])
NEURONS = st.sampled_from(["0", "2", "[0]", "[2, 1]", "[0, 1, 2]", "r0", "r3"])

ANY = [
    *(form(f"{mnemonic} {{}}, {{}}, {{}}", REGISTERS, VALUES, VALUES) for mnemonic in ARITHMETIC),
    *(form(f"{mnemonic} {{}}, {{}}", REGISTERS, VALUES) for mnemonic in FUNCTIONS),
    *(form(f"{mnemonic} {{}}, {{}}, {{}}", VALUES, VALUES, LABELS) for mnemonic in BRANCHES),
    form("JMP {}", LABELS),
    form("LOOP {}, {}", REGISTERS, LABELS),
    form("OUT {}", VALUES),
    form("LDO {}", VALUES),
    form("LDH {}", vectors(WEIGHTS)),
    form("LDJ [{}, {}, {}]", *[vectors(WEIGHTS)] * 3),
    form("LDT terms(3) {{ 0 1 2 {} | 0 1 {} }}", WEIGHTS, WEIGHTS),
    st.sampled_from(["HLT", "RST", "RD", "RD energy", "RD best_energy", "RD best_state", "RD energy_trace", "RD time", "FREE"]),
    form("FREE {}", NEURONS),
    form("UNREC s"),
    form("GET {}, {}", REGISTERS, st.sampled_from(["energy", "best_energy", "time", "steps", "noise"])),
    form("PEEK {}, s, {}", REGISTERS, st.sampled_from(["0", "2", "r0", "r1"])),
    form("SIG {}", st.one_of(REGISTERS, st.sampled_from(["0", "0.002", "1"]))),
]
TWIN = [
    *ANY,
    form("RUN {}", st.one_of(REGISTERS, SMALL)),
    form("CUR {}", st.one_of(REGISTERS, AMPERES, vectors(AMPERES))),
    form("WAVE [[{}], [{}]], {}", AMPERES, AMPERES, EVERY),
    form("SPK [[0.0012, 1], [{}, 2]], {}", st.sampled_from(["0", "1e-3", "1e9", "1e300"]), VOLTS),
    form("POI {}, {}", st.sampled_from(["0", "100", "10000", "r0"]), VOLTS),
    form("REC {}, {}", st.sampled_from(["v", "s", "I", "spike_count"]), EVERY),
    form("CLAMP {}, {}", NEURONS, st.one_of(REGISTERS, VOLTS)),
    form("SET {}, {}", st.sampled_from(["El", "Vt", "Vr", "I_offset"]), VALUES),
    form("SET {}, {}", st.sampled_from(["R", "tau"]), st.one_of(REGISTERS, st.sampled_from(["1e-5", "3", "1e300"]))),
    form("SET tau, {}", vectors(st.sampled_from(["0.01", "0.02", "1e-5"]))),
    st.sampled_from(["RD v", "RD spikes", "RD spike_count"]),
]
SPINS = [
    *ANY,
    form("RUN {}", st.one_of(REGISTERS, st.sampled_from(["0", "1", "2", "7"]))),
    form("REC s, {}", st.sampled_from(["1", "3"])),
    form("CLAMP {}, {}", NEURONS, st.sampled_from(["-1", "1", "r0"])),
    form("RD spins"),
]
# Whole programs need their registers written and neurons allocated on every path, so every program begins alike.
BEGIN = "".join(f"MOV r{k}, {v}\n" for k, v in enumerate(["2", "0.001", "-1", "1", "3"])) + f"ALC {N}\n"
# All numbers of couplings, biases and terms are whole, so that few kernels are needed.
LOAD = "LDJ [[0, 1, 0], [1, 0, 2], [0, 2, 0]]\n"


@st.composite
def programs(draw: st.DrawFn) -> tuple[str, Verified]:
    model = draw(st.sampled_from(["lif_critical", "ising"]))
    lines = draw(st.lists(st.one_of(TWIN if model == "lif_critical" else SPINS), min_size=1, max_size=LENGTH))
    body = "".join(f"l{k}: {line}\n" for k, line in enumerate(lines))
    ends = "".join(f"l{k}:\n" for k in range(len(lines), LENGTH + 1))
    text = f"MODEL {model}\n{BEGIN}{LOAD}{body}{ends}"
    return text, verify(assemble(text))


def outcome(verified: Verified, lanes: int, budgets: itertools.cycle) -> tuple[object, ...]:
    """How a run ended: its status and everything that it left, or the codes of its error."""
    this = Machine(verified, 1, lanes, fuel=FUEL)
    for _ in range(100 * FUEL):
        this._budget = next(budgets)
        try:
            status = this.run_slice()
        except BioasmError as raised:
            return tuple(d.code for d in raised.diagnostics)
        assert 0 <= this.state.ctx[Ctx.FUEL] <= FUEL
        if status is not Status.SLICE:
            return status, everything(this)
    raise AssertionError("the run does not end")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(programs(), st.sampled_from([1, 20]), st.lists(st.integers(1, 50), min_size=1, max_size=4))
def test_verified_programs_end_within_their_fuel(made: tuple[str, Verified], lanes: int, budgets: list[int]) -> None:
    _, verified = made
    whole = outcome(verified, lanes, itertools.cycle([1 << 40]))
    if whole[0] in (Status.HALT, Status.FUEL):
        assert outcome(verified, lanes, itertools.cycle(budgets)) == whole
    else:
        assert set(whole) <= {"B402", "B407"}
