"""`bioasm` as a process of its own: pipes, signals, full disks, and what a shell sees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("folder")

ROOT = Path(__file__).parent.parent.parent
BIOASM = f"{sys.executable} -m bioasm"
ENDLESS = "MODEL ising\nALC 3\nLDJ [[0, 1, 0], [1, 0, 1], [0, 1, 0]]\nRUN 400000000 sweeps\n"
PRINTING = [
    "help", "explain", "models", "drivers", "drivers --json", "asm small.basm", "disasm small.basm", "fmt small.basm",
    "info small.basm", "info small.basm --json", "check wrong.basm --format json",
    "import --generate G1", "run small.basm --seed 1", "run small.basm --seed 1 --json", "run small.basm --seed 1 -o -",
    "verify small.basm --against cpu --seed 1",
]  # fmt: skip
PATIENCE = 120  # seconds; kernels may have to be compiled first


def shell(line: str, **options) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `bioasm` stands for this BioASM."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = f'set -o pipefail; bioasm() {{ {BIOASM} "$@"; }}; {line}'
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, **options)


def test_the_pipeline_of_the_design() -> None:
    told = shell("bioasm asm small.basm | bioasm disasm - | bioasm check -")
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_exit_codes_reach_the_shell() -> None:
    told = shell("bioasm check small.basm; echo $?; bioasm check wrong.basm; echo $?; bioasm rum; echo $?")
    assert told.stdout.split() == ["0", "1", "2"]
    assert "Traceback" not in told.stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    Path("long.basm").write_text("OUT 1\n" * 50_000)
    told = shell("bioasm disasm long.basm | head -n 1")
    assert told.stdout == "OUT 1\n"
    assert told.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("line", [f"bioasm {line} > /dev/full" for line in PRINTING[::6]])
def test_a_full_disk_behind_standard_output(line: str) -> None:
    told = shell(line)
    assert told.returncode == 1
    assert told.stderr == "error[B302]: can't write the output: no space left on device\n"


@pytest.mark.parametrize("line", [*PRINTING, "--help", "--version", "run --help"])
def test_a_closed_standard_output_is_an_error(line: str) -> None:
    told = shell(f"bioasm {line} >&-")
    assert told.returncode == 1
    assert told.stderr.startswith("error[B302]: can't write the output: ")
    assert told.stderr.count("\n") == 1


def test_a_command_that_prints_nothing_needs_no_standard_output() -> None:
    told = shell("bioasm check small.basm >&- && bioasm asm small.basm -o out.bbc >&-")
    assert (told.returncode, told.stderr) == (0, "")
    assert Path("out.bbc").exists()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("bioasm check wrong.basm 2>&-", 1),
        ("bioasm rum 2>&-", 2),
        ("bioasm check wrong.basm 2>/dev/full", 1),
        ("bioasm help >/dev/full 2>&1", 1),
        ("bioasm run - <&- >&- 2>&-", 1),
    ],
)
def test_without_messages_the_exit_code_tells(line: str, code: int) -> None:
    told = shell(line)
    assert (told.returncode, told.stdout, told.stderr) == (code, "", "")


TAKING = ["asm - -o out", "disasm - -o out", "check -", "fmt -", "run -", "verify - --against cpu", "info -", "import -",
          "models -"]  # fmt: skip


@pytest.mark.parametrize("line", TAKING)
def test_empty_input_is_no_program(line: str) -> None:
    told = shell(f"bioasm {line} < /dev/null; bioasm {line} <&-; printf ' \n\n' | bioasm {line}")
    assert told.returncode == 1
    assert told.stderr == 3 * "error[B016]: <stdin> is empty\n  hint: did the command that should write it fail?\n"
    assert not Path("out").exists()


@pytest.mark.parametrize("line", [line.replace(" -", " e.bbc", 1) for line in TAKING])
def test_an_empty_file_is_no_program(line: str) -> None:
    Path("e.bbc").touch()
    told = shell(f"bioasm {line}")
    assert told.returncode == 1
    assert told.stderr.startswith("error[B016]: e.bbc is empty\n")


def test_a_failed_assembler_fails_the_pipe_behind_it() -> None:
    told = shell("set +o pipefail; bioasm asm wrong.basm 2>/dev/null | bioasm run -")
    assert told.returncode == 1
    assert "B016" in told.stderr


def test_comments_alone_are_a_program() -> None:
    Path("c.basm").write_text("; to be written\n")
    assert shell("bioasm asm c.basm | bioasm check - && bioasm run c.basm -q").returncode == 0


def test_an_empty_include_is_told_where_it_stands() -> None:
    Path("part.basm").touch()
    Path("whole.basm").write_text('ALC 2\n.include "part.basm"\n')
    assert "whole.basm:2:10: error[B016]: part.basm is empty" in shell("bioasm check whole.basm").stderr


def test_nothing_is_imported_for_help_that_help_does_not_need() -> None:
    told = shell(f"{sys.executable} -X importtime -m bioasm --help")
    imported = {line.rsplit("|", 1)[-1].strip() for line in told.stderr.splitlines()}
    assert "click" in imported
    assert not imported & {"numpy", "lark", "llvmlite", "importlib.metadata", "bioasm.cli.run", "bioasm.drivers"}


class Running:
    """A run of the endless program with a checkpoint, which has started to write it."""

    def __init__(self, *args: str) -> None:
        line = [*BIOASM.split(), "run", "endless.basm", "--json", "--checkpoint", "c.ckpt", "--every", "0.05", *args]
        before = os.stat("c.ckpt").st_mtime_ns if Path("c.ckpt").exists() else 0
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        started = time.monotonic()
        while not Path("c.ckpt").exists() or os.stat("c.ckpt").st_mtime_ns == before:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() - started < PATIENCE
            time.sleep(0.02)

    def end(self, number: int) -> tuple[int, dict, str]:
        """Send a signal; the exit code, the JSON object and the messages."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, json.loads(out), err.decode()


def test_interrupted_runs_print_and_go_on() -> None:
    Path("endless.basm").write_text(ENDLESS)
    code, first, messages = Running().end(signal.SIGINT)
    assert (code, first["status"], messages) == (130, "interrupted", "")
    assert first["steps"] > 0
    code, second, _ = Running("--resume").end(signal.SIGHUP)
    assert (code, second["status"]) == (130, "interrupted")
    assert second["seed"] == first["seed"]
    assert second["steps"] > first["steps"]


def test_nohup_keeps_a_run_going() -> None:
    Path("endless.basm").write_text(ENDLESS)
    with subprocess.Popen(["nohup", *BIOASM.split(), "run", "endless.basm", "--fuel", "30000000", "-q"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:  # fmt: skip
        time.sleep(2)
        process.send_signal(signal.SIGHUP)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1  # out of fuel
    assert b"out of fuel" in out or b"sweeps" in out


@pytest.mark.parametrize(("given", "kept"), [("", "1"), ("OPENBLAS_NUM_THREADS=3", "3")])
def test_threads_of_blas_are_the_users_choice(given: str, kept: str) -> None:
    code = "import os; from bioasm.__main__ import start; start(); print(os.environ['OPENBLAS_NUM_THREADS'])"
    told = shell(f'unset OPENBLAS_NUM_THREADS; {given} {sys.executable} -c "{code}" check small.basm')
    assert told.stdout.split() == [kept]


ASCII = "LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONIOENCODING=ascii"
STRICT = "PYTHONIOENCODING=utf-8:strict"


@pytest.mark.parametrize("command", ["fmt", "disasm", "info", "info --json", "asm"])
def test_output_is_the_same_in_every_locale(command: str) -> None:
    Path("letters.basm").write_text('.title "Größe, 5 µm → ∞"\n; größer\nALC 2\n', "utf-8")
    told, plain = (shell(f"export {settings}; bioasm {command} letters.basm | od -c") for settings in (ASCII, STRICT))
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == plain.stdout != ""


@pytest.mark.parametrize(
    "line", ["check --format json", "check --format sarif", "check --format github", "fmt --check", "fmt --diff"]
)
def test_name_of_a_file_that_is_no_text(line: str) -> None:
    told = shell(f"export {STRICT}; printf 'alc 2\\nfoo\\n' > $'odd\\xff.basm'; bioasm {line} $'odd\\xff.basm' | cat -v")
    assert told.returncode == 1
    assert "B901" not in told.stderr
    assert "odd" in told.stdout + told.stderr


@pytest.mark.parametrize("line", ["check --format json", "check --format sarif", "run -o $'r\\xff.npz' --json"])
def test_json_is_utf_8_whatever_the_name_of_a_file(line: str) -> None:
    told = shell(f"printf 'ALC 2\\nOUT 1, y, 2\\n' > $'odd\\xff.basm'; bioasm {line.replace('run', 'run small.basm')} "
                 + ("" if line.startswith("run") else "$'odd\\xff.basm'"))  # fmt: skip
    assert "\ufffd" not in told.stdout
    assert "ff" in json.dumps(json.loads(told.stdout)).lower()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_every_command_in_order(number: int) -> None:
    line = [*BIOASM.split(), "asm", "-", "-o", "out.bbc"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(line, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None
        process.stdin.write(b"ALC 2\n" * 50_000)  # more than a pipe holds: once it is taken, the command is reading
        process.stdin.flush()
        process.send_signal(number)
        _, messages = process.communicate(timeout=PATIENCE)
    assert (process.returncode, messages) == (130, b"interrupted\n")
    assert not Path("out.bbc").exists()


def test_unbuffered_output_is_written_whole() -> None:
    """A pipe takes 64 KiB at a time; what a raw stream is given beyond that would be lost where the process is stopped."""
    code = "import io, sys; from bioasm.cli.main import _write_utf8; _write_utf8()\n"
    code += "print(type(sys.stdout.buffer).__name__, sys.stdout.encoding)"
    told = subprocess.run([sys.executable, "-u", "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["BufferedWriter", "utf-8"]
