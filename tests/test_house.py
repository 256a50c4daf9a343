"""The house keeps its plan: who may import whom, what starts light, how large things may grow, what never changes."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from fnmatch import fnmatch
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import bioasm
from bioasm.isa.table import ROWS

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ROOT / "bioasm"

# A room imports from rooms on floors above its own line only; rooms of one floor do not know each other. A room is a folder
# or a file of bioasm/, or a folder in one, which is named with a dot.
FLOORS = (
    ("wholes", "decimals"),
    ("diagnostics", "units", "cachedir", "memory", "npz", "sigbus"),
    ("extras", "grammars"),
    ("files", "mapped", "models", "plain", "programs", "safety", "hardware", "hardware.chips"),
    ("morphology",),
    ("isa",),
    ("network",),
    ("verifier",),
    ("text", "binary", "problems", "frameworks", "results", "hardware.link", "hardware.recordings"),
    ("runtime",),
    ("demand", "expectations", "loading", "vm"),
    ("firmware", "hardware.board", "live", "plot"),
    ("drivers", "reference"),
    ("settings",),
    ("api", "testing", "verification", "serve"),
    ("sweeps",),
    ("cli", "dimod"),
    ("__init__", "__main__"),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
ROOMS = sorted(FLOOR)

# What of others' packages a room may use at all; everything else is the standard library.
PACKAGES = {
    "decimals": {"numpy"},
    "mapped": {"numpy"},
    "npz": {"numpy"},
    "cli": {"click", "numpy"},
    "grammars": {"lark"},
    "models": {"lark", "numpy"},
    "morphology": {"numpy"},
    "text": {"lark", "numpy"},
    "vm": {"llvmlite", "numpy"},
    "expectations": {"numpy"},
    "live": {"numpy"},
    "results": {"numpy", "h5py", "pandas", "pyarrow", "xarray", "zarr", "neo", "quantities", "pynwb"},
    "plot": {"numpy", "matplotlib", "cycler"},
    "runtime": {"numpy"},
    "testing": {"numpy", "pytest"},
    "api": {"numpy"},
    "dimod": {"dimod", "numpy"},
    "binary": {"numpy"},
    # llvmlite for its version alone, which is part of a result's provenance
    "drivers": {"numpy", "brian2", "llvmlite", "pyopencl", "cuda"},
    "verification": {"numpy", "matplotlib"},
    "isa": {"numpy"},
    "verifier": {"numpy"},
    "problems": {"dimod", "networkx", "numpy"},
    "frameworks": {"nir", "numpy"},
    "serve": {"numpy", "starlette", "uvicorn"},
    "sweeps": {"numpy", "pandas"},
    "firmware": {"numpy"},
    "hardware.chips": {"numpy"},
    "hardware.board": {"numpy"},
    "hardware.recordings": {"numpy"},
    "hardware.link": {"numpy", "serial"},
}

# Numbers of instructions are written into bytecode: rows may be added here, never changed or taken away.
OPCODES = {
    0x01: "ALC",
    0x02: "LDJ",
    0x03: "LDH",
    0x04: "SIG",
    0x05: "RUN",
    0x06: "RST",
    0x07: "RD",
    0x08: "LDT",
    0x09: "LDO",
    0x0A: "LDS",
    0x0B: "MERGE",
    0x0C: "LDE",
    0x0D: "CXCH",
    0x0F: "COPY",
    0x0E: "BLK",
    0x10: "MODEL",
    0x11: "SET",
    0x12: "POP",
    0x13: "MECH",
    0x14: "SYN",
    0x15: "CON",
    0x16: "VIA",
    0x17: "POS",
    0x18: "CUR",
    0x19: "WAVE",
    0x1A: "SPK",
    0x1B: "POI",
    0x1C: "INP",
    0x1D: "PLAY",
    0x1E: "EVT",
    0x1F: "RATE",
    0x20: "REC",
    0x21: "UNREC",
    0x24: "LDJS",
    0x28: "CLAMP",
    0x29: "FREE",
    0x30: "MOV",
    0x31: "ADD",
    0x32: "SUB",
    0x33: "MUL",
    0x34: "DIV",
    0x35: "MIN",
    0x36: "MAX",
    0x37: "POW",
    0x38: "MOD",
    0x39: "NEG",
    0x3A: "ABS",
    0x3B: "SQRT",
    0x3C: "EXP",
    0x3D: "LOG",
    0x3E: "FLOOR",
    0x40: "JMP",
    0x41: "JEQ",
    0x42: "JNE",
    0x43: "JLT",
    0x44: "JLE",
    0x45: "JGT",
    0x46: "JGE",
    0x48: "LOOP",
    0x50: "GET",
    0x51: "PEEK",
    0x58: "OUT",
    0x5F: "HLT",
    0x60: "STIM",
}

# --- reading the source -----------------------------------------------------------------------------


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def files(room: str) -> list[Path]:
    """All modules of a room, which is a folder or a file of its own."""
    return [path for path in sorted(HOUSE.rglob("*.py")) if room_of(module(path)) == room]


def room_of(name: str) -> str:
    """The room of the dotted name of a module: the longest name of a room that it begins with."""
    words = name.removeprefix("bioasm").removeprefix(".").split(".")
    nested = ".".join(words[:2])
    return nested if nested in FLOOR else words[0] or "__init__"


def module(path: Path) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(nodes: list[ast.stmt] | ast.Module) -> set[str]:
    """The dotted names that statements import, also within functions; `from a import b` counts as a and a.b."""
    found = set()
    for node in (inner for outer in ([nodes] if isinstance(nodes, ast.Module) else nodes) for inner in ast.walk(outer)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def at_top(path: Path) -> set[str]:
    """What is imported as soon as the module is: not what stands in functions or under TYPE_CHECKING."""
    plain = (ast.Import, ast.ImportFrom)
    return imported([node for node in tree(path).body if isinstance(node, plain)])


def rooms_used(path: Path) -> set[str]:
    """The rooms of the house that a module imports from."""
    names = {room_of(name) for name in imported(tree(path)) if name.startswith("bioasm.")}
    return names & set(FLOOR)


def packages_used(names: set[str]) -> set[str]:
    """Which packages of others stand among imported names."""
    return {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"bioasm"}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a module."""
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from its `def` to its end, without those of functions that are defined in it."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    inner = [node for node in ast.walk(function) if isinstance(node, kinds) and node is not function]
    own = set(range(function.lineno, (function.end_lineno or function.lineno) + 1))
    return len(own - {line for node in inner for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)})


ALL = sorted(HOUSE.rglob("*.py"))
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")


# --- who knows whom ---------------------------------------------------------------------------------


def test_every_module_has_a_room_of_the_plan() -> None:
    assert {room_of(module(path)) for path in ALL} <= set(FLOOR)


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_from_lower_floors_only(room: str) -> None:
    upward = {
        f"{module(path)} imports bioasm.{used}"
        for path in files(room)
        for used in rooms_used(path) - {room}
        if FLOOR[used] >= FLOOR[room]
    }
    assert not upward


@pytest.mark.parametrize("room", ROOMS)
def test_room_uses_only_its_packages(room: str) -> None:
    used = {package for path in files(room) for package in packages_used(imported(tree(path)))}
    assert used <= PACKAGES.get(room, set())


@pytest.mark.parametrize(
    ("room", "stranger"),
    [
        ("vm", "text"),
        ("vm", "binary"),
        ("vm", "problems"),
        ("vm", "loading"),
        ("drivers", "text"),
        ("drivers", "problems"),
        ("drivers", "loading"),
    ],
)
def test_room_never_meets(room: str, stranger: str) -> None:
    assert stranger not in {used for path in files(room) for used in rooms_used(path)}


def test_modules_do_not_import_in_circles() -> None:
    names = {module(path) for path in ALL}
    graph = {module(path): (at_top(path) & names) - {module(path)} for path in ALL}
    assert list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


@pytest.mark.parametrize("room", ["network", "verifier", "runtime", "vm", "drivers", "verification", "safety"])
def test_types_do_not_go_in_circles_either(room: str) -> None:
    names = {module(path) for path in ALL if module(path).startswith(f"bioasm.{room}.")}
    graph = {module(path): (imported(tree(path)) & names) - {module(path)} for path in ALL if module(path) in names}
    assert list(TopologicalSorter(graph).static_order())  # what is imported for types and within functions counts


def test_the_compiler_lives_in_the_machine_alone() -> None:
    assert {path.relative_to(HOUSE).parts[0] for path in ALL if "llvmlite.ir" in imported(tree(path))} == {"vm"}


@pytest.mark.parametrize(
    "package", ["scipy", "h5py", "pytest", "serial", "matplotlib", "pandas", "pyarrow", "xarray", "zarr", "neo", "pynwb"]
)
def test_what_few_need_is_imported_where_it_is_needed(package: str) -> None:
    at_import = {module(path) for path in ALL if package in packages_used(at_top(path))}
    assert at_import <= {"bioasm.testing"}


# --- what starts light ------------------------------------------------------------------------------

HEAVY = {"numpy", "llvmlite", "lark", "scipy", "h5py", "matplotlib", "pandas", "xarray", "neo", "pynwb"}


def loaded(statement: str, among: set[str]) -> set[str]:
    """Which of the packages a fresh interpreter has loaded after a statement."""
    code = f"import sys\n{statement}\nprint(*(set(sys.modules) & {among!r}))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(told.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "name",
    ["bioasm", "bioasm.cli.main", "bioasm.diagnostics", "bioasm.isa.table", "bioasm.models", "bioasm.loading"],
)
def test_import_is_light(name: str) -> None:
    assert not loaded(f"import {name}", HEAVY)


@pytest.mark.parametrize(
    "name",
    ["bioasm.text.assemble", "bioasm.binary.reader", "bioasm.verifier.gate", "bioasm.drivers.cpu", "bioasm.results"],
)
def test_import_leaves_the_compiler_alone(name: str) -> None:
    assert not loaded(f"import {name}", {"llvmlite", "scipy", "h5py", "click"})


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["help"], ["models"], ["explain", "B001"]])
def test_command_that_tells_something_is_light(arguments: list[str]) -> None:
    call = f"from bioasm.cli.main import main\ntry:\n    main({arguments!r})\nexcept SystemExit:\n    print()"
    assert not loaded(call, HEAVY)


# --- how it is packed -------------------------------------------------------------------------------


def test_every_folder_with_modules_is_a_package() -> None:
    assert not {str(path.parent) for path in ALL if not (path.parent / "__init__.py").exists()}


def test_packages_are_found_by_one_pattern() -> None:
    assert SETUP["options"]["packages"] == "find:"
    assert SETUP["options.packages.find"]["include"].split() == ["bioasm*"]


def test_the_command_starts_as_the_module_does() -> None:
    assert SETUP["options.entry_points"]["console_scripts"].split() == ["bioasm", "=", "bioasm.__main__:start"]


def test_files_that_are_no_modules_are_packed() -> None:
    kept = (path for path in HOUSE.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"})
    patterns = {k: v.replace(",", " ").split() for k, v in SETUP["options.package_data"].items()}
    missing = [
        str(path.relative_to(ROOT))
        for path in kept
        if not any(fnmatch(str(path.relative_to(owning(path))), p) for p in patterns.get(module(owning(path)), []))
    ]
    assert not missing


def owning(path: Path) -> Path:
    """The package that a file is data of: the nearest folder with modules."""
    return next(folder for folder in path.parents if (folder / "__init__.py").exists())


def test_the_grammar_is_packed() -> None:
    assert list((HOUSE / "text").glob("*.lark"))
    assert "*.lark" in SETUP["options.package_data"]["bioasm.text"]


def test_every_package_used_is_declared() -> None:
    extras = " ".join(SETUP["options.extras_require"].values())
    words = f"{SETUP['options']['install_requires']} {extras}"
    declared = set(re.findall(r"^\s*([a-z0-9-]+)", words.replace(" ", "\n"), re.MULTILINE))
    came_with = {"quantities", "cycler"}  # parts of neo and matplotlib
    named_otherwise = {"serial": "pyserial", "cuda": "cuda-core"}
    used = {package for path in ALL for package in packages_used(imported(tree(path)))}
    assert {named_otherwise.get(package, package) for package in used - came_with} <= declared


@pytest.mark.parametrize("group", list(SETUP["options.entry_points"]))
def test_entry_points_lead_somewhere(group: str) -> None:
    targets = [line.split("=")[1].strip() for line in SETUP["options.entry_points"][group].strip().splitlines()]
    assert targets
    for target in targets:
        home, name = target.split(":")
        if "brian2" in home and find_spec("brian2") is None:
            continue  # an extra; the driver's own tests hold it to saying so
        assert callable(getattr(import_module(home), name))


def test_version_is_told_alike_everywhere() -> None:
    assert SETUP["metadata"]["version"] == bioasm.__version__
    assert f"## {bioasm.__version__}" in (ROOT / "CHANGES.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("door", ["vm", "drivers"])
def test_door_at_the_root_leads_into_the_house(door: str) -> None:
    assert (ROOT / door).is_symlink()
    assert (ROOT / door).resolve() == HOUSE / door


# --- how large things may grow ----------------------------------------------------------------------


@pytest.mark.parametrize("room", ROOMS)
def test_files_are_short_and_say_their_subject(room: str) -> None:
    for path in files(room):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 500, path
        assert ast.get_docstring(tree(path)), path


@pytest.mark.parametrize("room", ROOMS)
def test_functions_are_at_most_a_page(room: str) -> None:
    long = {f"{module(path)}.{f.name}: {length(f)}" for path in files(room) for f in functions(path) if length(f) > 60}
    assert not long


def test_nine_of_ten_functions_are_short() -> None:
    lengths = sorted(length(function) for path in ALL for function in functions(path))
    assert lengths[len(lengths) * 9 // 10] <= 22


@pytest.mark.parametrize("room", ROOMS)
def test_public_names_are_explained(room: str) -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    bare = {
        f"{module(path)}.{node.name}"
        for path in files(room)
        for scope in ast.walk(tree(path))
        if isinstance(scope, ast.Module | ast.ClassDef) and not getattr(scope, "name", "").startswith("_")
        for node in scope.body
        if isinstance(node, kinds) and not node.name.startswith("_") and not ast.get_docstring(node)
    }
    assert not bare


def called(function: ast.AST) -> set[str]:
    """The last names of what a function calls."""
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return {ast.unparse(call).rpartition(".")[2] for call in calls}


def test_every_test_could_fail() -> None:
    tests = [(path, f) for path in (ROOT / "tests").rglob("*.py") for f in functions(path)]
    asserting = {"raises", "warns", "fail"}
    while more := {f.name for _, f in tests if asserts(f, asserting)} - asserting:
        asserting |= more  # a helper that asserts lets the test that calls it fail
    idle = [f"{path.name}: {f.name}" for path, f in tests if f.name.startswith("test") and f.name not in asserting]
    assert not idle


def asserts(function: ast.AST, asserting: set[str]) -> bool:
    """Whether a function asserts, or calls one that does."""
    own = any(isinstance(node, ast.Assert) for node in ast.walk(function))
    return own or any(name in asserting or name.startswith("assert_") for name in called(function))


# --- what never changes -----------------------------------------------------------------------------


def test_opcodes_are_never_given_to_another_instruction() -> None:
    assert {row.opcode: row.mnemonic for row in ROWS} == OPCODES


def test_opcodes_and_mnemonics_are_unique() -> None:
    assert len({row.opcode for row in ROWS}) == len({row.mnemonic for row in ROWS}) == len(ROWS)


def test_opcodes_leave_room_for_experiments() -> None:
    assert all(0 < row.opcode < 0xE0 for row in ROWS)


# --- the pages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [name for name in ROOMS if (HOUSE / name).is_dir()])
def test_some_page_leads_to_every_room(room: str) -> None:
    assert any(f"bioasm/{room}/" in page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize(
    ("folder", "page", "pattern"),
    [("docs", "index.md", "*.md"), ("programs", "README.md", "*.basm"), ("bench", "README.md", "[!c]*.py")],
)
def test_every_file_stands_on_the_page_of_its_folder(folder: str, page: str, pattern: str) -> None:
    text = (ROOT / folder / page).read_text(encoding="utf-8")
    assert not [p.name for p in (ROOT / folder).glob(pattern) if p.name != page and p.stem not in text]


# --- the jobs ---------------------------------------------------------------------------------------


def make_targets() -> set[str]:
    """The targets that the Makefile explains."""
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", ["README.md", ".ci/run", "bench/README.md", "docs/performance.md", "docs/index.md"])
def test_jobs_that_a_page_names_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"(?:^ *|`|&& )make ([a-z-]+)", text, re.MULTILINE)
    assert named
    assert set(named) <= make_targets()


def test_ci_runs_the_command_that_newcomers_run() -> None:
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make test" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_every_benchmark_says_its_command() -> None:
    scripts = [path for path in (ROOT / "bench").glob("*.py") if path.name not in ("common.py", "solvers.py")]
    assert scripts
    for path in scripts:
        assert f"python bench/{path.name}" in (ast.get_docstring(tree(path)) or "")


# --- nothing that is read becomes code ---------------------------------------------------------------

UNPICKLERS = {"pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}


def _loads_arrays(node: ast.AST) -> bool:
    """Whether a node is a call of numpy.load."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "numpy.load")


def _refuses_objects(call: ast.Call) -> bool:
    return any(k.arg == "allow_pickle" and isinstance(k.value, ast.Constant) and k.value.value is False for k in call.keywords)


@pytest.mark.parametrize("folder", ["bioasm", "tests", "bench"])
def test_nothing_is_unpickled(folder: str) -> None:
    """Reading a pickle runs what it says; Lark's own `save` and `load` are pickles."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        modules = {name.partition(".")[0] for name in imported(tree(path))}
        assert not modules & UNPICKLERS, path
        loads = [n for n in ast.walk(tree(path)) if _loads_arrays(n)]
        assert folder == "tests" or all(_refuses_objects(call) for call in loads), path  # numpy's default refuses them too
        assert "Lark.load" not in {ast.unparse(n.func) for n in ast.walk(tree(path)) if isinstance(n, ast.Call)}, path
