"""Every command, and a program of each family on the drivers cpu and brian2, in the environment that runs this script.

    python tests/smoke.py

It needs BioASM with its extras and no pytest: `make smoke` runs it with the lowest versions that are declared, and with the
newest Python of the machine. The last line of each check is `ok`; the first that fails ends it with its messages.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "programs"
PACKAGES = ("numpy", "llvmlite", "lark", "click", "brian2", "h5py", "pyserial", "nir", "matplotlib", "scipy")

# A program of each family: spins, the twin, a network with synapses, a model of the program's own.
SPINS = "maxcut_petersen.basm"
FAMILIES = (SPINS, "lif_maxcut.basm", "arbor_events.basm", "own_mechanisms.basm")
GRAPH = "4 4\n1 2 1\n2 3 1\n3 4 1\n4 1 1\n"


def version(package: str) -> str:
    """The installed version of a package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def bioasm(*args: object, stdin: bytes = b"", code: int = 0) -> bytes:
    """Standard output of a command line. Ends the script where its exit code is another than `code`."""
    command = [sys.executable, "-m", "bioasm", *map(str, args)]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    if done.returncode != code:
        sys.stderr.buffer.write(done.stdout + done.stderr)
        sys.exit(f"smoke: exit code {done.returncode}, not {code}: bioasm {' '.join(command[3:])}")
    return done.stdout


def results(driver: str, program: Path) -> dict[str, object]:
    """What a run says as JSON, without times and versions."""
    found = json.loads(bioasm("run", program, "--seed", 1, "--driver", driver, "--json"))
    return {name: value for name, value in found.items() if name not in ("timing", "versions", "driver", "diagnostics")}


def check_texts(folder: Path) -> None:
    """asm, disasm, fmt, check, emit-c, firmware, info, help, explain, models, drivers, version."""
    source = PROGRAMS / SPINS
    bioasm("asm", source, "-o", folder / "p.bbc")
    text = bioasm("disasm", folder / "p.bbc")
    assert bioasm("asm", "-", stdin=text) == (folder / "p.bbc").read_bytes()
    (folder / "f.basm").write_bytes(source.read_bytes())
    bioasm("fmt", folder / "f.basm")
    bioasm("check", *sorted(PROGRAMS.glob("*.basm")))
    bioasm("check", "-", stdin=b"RUN\n", code=1)
    assert b"int main" in bioasm("emit-c", source)
    assert b"MODEL_lif" in bioasm("firmware", "--model", "lif")
    told = ("help RUN", "explain B404", "models", "models hh", "drivers", "--version")
    helped = ("emulate --help", "serve --help", "jobs --help")
    for line in (f"info {source}", *told, *helped):
        assert bioasm(*line.split())


def write_nir(path: Path) -> None:
    """A network of two neurons behind a matrix of weights."""
    import nir
    import numpy as np

    one = np.ones(2)
    neurons = nir.LIF(tau=0.01 * one, r=one, v_leak=0 * one, v_threshold=one, v_reset=0 * one)
    size = {"input": np.array([2])}, {"output": np.array([2])}
    nodes = {"in": nir.Input(size[0]), "w": nir.Linear(np.eye(2)), "n": neurons, "out": nir.Output(size[1])}
    nir.write(path, nir.NIRGraph(nodes, [("in", "w"), ("w", "n"), ("n", "out")]))


def check_files(folder: Path) -> None:
    """import of a graph and a network; results as npz and h5; a run that is cut and goes on."""
    (folder / "graph.txt").write_text(GRAPH)
    bioasm("import", folder / "graph.txt", "-o", folder / "g.basm")
    write_nir(folder / "net.nir")
    bioasm("import", folder / "net.nir", "-o", folder / "n.basm")
    bioasm("check", folder / "n.basm")
    for ending in ("npz", "h5"):
        bioasm("run", folder / "g.basm", "--seed", 1, "-o", folder / f"out.{ending}")
    for lanes in ("0:1/3", "1:3/3"):
        bioasm("run", PROGRAMS / SPINS, "--seed", 1, "--lanes", lanes, "-o", folder / f"{lanes[0]}.npz")
    bioasm("merge", folder / "0.npz", folder / "1.npz", "-o", folder / "whole.npz")
    bioasm("tts", PROGRAMS / SPINS, "--target", -12, "--seeds", 1, "--lanes", 2)
    bioasm("sweep", PROGRAMS / SPINS, "--seeds", 2, "--lanes", 2, "--workers", 1, "-o", folder / "sweep")
    cut = ["run", PROGRAMS / SPINS, "--seed", 1, "--json", "--checkpoint", folder / "c"]
    bioasm(*cut, "--fuel", 30, code=1)
    whole, resumed = results("cpu", PROGRAMS / SPINS), json.loads(bioasm(*cut, "--resume"))
    assert all(resumed[name] == whole[name] for name in ("results", "energy", "steps"))


def check_families() -> None:
    """The same run on cpu and brian2, compared value by value by `verify`."""
    for name in FAMILIES:
        results("cpu", PROGRAMS / name)
        results("brian2", PROGRAMS / name)
        bioasm("verify", PROGRAMS / name, "--against", "brian2")
        print(f"{name}: ok", flush=True)


def check_board() -> None:
    """A run on an emulated board."""
    bioasm("run", PROGRAMS / "lif_maxcut.basm", "--driver", "intan", "--port", "emu:rhd2132?seed=1", "--seed", 1)


def check_projects(folder: Path) -> None:
    """examples, new, test, completion, man, export; figures and a page of a result."""
    bioasm("examples", SPINS.removesuffix(".basm"), "-o", folder / "examples")
    bioasm("new", folder / "mine")
    bioasm("test", folder / "examples" / SPINS)
    assert b"bioasm" in bioasm("completion", "bash")
    assert b".TH" in bioasm("man", "run")
    assert b"p qubo" in bioasm("export", PROGRAMS / SPINS, "--to", "qubo")
    bioasm("run", PROGRAMS / SPINS, "--seed", 1, "-o", folder / "result.npz")
    for written in ("energy.svg", "energy.png"):
        bioasm("plot", folder / "result.npz", "-o", folder / written)
    assert b"<html" in bioasm("report", folder / "result.npz", "-o", "-")


def check_plot(folder: Path) -> None:
    """A figure of a comparison."""
    bioasm("verify", PROGRAMS / SPINS, "--against", "brian2", "--plot", folder / "p.png")
    assert (folder / "p.png").stat().st_size > 1000


def main() -> None:
    """All checks in turn."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    print(f"smoke: Python {platform.python_version()}, {versions}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for check in (lambda: check_texts(folder), lambda: check_files(folder), check_families, check_board):
            check()
        check_projects(folder)
        check_plot(folder)
    print("smoke: ok")


if __name__ == "__main__":
    main()
