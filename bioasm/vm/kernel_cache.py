"""Compiled kernels, on disk and in memory: a warm start loads machine code and compiles nothing.

A kernel is a C function whose object code needs no runtime. It is stored in the cache folder under a hash of everything that it
depends on, with a checksum, and loaded through llvmlite. Memory has an LRU cache of kernels; one that is evicted is unloaded
with the last machine that uses it.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from bioasm.cachedir import place, read_kept, write_kept
from bioasm.vm.background import in_background
from bioasm.vm.compiler import COMPILER, Key, object_code, settings

Kernel = Callable[[int, int, int], int]
Notice = Callable[[str], bool]

PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
_HERE = Path(__file__).parent
_BEGAN = time.time()
_MOST = 32  # kernels that stay loaded without a machine that uses them
_kept: OrderedDict[Key, Kernel] = OrderedDict()
_lock = threading.Lock()


def _after_fork() -> None:
    """Reset the lock in a forked child, which lacks the thread that may have held it."""
    global _lock
    _lock = threading.Lock()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork)


def kernel(model: str, storage: str, variant: str, notice: Notice | None = None) -> Kernel:
    """The kernel of a model for a storage of J and a variant, or the `machine`'s; compiled at the first use on this machine.

    `notice` is called during compilation; where it returns False, Abandoned is raised. The
    function takes the addresses of the tables `ctx` and `real` and a block number, and returns a Status; it runs without
    the interpreter lock.
    """
    key = (model, storage, variant)
    found = _kept.get(key) or _load(key) or _compile(key, notice)
    with _lock:
        _kept[key] = found
        _kept.move_to_end(key)
        while len(_kept) > _MOST:
            _kept.popitem(last=False)
    return found


def address_of(kernel: Kernel) -> int:
    """The address of a kernel's machine code."""
    address = ctypes.cast(kernel, ctypes.c_void_p).value  # type: ignore[arg-type]
    assert address is not None
    return address


def _sources() -> list[Path]:
    """The source files of kernels."""
    kernels, house = sorted(path for room in ("jit", "kernels") for path in (_HERE / room).glob("*.py")), _HERE.parent
    others = [_HERE / name for name in ("layout.py", "compiler.py", "kernel_cache.py")]
    shared = [house / "runtime" / f"{name}.py" for name in ("random", "elementary", "reduction")]
    tables = [house / "isa" / f"{name}.py" for name in ("table", "control_rows")]
    return [*kernels, *others, *shared, *tables]


def _changed_since() -> bool:
    """Stale code check: whether sources changed after this process began, so that loaded code may differ from them."""
    return any(_BEGAN < path.stat().st_ctime <= time.time() for path in _sources())


@cache
def _fingerprint() -> bytes:
    """The fingerprint of the common dependencies of kernels: our sources, the compiler's versions, the processor."""
    import llvmlite
    import llvmlite.binding as llvm

    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    features = llvm.get_host_cpu_features().flatten()
    machine = (sys.version, platform.machine(), llvm.get_default_triple(), llvm.get_host_cpu_name(), features)
    digest.update("\0".join((llvmlite.__version__, *machine)).encode())
    return digest.digest()


def _key(key: Key) -> bytes:
    """The cache key: everything that a kernel depends on."""
    return _fingerprint() + settings() + b"\0\0" + "\0".join(key).encode()


def _path(key: Key) -> Path | None:
    """The path of a cached kernel; None without a cache folder, or where the sources are newer than this process."""
    return None if _changed_since() else place(f"kernel-{key[0]}", _key(key), ".o")


def _load(key: Key) -> Kernel | None:
    """The kernel from the cache, or None where it is missing or damaged."""
    path = _path(key)
    content = read_kept(path, _key(key)) if path else None
    return None if content is None else _link(content)


def _link(content: bytes) -> Kernel:
    """Link object code; LLVM takes external names (such as fmod and memcpy) from the process."""
    import llvmlite.binding as llvm

    symbol, _, code = content.partition(b"\0")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple().create_target_machine(opt=0)  # an empty module needs no optimisation
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return _kernel(engine.get_function_address(symbol.decode()), engine)


def _kernel(address: int, owner: Any) -> Kernel:
    """The function at an address, which keeps the owner of its machine code alive."""
    function = PROTOTYPE(address)
    function.owner = owner  # type: ignore[attr-defined]
    return function


def _compile(key: Key, notice: Notice | None) -> Kernel:
    """Compile and call `notice` meanwhile. Raises Abandoned where it returns False."""
    what = "the loop that executes programs" if key[0] == "machine" else f"the kernel of this {key[0]}"
    message = f"compiling {what} (once on this machine)"
    return in_background(lambda: _load(key) or _built(key), lambda: notice is None or notice(message))


def _built(key: Key) -> Kernel:
    """Compile a kernel and store it for later processes, even where its caller has stopped waiting."""
    told, path = settings(), _path(key)
    content = b"" if _changed_since() else COMPILER.compile(key)
    if not content or _changed_since():  # the child process would compile newer sources than this one's
        return _built_here(key)
    if path is not None and told == settings():
        write_kept(path, _key(key), content)
    return _link(content)


def _built_here(key: Key) -> Kernel:
    """Compile in this process, where no child can."""
    from bioasm.vm.kernels.build import build

    return _link(object_code(build(*key)))
