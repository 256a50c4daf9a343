"""A handler of SIGBUS (sigaction) that replaces pages of a mapped file which was cut off by zeros. Linux on 64 bits."""

from __future__ import annotations

import ctypes
import mmap
import platform
import signal
from collections.abc import Callable
from typing import Any

_SUPPORTED = platform.machine() in ("x86_64", "aarch64") and ctypes.sizeof(ctypes.c_void_p) == 8
_SA_SIGINFO, _SA_NODEFER = 4, 0x40000000
_CODE, _ADDRESS = 8, 16  # bytes before si_code and si_addr in siginfo_t
_PROT_READ = 1
_DEFAULT, _IGNORED = 0, 1  # SIG_DFL and SIG_IGN
_PRIVATE_FIXED_ANONYMOUS_NORESERVE = 0x02 | 0x10 | 0x20 | 0x4000
_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class _Sigaction(ctypes.Structure):
    """struct sigaction of glibc and musl."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ubyte * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


_before = _Sigaction()
_installed: list[Any] = []  # the C library, the handler (it must live as long as the process), and `gone`


def install(gone: Callable[[int], int]) -> None:
    """Handle SIGBUS from now on, once for the process.

    `gone` is told the address of a read that failed and returns the end of the mapping that it is in, or 0 where it knows of
    none: such a signal goes to what handled SIGBUS before.
    """
    if _installed or not _SUPPORTED:
        return
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
    handler = _HANDLER(_on_sigbus)
    _installed.extend((libc, handler, gone))
    action = _Sigaction(ctypes.cast(handler, ctypes.c_void_p).value, flags=_SA_SIGINFO | _SA_NODEFER)
    if libc.sigaction(signal.SIGBUS, ctypes.byref(action), ctypes.byref(_before)) != 0:
        _installed.clear()


def _on_sigbus(number: int, info: int, context: int) -> None:
    """Put zeros from the page that was read to the end of its mapping; the read is then done again.

    The signal comes at the very instruction that reads data (in numpy or in a kernel, which hold no lock of the C library
    then), not at a place that is not known, and therefore Python may be called. It works without the interpreter lock held.
    """
    libc, _handler, gone = _installed
    address = ctypes.c_uint64.from_address(info + _ADDRESS).value
    page = address - address % mmap.PAGESIZE
    sent = ctypes.c_int.from_address(info + _CODE).value <= 0  # sent by kill, not by a read
    end = 0 if sent else gone(address)
    if not end or libc.mmap(page, end - page, _PROT_READ, _PRIVATE_FIXED_ANONYMOUS_NORESERVE, -1, 0) != page:
        _pass_on(number, info, context, sent=sent)


def _pass_on(number: int, info: int, context: int, *, sent: bool) -> None:
    """Let what handled SIGBUS before have a signal that is not ours. Where that is a function, ours stays in its place."""
    before = _before.handler or _DEFAULT
    if before not in (_DEFAULT, _IGNORED):
        _HANDLER(before)(number, info, context)  # a handler of the number alone ignores the others
    elif before == _DEFAULT or not sent:  # a read that fails ends the process, also where the signal is ignored
        _installed[0].sigaction(number, ctypes.byref(_before), None)
        if sent:
            signal.raise_signal(number)
