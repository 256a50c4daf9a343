"""`bioasm run`: options, results, files, signals and every way of ending."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from bioasm.diagnostics import Diagnostic, error
from bioasm.drivers import Progress
from bioasm.results.files import WRITERS
from bioasm.runtime.options import DEFAULT_FUEL
from tests.cli.fake_driver import FakeDriver, progress
from tests.command import Outcome, bioasm

pytestmark = pytest.mark.usefixtures("folder")


def run(*args: object, **streams) -> Outcome:
    return bioasm("run", "small.basm", "--driver", "fake", *args, **streams)


def asked(fake: type[FakeDriver]):
    """The program and the options that the driver was asked to run."""
    return next(call for call in fake.calls if isinstance(call, tuple))


def scripted(monkeypatch: pytest.MonkeyPatch, script) -> None:
    monkeypatch.setattr(FakeDriver, "script", staticmethod(script))


# --- options ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "name", "value"),
    [
        ("--seed 7", "seed", 7),
        ("--seed 18446744073709551615", "seed", 2**64 - 1),
        ("--lanes 4", "lanes", 4),
        ("", "lanes", 1),
        ("--threads 2", "threads", 2),
        ("", "threads", None),
        ("--fuel 1000", "fuel", 1000),
        ("--time-limit 2.5", "time_limit", 2.5),
        ("", "time_limit", None),
        ("--target -12", "target", -12.0),
        ("", "target", None),
        ("", "fuel", DEFAULT_FUEL),
        ("--checkpoint c.ckpt", "checkpoint", Path("c.ckpt")),
        ("", "checkpoint", None),
        ("--checkpoint c.ckpt --every 5", "checkpoint_every", 5.0),
        ("--checkpoint c.ckpt --seed 1 --resume", "resume", True),
        ("--set rule=metropolis", "parameters", {"rule": 1.0}),
    ],
)
def test_option_reaches_the_driver(fake: type[FakeDriver], args: str, name: str, value: object) -> None:
    Path("c.ckpt").touch()
    assert run(*args.split()).code == 0
    assert getattr(asked(fake)[1], name) == value


def test_a_seed_is_drawn_and_reported(fake: type[FakeDriver]) -> None:
    first, second = run("--json").json["seed"], run("--json").json["seed"]
    assert first != second
    assert 0 <= first < 2**32
    assert [call[1].seed for call in fake.calls if isinstance(call, tuple)] == [first, second]


def test_set_replaces_a_constant(fake: type[FakeDriver]) -> None:
    assert run("--set", "T0=5").code == 0
    assert asked(fake)[0].program.constants["T0"].value == 5.0


def test_set_of_an_unknown_name(fake: type[FakeDriver]) -> None:
    told = run("--set", "T=5")
    assert (told.code, fake.calls) == (2, [])
    assert "error[B405]" in told.stderr
    assert "did you mean T0?" in told.stderr


def test_a_constant_out_of_range_is_found_before_the_run(fake: type[FakeDriver]) -> None:
    told = run("--set", "T0=-5")
    assert (told.code, fake.calls) == (1, [])
    assert "error[B014]" in told.stderr


def test_a_driver_is_connected_and_released(fake: type[FakeDriver]) -> None:
    run()
    assert fake.calls[0] == "connect"
    assert fake.calls[-1] == "disconnect"


def test_unknown_driver() -> None:
    told = bioasm("run", "small.basm", "--driver", "cpuu")
    assert told.code in {1, 2}
    assert "error[B501]" in told.stderr
    assert "did you mean cpu?" in told.stderr


def test_broken_driver(fake: type[FakeDriver]) -> None:
    told = bioasm("run", "small.basm", "--driver", "broken")
    assert told.code != 0
    assert "error[B503]" in told.stderr
    assert "no_such_module_anywhere" in told.stderr


def test_bytecode_runs_as_text_does(fake: type[FakeDriver]) -> None:
    bioasm("asm", "small.basm", "-o", "small.bbc")
    from_text, from_bytes = (
        run("--seed", 1, "--json"),
        bioasm("run", "small.bbc", "--driver=fake", "--seed=1", "--json"),
    )
    assert from_bytes.json == from_text.json


def test_standard_input_runs(fake: type[FakeDriver]) -> None:
    text = Path("small.basm").read_bytes()
    assert bioasm("run", "-", "--driver", "fake", "--seed", 1, "--json", stdin=text).json["n"] == 3


def test_a_resumed_run_takes_the_seed_of_its_checkpoint(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake, "checkpoint_seed", lambda self, path: 77 if path == Path("c.ckpt") else 0)
    Path("c.ckpt").touch()
    assert run("--checkpoint", "c.ckpt", "--resume", "--json").json["seed"] == 77
    assert run("--checkpoint", "c.ckpt", "--resume", "--seed", 5, "--json").json["seed"] == 5


def test_a_driver_without_checkpoints_can_not_resume(fake: type[FakeDriver]) -> None:
    told = run("--checkpoint", "c.ckpt", "--resume")
    assert told.code == 1
    assert "error[B502]: driver fake keeps no checkpoints" in told.stderr


# --- what is printed --------------------------------------------------------------------------------


def test_summary(fake: type[FakeDriver]) -> None:
    told = run("--seed", 7)
    assert told.stderr == ""
    lines = told.text.splitlines()
    assert lines[0] == "driver fake, model ising, n 3, lanes 1, seed 7"
    assert [line.split("  ")[0] for line in lines[1:6]] == ["spins", "energy", "answer", "best energy", "spikes"]
    assert lines[-1].startswith("took ")


def test_json(fake: type[FakeDriver]) -> None:
    told = run("--seed", 7, "--json")
    assert told.stderr == ""
    assert told.text.count("\n") == 1
    assert told.json["best_state"] == [1, -1, 1]


def test_progress_on_a_terminal(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.cli.watch._SECONDS_BETWEEN_LINES", 0)
    scripted(monkeypatch, lambda v, o, observer: {"steps": 4 * observer(progress())})
    told = run(terminal=True)
    assert "100%, step 50 of 4, best energy -3.5" in told.stderr
    assert told.stderr.endswith("\r\x1b[K")
    assert "step 50" not in told.text


def test_a_message_is_shown_at_once(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.cli.watch._SECONDS_BETWEEN_LINES", 3600)
    scripted(monkeypatch, lambda v, o, see: {"steps": see(Progress(0, 9, float("nan"), "compiling"))})
    assert "compiling\r" in run(terminal=True).stderr


def test_progress_without_an_energy(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.cli.watch._SECONDS_BETWEEN_LINES", 0)
    scripted(monkeypatch, lambda v, o, see: {"steps": see(progress(0, float("nan")))})
    assert "  0%, step 0 of 4\r" in run(terminal=True).stderr


def test_progress_is_not_too_fast(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.cli.watch._SECONDS_BETWEEN_LINES", 3600)
    scripted(monkeypatch, lambda v, o, observer: {"steps": sum(observer(progress()) for _ in range(100))})
    assert "step 50" not in run(terminal=True).stderr


@pytest.mark.parametrize(("args", "terminal"), [([], False), (["-q"], True), (["--quiet"], True)])
def test_no_progress(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch, args: list[str], terminal: bool) -> None:
    monkeypatch.setattr("bioasm.cli.watch._SECONDS_BETWEEN_LINES", 0)
    scripted(monkeypatch, lambda v, o, observer: {"steps": 4 * observer(progress())})
    assert run(*args, terminal=terminal).stderr == ""


def test_findings_of_the_run_are_told(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    warning = Diagnostic("B407", "v is large", severity="warning")
    scripted(monkeypatch, lambda *_: {"diagnostics": (warning,)})
    assert run().stderr == "warning[B407]: v is large\n"
    assert run("-q").stderr == ""


def test_warnings_of_the_verifier_are_told(fake: type[FakeDriver]) -> None:
    with open("small.basm", "a") as stream:
        stream.write("HLT\nRD energy\n")
    told = run()
    assert told.code == 0
    assert "warning[B117]" in told.stderr
    assert run("-q").stderr == ""


# --- files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out.npz", "out", "sub/out.npz"])
def test_results_are_saved(fake: type[FakeDriver], name: str) -> None:
    Path("sub").mkdir()
    told = run("--seed", 7, "-o", name)
    assert f"saved {name}\n" in told.text
    with np.load(name) as file:
        assert file["energy_trace"].tolist() == [0, 1, 2, 3]
        assert json.loads(str(file["provenance"]))["seed"] == 7


def test_json_names_the_file(fake: type[FakeDriver]) -> None:
    assert run("--json", "-o", "out.npz").json["file"] == "out.npz"


def test_large_arrays_go_to_the_file_only(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, lambda *_: {"energy_trace": np.zeros((1, 20_000))})
    told = run("--json", "-o", "out.npz").json
    with np.load("out.npz") as file:
        assert file[told["energy_trace"]["file"]].shape == tuple(told["energy_trace"]["shape"]) == (20_000,)


def test_npz_into_a_pipe(fake: type[FakeDriver]) -> None:
    told = run("--seed", 7, "-o", "-")
    with np.load(io.BytesIO(told.stdout)) as file:
        assert file["best_state"].tolist() == [1, -1, 1]
    assert told.stderr.startswith("driver fake, ")


def test_npz_onto_a_terminal_is_refused(fake: type[FakeDriver]) -> None:
    told = run("-o", "-", terminal=True)
    assert (told.code, told.stdout, fake.calls) == (2, b"", [])
    assert "[B307]" in told.stderr


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ("-o absent/out.npz", 1, "there is no folder"),
        ("-o .", 1, "is a directory"),
        ("-o out.txt", 2, "B306"),
        ("--checkpoint absent/c", 1, "there is no folder"),
    ],
)
def test_what_can_not_be_saved_is_told_before_the_run(fake: type[FakeDriver], args: str, code: int, words: str) -> None:
    told = run(*args.split())
    assert (told.code, told.stdout, fake.calls) == (code, b"", [])
    assert words in told.stderr


def test_results_are_printed_where_saving_fails(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, lambda *_: os.rmdir("gone") or {})
    Path("gone").mkdir()
    told = run("--json", "-o", "gone/out.npz")
    assert told.code == 1
    assert "error[B302]" in told.stderr
    assert "file" not in told.json


# --- ways of ending ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [("finished", 0, ""), ("out of fuel", 1, "error[B401]"), ("lost", 3, "error[B504]"), ("interrupted", 130, "")],
)
def test_status(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch, status: str, code: int, words: str) -> None:
    scripted(monkeypatch, lambda *_: {"status": status})
    told = run("--json")
    assert (told.code, told.json["status"]) == (code, status)
    assert words in told.stderr


def test_the_drivers_own_words_are_not_doubled(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, lambda *_: {"status": "out of fuel", "diagnostics": (Diagnostic("B401", "dry"),)})
    assert run().stderr == "error[B401]: dry\n"


def raising(failure: BaseException):
    def script(*_: object) -> dict:
        raise failure

    return script


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (error("B402", "a negative time"), 1, "error[B402]: a negative time"),
        (error("B504", "the link broke", exit_code=3), 3, "error[B504]"),
        (MemoryError(), 1, "error[B403]"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("by zero"), 4, "error[B901]: internal error: ZeroDivisionError: by zero"),
        (RecursionError("deep"), 4, "error[B901]"),
        (OSError(28, "No space left on device"), 1, "error[B302]"),
    ],
)
def test_failure(
    fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch, failure: BaseException, code: int, words: str
) -> None:
    monkeypatch.delenv("BIOASM_DEBUG", raising=False)
    scripted(monkeypatch, raising(failure))
    told = run()
    assert (told.code, told.stdout) == (code, b"")
    assert words in told.stderr
    assert "Traceback" not in told.stderr
    assert fake.calls[-1] == "disconnect"


def test_debugging_shows_the_traceback(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOASM_DEBUG", "1")
    scripted(monkeypatch, raising(ZeroDivisionError("x")))
    told = run()
    assert told.code == 4
    assert "Traceback" in told.stderr


def test_an_ability_that_the_driver_lacks(fake: type[FakeDriver]) -> None:
    with open("small.basm", "a") as stream:
        stream.write("CLAMP 0, 1\n")
    told = run()
    assert told.code == 1
    assert "error[B502]" in told.stderr
    assert "CLAMP" in told.stderr


# --- signals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_run_and_results_are_printed(
    fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def script(verified, options, observer) -> dict:
        before = observer(progress())
        os.kill(os.getpid(), number)
        return {"status": "interrupted", "steps": 10 * before + observer(progress())}

    scripted(monkeypatch, script)
    told = run("--json", "-o", "out.npz")
    assert (told.code, told.json["steps"]) == (130, 10)
    assert Path("out.npz").exists()


def test_a_second_signal_would_end_the_process(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def script(*_: object) -> dict:
        os.kill(os.getpid(), signal.SIGINT)
        seen.extend(map(signal.getsignal, (signal.SIGINT, signal.SIGTERM)))
        return {}

    scripted(monkeypatch, script)
    run()
    assert seen == [signal.SIG_DFL, signal.SIG_DFL]


def test_handlers_are_put_back(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    scripted(monkeypatch, raising(ValueError()))
    run()
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_stopping_is_said_on_a_terminal(fake: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, lambda *_: os.kill(os.getpid(), signal.SIGINT) or {"status": "interrupted"})
    assert "once more to abort" in run(terminal=True).stderr


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="this system has no /dev/null")
@pytest.mark.parametrize("suffix", WRITERS)
def test_results_can_go_nowhere(folder: Path, suffix: str) -> None:
    if suffix in (".h5", ".hdf5"):
        pytest.importorskip("h5py", reason="h5py is not installed")
    if suffix == ".nwb":
        pytest.importorskip("pynwb", reason="pynwb is not installed")
    (folder / "timed.basm").write_text("ALC 3\nSIG 2 mV\nRUN 5 ms\nRD v\n")
    (folder / f"nowhere{suffix}").symlink_to("/dev/null")
    told = bioasm("run", "timed.basm", "--seed", 1, "-o", f"nowhere{suffix}", "-q")
    assert (told.code, told.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "roles"),
    [
        (("-o", "x.json", "--report", "./x.json"), "-o and --report"),
        (("-o", "x.npz", "--checkpoint", "x.npz"), "-o and --checkpoint"),
        (("-o", "small.basm"), "PROGRAM and -o"),
    ],
)
def test_one_file_for_two_things_is_refused_before_the_run(
    fake: type[FakeDriver], arguments: tuple[str, ...], roles: str
) -> None:
    text = Path("small.basm").read_text(encoding="utf-8")
    outcome = run(*arguments)
    assert outcome.code == 2
    assert f"{roles} are one file" in outcome.stderr
    assert not fake.calls
    assert Path("small.basm").read_text(encoding="utf-8") == text
