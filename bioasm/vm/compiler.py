"""Compilation in a child process: what numba keeps of every compilation, some megabytes, ends with the child.

The child serves some kernels, since the first takes seconds longer than the others, and is then replaced. It ends when its host
does, and when it was idle for a while.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from typing import Any

Key = tuple[str, str, str]

MOST = 16  # kernels that one child compiles
_IDLE_SECONDS = 60.0
_LENGTH = 8  # bytes of an answer's length
_LONGEST = 1 << 30  # of an answer; kernels have some 100 kB
_CHILD = "import sys; sys.path[:] = sys.argv[1:]; from bioasm.vm.compiler import serve; serve()"


class Compiler:
    """The host's side: a child that is started when it is first needed."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._served, self._host, self._settings = 0, 0, b""
        self._lock = threading.Lock()

    def compile(self, key: Key, settings: bytes = b"") -> bytes:
        """Names and object code of a kernel (`object_code`); empty where no child can make it.

        `settings` are those that numba reads when it starts: where they have changed, another child is started.
        """
        with self._lock:
            try:
                return self._asked(key, settings)
            except OSError:
                self._stop()
                return b""

    def _asked(self, key: Key, settings: bytes) -> bytes:
        child = self._running(settings)
        if child is None or child.stdin is None or child.stdout is None:
            return b""
        child.stdin.write(json.dumps(key).encode() + b"\n")
        child.stdin.flush()
        length = int.from_bytes(child.stdout.read(_LENGTH), "little")
        content = child.stdout.read(length) if length <= _LONGEST else b""
        if not content or len(content) != length:
            self._stop()
            return b""
        self._served += 1
        return content

    def _running(self, settings: bytes) -> subprocess.Popen[bytes] | None:
        """The child; another after MOST kernels, for other settings, where it has ended, and in a forked process."""
        if self._host != os.getpid():
            self._child = None
        if self._child is not None and (self._served >= MOST or settings != self._settings or self._child.poll() is not None):
            self._stop()
        if self._child is None and sys.executable and not getattr(sys, "frozen", False):
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            # In a session of its own, so that Ctrl-C is the host's alone.
            self._child = subprocess.Popen([sys.executable, "-c", _CHILD, *sys.path], start_new_session=True, **pipes)
            self._served, self._host, self._settings = 0, os.getpid(), settings
        return self._child

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()

    def close(self) -> None:
        """End the child; another thread may still wait for its answer."""
        child = self._child
        if child is not None and self._host == os.getpid():
            child.kill()
            child.wait()


COMPILER = Compiler()
atexit.register(COMPILER.close)


# --- the child's side -------------------------------------------------------------------------------


def serve() -> None:
    """Answer each line of standard input, a key, with the kernel's object code, empty where it can't be made."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed must not come between answers
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


def _object_code_or_nothing(line: bytes) -> bytes:
    from bioasm.vm.kernels.build import build

    try:
        return object_code(build(*json.loads(line)))
    except Exception:  # whatever it is, the host meets it too, and tells
        return b""


def object_code(built: Any) -> bytes:
    """The symbol of a compiled function and names of the runtime that it needs, a zero byte, object code.

    It takes private names of numba's: the only way to the object code. Where they are gone it is empty, and kernels are
    compiled in every process.
    """
    library: Any = getattr(built, "_library", None)
    if not hasattr(library, "_get_compiled_object"):
        return b""
    names = " ".join([built.native_name, *_runtime_names(library)])
    return names.encode() + b"\0" + bytes(library._get_compiled_object())


def _runtime_names(library: Any) -> list[str]:
    """What the object code names of the compiler's runtime and of Python."""
    module = library._final_module
    names = [item.name for items in (module.functions, module.global_variables) for item in items if item.is_declaration]
    return [name for name in names if name.startswith(("NRT_", "numba_", "Py"))]
