"""The driver brian2: its options, what it refuses, and how it is missed where it is not installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("brian2", reason="Brian2 is not installed")

from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions, registry
from bioasm.drivers.brian2.driver import Brian2Driver
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.brian2.support import FOLDER, on_brian2, on_cpu, readings

ROOT = Path(__file__).resolve().parents[2]
WITHOUT = "import sys; sys.modules['brian2'] = None; import importlib.util as u; f = u.find_spec\n"
WITHOUT += "u.find_spec = lambda n, *a: None if n == 'brian2' else f(n, *a)\nfrom bioasm.cli.main import main\n"


def without_brian2(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a process that has no Brian2."""
    code = f"{WITHOUT}sys.exit(main({list(arguments)!r}))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)


def test_without_brian2_the_driver_says_how_to_install_it() -> None:
    done = without_brian2("run", str(FOLDER / "lif_twin.basm"), "--driver", "brian2")
    assert done.returncode == 1
    assert "B503" in done.stderr and "pip install 'bioasm[brian2]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_brian2_everything_else_works() -> None:
    done = without_brian2("run", str(FOLDER / "maxcut_petersen.basm"), "--seed", "1")
    assert done.returncode == 0
    listed = without_brian2("drivers")
    assert listed.returncode == 0 and "brian2: not usable" in listed.stdout


def test_verify_without_brian2_says_so_too() -> None:
    done = without_brian2("verify", str(FOLDER / "lif_twin.basm"), "--against", "brian2")
    assert done.returncode == 1 and "B503" in done.stderr


def test_the_driver_imports_no_compiler_and_no_simulator_before_it_runs() -> None:
    code = "import sys\nimport bioasm.drivers.brian2.driver\nprint({'llvmlite', 'brian2', 'sympy'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout.strip() == "set()"


def test_a_run_on_brian2_does_not_import_the_compiler() -> None:
    code = "import sys\nfrom bioasm.drivers import connect\nfrom bioasm.verifier.gate import verify\n"
    code += "from bioasm.text.assemble import assemble\nconnect('brian2').run(verify(assemble('ALC 2\\nRUN 1 ms\\n')))\n"
    code += "print('llvmlite' in sys.modules, 'bioasm.vm.machine' in sys.modules)"
    told = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("options", [{"target": "fortran"}, {"noise": "loud"}])
def test_unknown_words_of_options_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(BioasmError, match="B406") as refused:
        registry.make_driver("brian2", options)
    assert refused.value.exit_code == 2


def test_a_cpp_program_is_refused_with_the_reason() -> None:
    with pytest.raises(BioasmError, match="B502.*Python"):
        on_brian2("ALC 2\nRUN 1 ms\n", target="cpp_standalone")


def test_checkpoints_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BioasmError, match="B406"), Brian2Driver() as driver:
        driver.run(verify(assemble("ALC 2\nRUN 1 ms\n")), RunOptions(checkpoint=tmp_path / "x"))


def test_the_timing_says_what_took_how_long() -> None:
    timing = on_brian2("ALC 2\nRUN 10 ms\n").timing
    assert {"import", "build", "codegen", "run", "total"} <= set(timing)
    assert timing["codegen"] > 0 and timing["run"] > 0 and timing["build"] > 0


def test_settings_of_brian2_are_put_back() -> None:
    import brian2

    before = (brian2.prefs.codegen.target, brian2.prefs.codegen.loop_invariant_optimisations)
    state = np.random.get_state()[1].tolist()  # type: ignore[union-attr]
    on_brian2("ALC 2\nRUN 1 ms\n", noise="own")
    assert (brian2.prefs.codegen.target, brian2.prefs.codegen.loop_invariant_optimisations) == before
    assert np.random.get_state()[1].tolist() == state  # type: ignore[union-attr]


def test_noise_of_its_own_is_other_noise_and_follows_the_seed() -> None:
    text = "ALC 4\nSIG 5 mV\nRUN 20 ms\nRD v\n"
    same, first, again, other = (
        readings(on_brian2(text, seed=seed, noise=noise))[0]
        for seed, noise in ((1, "same"), (1, "own"), (1, "own"), (2, "own"))
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, same) and not np.array_equal(first, other)


@pytest.mark.parametrize("noise", ["same", "own"])
def test_noise_of_either_kind_has_the_right_strength(noise: str) -> None:
    (v,) = readings(on_brian2("SET Vt, 1 V\nALC 400\nSIG 3 mV\nRUN 100 ms\nRD v\n", noise=noise))
    assert v.std() == pytest.approx(3e-3, rel=0.2)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ALC 2\nMOV r0, -1\nRUN r0\n", "B402"),
        ("ALC 2\nMOV r0, -1\nSIG r0\n", "B402"),
        ("MOV r0, 0\nDIV r0, 1, r0\nLDO r0\n", "B402"),
        ("ALC 2\nMOV r0, 7\nPEEK r1, v, r0\n", "B402"),
        ("ALC 2\nMOV r0, 0.5\nCLAMP r0, -60 mV\n", "B402"),
        ("ALC 2\nMOV r0, 1e9\nPOI r0, 1 mV\n", "B402"),
        ("ALC 2\nMOV r0, 0\nDIV r0, 1, r0\nCUR r0\n", "B402"),
        ("MOV r0, 0.3 ms\nSET dt, r0\nALC 2\n", "B402"),
        ("MODEL ising\nALC 2\nMOV r0, 0.5\nCLAMP 0, r0\n", "B402"),
        ("ALC 2\nCUR -1e302\nRUN 100 ms\n", "B407"),
    ],
)
def test_faults_of_a_run_are_those_of_the_machine(text: str, code: str) -> None:
    messages = []
    for run in (on_brian2, on_cpu):
        with pytest.raises(BioasmError) as fault:
            run(text)
        assert [d.code for d in fault.value.diagnostics] == [code]
        assert fault.value.partial is not None and fault.value.partial.status == "failed"
        messages.append(fault.value.diagnostics[0].span)
    assert messages[0] == messages[1]


def test_a_fault_within_a_run_of_brian2s_keeps_what_was_computed() -> None:
    with pytest.raises(BioasmError) as fault:
        on_brian2("ALC 2\nRUN 5 ms\nRD v\nMOV r0, -1\nRUN r0\n")
    assert fault.value.partial.steps == 50
    assert [r.what for r in fault.value.partial.results] == ["v"]


def test_lanes_in_one_group_are_lanes_one_by_one() -> None:
    text = "ALC 3\nSIG 5 mV\nPOI 200 Hz, 3 mV\nREC v\nRUN 20 ms\n"
    many = on_brian2(text, lanes=4).recordings["v"].values
    for lanes in (1, 2):
        assert np.array_equal(on_brian2(text, lanes=lanes).recordings["v"].values, many[:lanes])


@pytest.mark.parametrize("text", ["OUT 1\n", "SIG 2\nLDO 3\nOUT 4, four\n", "HLT\n"])
def test_programs_without_neurons(text: str) -> None:
    found, wanted = on_brian2(text), on_cpu(text)
    assert readings(found) == readings(wanted)
    assert found.energy.tolist() == wanted.energy.tolist() and found.state.shape == wanted.state.shape


def test_ctrl_c_ends_a_run_with_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "long.basm"
    path.write_text("ALC 2\nRUN 1000 s\n", encoding="utf-8")
    command = [sys.executable, "-W", "ignore", "-m", "bioasm", "run", str(path), "--driver", "brian2", "--seed", "1", "--json"]
    stopper = f"import brian2, signal, os, threading, sys\nsys.argv = {command[4:]!r}\n"
    stopper += "threading.Timer(2.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
    stopper += f"from bioasm.cli.main import main\nsys.exit(main({command[5:]!r}))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", stopper], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 130
    found = json.loads(done.stdout)
    assert found["status"] == "interrupted" and found["steps"] > 0
