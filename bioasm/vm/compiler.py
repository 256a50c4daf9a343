"""Compilation in a child process, so that the host keeps neither the compiler nor what LLVM retains after every compilation.

The child compiles several kernels, because the first takes longer than the others, and is then replaced. It exits with its
host, and after some idle time.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# The command line of this interpreter and its options, from where multiprocessing takes it too.
from subprocess import _args_from_interpreter_flags  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bioasm.vm.jit.entry import Native

Key = tuple[str, str, str]
Child = subprocess.Popen[bytes]

MOST = 32  # kernels that one child compiles; each leaks about 12 MB
_IDLE_SECONDS = 60.0
_GREETING_SECONDS = 20.0  # timeout of a child's start; an executable that is no Python may never answer
_ANSWER_SECONDS = 600.0  # timeout of a compilation, which takes some seconds
_LOOK_EVERY = 0.5  # seconds between checks of the host
_LENGTH = 8  # bytes of an answer's length
_LONGEST = 1 << 30  # bytes of an answer; kernels have about 100 kB
_GREETING = b"bioasm compiler\n"
_COLLECTIONS = (50_000, 20, 100)  # thresholds of garbage collection; the usual ones cost a tenth of the time
_CHILD = "import sys; sys.path[:] = sys.argv[1:]; from bioasm.vm.compiler import serve; serve()"


def settings() -> bytes:
    """What the environment says of the processor that kernels are compiled for (`bioasm.vm.jit.native`)."""
    found = (f"{name}={os.environ[name]}" for name in ("BIOASM_CPU_NAME", "BIOASM_CPU_FEATURES") if name in os.environ)
    return "\0".join(found).encode("utf-8", "surrogateescape")


class Compiler:
    """The host's side: a child process that is started lazily."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._served, self._settings = 0, b""
        self._fit = True  # whether this interpreter can be started as a child
        self._lock = threading.Lock()

    def compile(self, key: Key) -> bytes:
        """Names and object code of a kernel (`object_code`); empty where no child can compile it."""
        with self._lock:
            for _ in range(2):
                child = self._running(settings())
                if child is None:
                    return b""
                if content := _answer(child, key):
                    self._served += 1
                    return content
                if self._stop() != 0:  # after exit code 0 it was idle and ended before the request: try another
                    return b""
        return b""

    def _running(self, told: bytes) -> Child | None:
        """The running child; a new one after MOST kernels, after its exit, and for settings other than those at its start."""
        if self._child is not None and (self._served >= MOST or told != self._settings or self._child.poll() is not None):
            self._stop()
        if self._child is None and self._fit and sys.executable and not getattr(sys, "frozen", False):
            with suppress(OSError):
                self._start(told)
        return self._child

    def _start(self, told: bytes) -> None:
        """Start a child and wait for its greeting; an interpreter without one is not started again."""
        command = [sys.executable, *_args_from_interpreter_flags(), "-c", _CHILD, *sys.path]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        # In a session of its own, so that Ctrl-C is the host's alone; unbuffered, for a buffer's lock would outlive a fork.
        child = self._child = subprocess.Popen(command, start_new_session=True, bufsize=0, **pipes)
        self._served, self._settings = 0, told
        with _within(_GREETING_SECONDS, child):
            self._fit = _read(child, len(_GREETING)) == _GREETING
        if not self._fit:
            self._stop()

    def _stop(self) -> int | None:
        """End the child and return its exit code, 0 where it ended by itself."""
        child, self._child = self._child, None
        if child is None:
            return None
        _kill(child)
        _close_pipes(child)
        return child.wait()

    def close(self) -> None:
        """End the child, even while another thread waits for its answer."""
        child = self._child
        if child is not None:
            _kill(child)
            child.wait()

    def forget(self) -> None:
        """In a forked process: leave the child to the host, where a thread may hold the lock and wait for an answer."""
        child, self._child = self._child, None
        self._lock = threading.Lock()
        if child is not None:
            child.returncode = 0  # it is not a child of this process
            _close_pipes(child)


def _answer(child: Child, key: Key) -> bytes:
    """The child's answer to a key; empty where it ends or times out."""
    with suppress(OSError), _within(_ANSWER_SECONDS, child):
        _write(child, json.dumps(key).encode() + b"\n")
        length = int.from_bytes(_read(child, _LENGTH), "little")
        content = _read(child, length) if length <= _LONGEST else b""
        return content if len(content) == length else b""
    return b""


@contextmanager
def _within(seconds: float, child: Child) -> Iterator[None]:
    """Timeout: kill the child where the block takes longer, which unblocks reads of its pipes."""
    timer = threading.Timer(seconds, _kill, (child,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _write(child: Child, content: bytes) -> None:
    assert child.stdin is not None
    while content:
        content = content[child.stdin.write(content) :]


def _read(child: Child, count: int) -> bytes:
    """The next bytes of an answer; fewer where the child has ended."""
    assert child.stdout is not None
    content = b""
    while len(content) < count and (part := child.stdout.read(min(count - len(content), 1 << 20))):
        content += part
    return content


def _kill(child: Child) -> None:
    """Kill the child's process group: an interpreter that is a wrapper script has children."""
    if sys.platform == "win32":
        child.kill()
    elif child.returncode is None:
        with suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)


def _close_pipes(child: Child) -> None:
    assert child.stdin is not None and child.stdout is not None
    child.stdin.close()
    child.stdout.close()


COMPILER = Compiler()
atexit.register(COMPILER.close)
if sys.platform != "win32":
    os.register_at_fork(after_in_child=COMPILER.forget)


# --- the child's side -------------------------------------------------------------------------------


def serve() -> None:
    """The child's loop: greet, then answer each line of standard input, a key, with object code, empty where it failed."""
    threading.Thread(target=_end_with_host, args=(os.getppid(),), daemon=True).start()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of the compiler must not mix with answers
    answers.write(_GREETING)
    answers.flush()
    gc.set_threshold(*_COLLECTIONS)
    while True:
        idle = threading.Timer(_IDLE_SECONDS, os._exit, (0,))
        idle.daemon = True
        idle.start()
        line = sys.stdin.buffer.readline()
        idle.cancel()
        if not line:
            return
        content = _object_code_or_nothing(line)
        answers.write(len(content).to_bytes(_LENGTH, "little") + content)
        answers.flush()


def _end_with_host(host: int) -> None:
    """Watchdog thread: exit, also during a compilation, once the host is no longer the parent."""
    while os.getppid() == host:
        time.sleep(_LOOK_EVERY)
    os._exit(0)


def _object_code_or_nothing(line: bytes) -> bytes:
    from bioasm.vm.kernels.build import build

    try:
        return object_code(build(*json.loads(line)))
    except Exception:  # the host meets the same error and reports it
        return b""


def object_code(built: Native) -> bytes:
    """Serialised kernel: its symbol, a zero byte, object code."""
    return built.name.encode() + b"\0" + built.code
