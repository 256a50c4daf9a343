"""A checkpoint is not believed: whatever it holds, it is refused with a diagnostic, or the run stays in bounds and ends."""

from __future__ import annotations

import io
import json
import os
import resource
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray

from bioasm.binary.writer import program_hash
from bioasm.diagnostics import BioasmError
from bioasm.vm.checkpoint import _checksum, checkpoint_seed, load_checkpoint, save_checkpoint
from bioasm.vm.layout import Status
from tests.models.test_receive_order import EARLY, TWO
from tests.seeds import seeds
from tests.vm.network_programs import SENT
from tests.vm.support import everything, machine, program
from tests.vm.synapse_programs import LEARNED
from tests.vm.test_runs import SPINS, TWIN

# Spikes that act one after another: counts of them are bounds of loops.
ORDERED = (
    TWO
    + """
    POP p, two, 4
    MOV r1, 0.25
    EVT p, [[1e-4, 0], [1e-4, 0], [9e-3, 1], [9e-3, 1], [15e-3, 3]], r1
    RATE p, 4000 Hz, 0.001
    RUN 10 ms
    RD a
    RATE p, 100 Hz, r1
    RUN 10 ms
    RD b
"""
)
TEXTS = {"spins": SPINS, "twin": TWIN, "sent": SENT, "ordered": ORDERED, "learned": LEARNED}
LANES = {"spins": 1, "twin": 20, "sent": 1, "ordered": 1, "learned": 1}
BUDGETS = (10, 90)  # before and within most of what the programs do
FUEL = 300
REFUSED = {"B404", "B403", "B402", "B407", "B111"}
# Of each budget and part; a network's source is written for each.
MANY = {"spins": 60, "twin": 60, "sent": 12, "ordered": 24, "learned": 12}

Arrays = dict[str, NDArray[Any]]


@cache
def saved(name: str, budget: int) -> bytes:
    """A checkpoint of a run that was cut after a slice of `budget`."""
    path = Path(f"/dev/shm/bioasm-{os.getpid()}.npz") if Path("/dev/shm").is_dir() else Path(f"bioasm-{os.getpid()}.npz")
    this = machine(TEXTS[name], lanes=LANES[name])
    try:
        this._budget = budget
        this.run_slice()
        save_checkpoint(path, this, program_hash(program(TEXTS[name])))
        return path.read_bytes()
    finally:
        this.close()
        path.unlink(missing_ok=True)


def opened(content: bytes) -> tuple[dict[str, Any], Arrays]:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return json.loads(arrays.pop("meta").tobytes()), arrays


def packed(meta: dict[str, Any], arrays: Arrays) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)
    return stream.getvalue()


def closed(meta: dict[str, Any], arrays: Arrays) -> bytes:
    """A checkpoint whose checksum is right, as somebody would make it who means harm."""
    return packed(meta | {"checksum": _checksum(arrays)}, arrays)


def outcome(name: str, content: bytes, path: Path) -> str:
    """The code with which a run from a checkpoint ends, or `ran`."""
    path.write_bytes(content)
    this = machine(TEXTS[name], lanes=LANES[name], fuel=FUEL)
    try:
        load_checkpoint(path, this, program_hash(program(TEXTS[name])))
        status = Status.SLICE
        while status is Status.SLICE:
            status = this.run_slice()
        assert status in (Status.HALT, Status.FUEL)
        everything(this)
    except BioasmError as refused:
        (code,) = {d.code for d in refused.diagnostics}
        return code
    finally:
        this.close()
    return "ran"


# --- mutants ----------------------------------------------------------------------------------------

NUMBERS = (0, 1, -1, 2, 7, 255, 1 << 31, -(1 << 31), (1 << 33) - 2, 1 << 62, -(1 << 63), (1 << 63) - 1)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 1e300, float("nan"), float("inf"), -float("inf"), 2.0**62)
LEAVES = (None, True, "", "x", [], {}, [[0, 0]], 0.5, 1e308, float("nan"), float("inf"), 1 << 200, *NUMBERS)
TYPES = ("<f8", "<f4", "<i8", "<i4", "|u1", "|i1", "|b1", "<U4", "|S3", ">i8", "<c16")


def other_values(array: NDArray[Any], random: Generator) -> NDArray[Any]:
    array = array.copy()
    if not array.size:
        return np.zeros((3, *array.shape[1:]), array.dtype)
    flat = array.reshape(-1)
    places = slice(None) if random.random() < 0.3 else random.integers(0, flat.size, 1 + flat.size // 4)
    if array.dtype.kind == "f":
        flat[places] = random.choice(FLOATS)
    else:
        with np.errstate(all="ignore"):
            flat[places] = np.int64(random.choice(NUMBERS)).astype(array.dtype)
    return flat.reshape(array.shape)


def other_shape(array: NDArray[Any], random: Generator) -> NDArray[Any]:
    forms: list[Callable[[], NDArray[Any]]] = [
        lambda: array[None],
        lambda: np.concatenate([np.atleast_1d(array)] * 2),
        lambda: np.atleast_1d(array)[:-1],
        lambda: np.atleast_1d(array)[:0],
        lambda: np.asfortranarray(np.broadcast_to(array, (2, *array.shape))),
        lambda: np.zeros(1 << 16, array.dtype),
    ]
    return forms[random.integers(len(forms))]()


def other_type(array: NDArray[Any], random: Generator) -> NDArray[Any]:
    return np.zeros(array.shape, random.choice(TYPES))


def leaves(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all values of a JSON value, containers included."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, one in inner for place in leaves(one, (*at, key)))]


def mutant(content: bytes, random: Generator) -> bytes:
    """One to three fields changed, lost or added."""
    meta, arrays = opened(content)
    for _ in range(random.integers(1, 4)):
        kind = random.integers(6)
        if kind <= 2:
            name = random.choice(sorted(arrays))
            arrays[name] = (other_values, other_values, other_shape, other_type)[random.integers(4)](arrays[name], random)
        elif kind == 3:
            places = [p for p in leaves(meta) if p and p[0] not in ("format", "program_sha256", "lanes", "seed")]
            *path, last = places[random.integers(len(places))]
            inner = meta
            for key in path:
                inner = inner[key]
            inner[last] = LEAVES[random.integers(len(LEAVES))]
            meta = json.loads(json.dumps(meta))
        elif kind == 4:
            arrays.pop(random.choice(sorted(arrays)))
        else:
            arrays[random.choice(["array.CODE", "array.J", "array.NEW", "field.x", "value.p0.x", "ctx"])] = np.ones(9)
    return closed(meta, arrays)


@pytest.mark.parametrize("part", seeds(1, 2))
@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("name", TEXTS)
def test_mutants_are_refused_or_run_in_bounds(name: str, budget: int, part: int, tmp_path: Path) -> None:
    random = np.random.default_rng([part, budget, len(name)])
    found = [outcome(name, mutant(saved(name, budget), random), tmp_path / "c") for _ in range(MANY[name])]
    assert set(found) <= REFUSED | {"ran"}
    assert found.count("B404") > MANY[name] // 4


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_not_changed_is_taken(name: str, tmp_path: Path) -> None:
    assert outcome(name, closed(*opened(saved(name, 90))), tmp_path / "c") == "ran"


@pytest.mark.parametrize("name", TEXTS)
def test_every_number_of_the_meta_data_is_checked(name: str, tmp_path: Path) -> None:
    """Each value in turn becomes one that it can't be."""
    places = [p for p in leaves(opened(saved(name, 90))[0]) if p and p[0] not in ("recorders", "readings")]
    chosen = np.random.default_rng(1).permutation(len(places))[: MANY[name]]
    for *path, last in (places[k] for k in chosen):
        meta, arrays = opened(saved(name, 90))
        inner = meta
        for key in path:
            inner = inner[key]
        inner[last] = "no"
        content = closed(meta, arrays) if last != "checksum" else packed(meta, arrays)
        assert outcome(name, content, tmp_path / "c") == "B404", (path, last)


@pytest.mark.parametrize("field", ["events:p0.", "events:p0.:random", "mark:events:p0.:random", "one:p0."])
def test_counts_of_spikes_are_never_taken_from_a_file(field: str, tmp_path: Path) -> None:
    """A count is the bound of a loop: one of 1e15 would not come to its end."""
    meta, arrays = opened(saved("ordered", 90))
    assert f"field.{field}" not in arrays
    arrays[f"field.{field}"] = np.ones(1, np.int64) if field.startswith("mark") else np.full(4, 1e15)
    assert outcome("ordered", closed(meta, arrays), tmp_path / "c") == "B404"


@pytest.mark.parametrize("name", ["value.s1.gain", "given.own.w"])
def test_what_connections_have_is_as_many_as_they_are(name: str, tmp_path: Path) -> None:
    meta, arrays = opened(saved("learned", 90))
    for count in (1, 4, 6):
        arrays[name] = np.full(count, 0.2)
        wanted = "ran" if count == 1 and name.startswith("given") else "B404"  # one number is that of all
        assert outcome("learned", closed(meta, arrays), tmp_path / "c") == wanted


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_a_register_gave_are_finite(value: float, tmp_path: Path) -> None:
    meta, arrays = opened(saved("ordered", 90))
    arrays["field.jump:p0."][2] = value
    assert outcome("ordered", closed(meta, arrays), tmp_path / "c") == "B404"


@pytest.mark.parametrize("name", TEXTS)
def test_what_the_program_says_is_never_taken_from_a_file(name: str, tmp_path: Path) -> None:
    """Weights, rates and inputs that no register decides follow from the program."""
    meta, arrays = opened(saved(name, 90))
    derived = ("#base", "#offset", "#factor")
    assert not [field for field in arrays if field.endswith(derived) or field.startswith("constant.")]
    given = [field for field in arrays if field.startswith(("field.jump:", "field.rate_jump:", "field.expected:"))]
    assert given == (["field.jump:p0."] if name == "ordered" else [])
    for field in ("field.p0.I#base", "field.rate_jump:p0.", "field.expected:p0.", "constant.add.p0.I"):
        planted = arrays | {field: np.ones(4)}
        assert outcome(name, closed(meta, planted), tmp_path / "c") == "B404"


REGISTERS = """
    POP p, lif, 3
    MOV r0, 2e-9
    MOV r1, 500
    MOV r2, 0.5
    INP I, 1 nA, add
    INP I, r2, scale
    EVT p, [[0, 0], [15e-3, 2]], r0
    RATE p, r1, 3 mV
    RUN 10 ms
    INP I, r0
    INP I, 3 nA, set
    RATE p, 200 Hz, r0
    RUN 10 ms
    RD v
    RD spike_count
"""


@pytest.mark.parametrize("budget", [8, 11, 40, 90, 120, 160])
def test_inputs_of_numbers_and_registers_go_on_as_they_were(budget: int, tmp_path: Path) -> None:
    """Cut wherever it may be, the rest of the run is the same bit for bit."""
    whole = machine(REGISTERS)
    while whole.run_slice() is Status.SLICE:
        pass
    cut = machine(REGISTERS)
    cut._budget = budget
    cut.run_slice()
    save_checkpoint(tmp_path / "c", cut, "x")
    again = machine(REGISTERS)
    load_checkpoint(tmp_path / "c", again, "x")
    while again.run_slice() is Status.SLICE:
        pass
    for one, other in zip(whole.outputs.readings, again.outputs.readings, strict=True):
        assert np.array_equal(one.value, other.value)
    assert len(again.outputs.readings) == 2
    for one in (whole, cut, again):
        one.close()


@pytest.mark.parametrize("text", [TWIN, SENT, ORDERED, ORDERED.replace(TWO, EARLY).replace("p, two", "p, early")])
def test_no_spike_from_outside_waits_between_steps(text: str) -> None:
    """Whatever the order of a step: so checkpoints need not keep them."""
    this, status = machine(text), Status.SLICE
    while status is Status.SLICE:
        this._budget = 1
        status = this.run_slice()
        waiting = {name: field for name, field in this.state.fields.items() if name.startswith(("events:", "mark:events:"))}
        assert not any(field.any() for field in waiting.values())
    this.close()


def test_a_delay_for_which_the_file_has_no_room(tmp_path: Path) -> None:
    """Rings are as long as delays are, and a delay that no ring of the file bears out is refused before there is one."""
    text = "POP a, relay, 9000\nPOP b, relay, 9000\nSYN s, a, b\nCON s, one_to_one\nRUN 1 ms\n"
    this = machine(text)
    this._budget = 1  # POP alone
    this.run_slice()
    save_checkpoint(tmp_path / "c", this, "x")
    meta, arrays = opened((tmp_path / "c").read_bytes())
    for parameters in ({"s.delay": meta["parameters"]["dt"] * 1000000.0}, {"dt": 1e-12, "s.delay": 1e-7}):
        (tmp_path / "c").write_bytes(closed(meta | {"parameters": meta["parameters"] | parameters}, arrays))
        before = tracked()
        with pytest.raises(BioasmError, match="B404"):
            load_checkpoint(tmp_path / "c", machine(text), "x")
        assert tracked() - before < 100_000_000


def tracked() -> int:
    """The most bytes of memory that this process ever had."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


# --- archives ---------------------------------------------------------------------------------------


def archive(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file, pytest.warns(UserWarning) if _twice(entries) else open(os.devnull):
        for name, content in entries:
            file.writestr(name, content)
    return stream.getvalue()


def _twice(entries: list[tuple[str, bytes]]) -> bool:
    return len({name for name, _ in entries}) < len(entries)


def members(content: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return [(name, file.read(name)) for name in file.namelist()]


def with_header(content: bytes, header: str) -> bytes:
    """An entry of numpy's with another header."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + content[128:]


HEADERS = {
    "huge": "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,), }\n",
    "huge in all": "{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999, 999999999999, 99999999999999), }\n",
    "negative": "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }\n",
    "objects": "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n",
    "structured": "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }\n",
    "deep": "(" * 5000 + "\n",
    "turned": "{'descr': '<f8', 'fortran_order': True, 'shape': (32,), }\n",
    "long": "{'descr': '<f8', 'fortran_order': False, 'shape': (32,), }" + " " * 60000 + "\n",
}


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("name", ["registers.npy", "out.spikes.npy", "meta.npy"])
def test_headers_that_lie(name: str, header: str, tmp_path: Path) -> None:
    content = [(n, with_header(c, HEADERS[header]) if n == name else c) for n, c in members(saved("spins", 90))]
    assert outcome("spins", archive(content), tmp_path / "c") == "B404"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packed_entries_are_never_unpacked(method: int, tmp_path: Path) -> None:
    assert outcome("spins", archive(members(saved("spins", 90)), method), tmp_path / "c") == "B404"


def test_an_entry_that_is_there_twice(tmp_path: Path) -> None:
    entries = members(saved("spins", 90))
    assert outcome("spins", archive([*entries, entries[0]]), tmp_path / "c") == "B404"


def test_bytes_of_the_file_changed_at_random(tmp_path: Path) -> None:
    random, content = np.random.default_rng(5), saved("spins", 90)
    for _ in range(150):
        changed = bytearray(content)
        for at in random.integers(0, len(content), random.integers(1, 5)):
            changed[at] = random.integers(256)
        assert outcome("spins", bytes(changed), tmp_path / "c") in {"B404", "ran"}


def test_bytes_of_the_directory_changed_at_random(tmp_path: Path) -> None:
    random, content = np.random.default_rng(6), saved("spins", 90)
    start = content.index(b"PK\x01\x02")
    for _ in range(150):
        changed = bytearray(content)
        changed[random.integers(start, len(content))] = random.integers(256)
        assert outcome("spins", bytes(changed), tmp_path / "c") in {"B404", "ran"}


@pytest.mark.parametrize("made", ["pipe", "folder", "device"])
def test_what_is_no_file_is_refused_at_once(made: str, tmp_path: Path) -> None:
    path = Path("/dev/zero") if made == "device" else tmp_path / "c"
    if made == "pipe":
        os.mkfifo(path)
    elif made == "folder":
        path.mkdir()
    for load in (lambda: load_checkpoint(path, machine(SPINS), "x"), lambda: checkpoint_seed(path)):
        with pytest.raises(BioasmError, match="B404"):
            load()


@pytest.mark.parametrize("seed", [-1, 1 << 64, 0.5, None, "1", True, [1]])
def test_a_seed_that_is_none(seed: Any, tmp_path: Path) -> None:
    meta, arrays = opened(saved("spins", 90))
    (tmp_path / "c").write_bytes(closed(meta | {"seed": seed}, arrays))
    with pytest.raises(BioasmError, match="B404"):
        checkpoint_seed(tmp_path / "c")
