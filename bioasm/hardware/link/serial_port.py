"""Serial ports through pyserial: ttys, COM ports, sockets. The only place that knows pyserial."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from bioasm.diagnostics import EXIT_DEVICE, BioasmError, error
from bioasm.hardware.link.transport import CHUNK, Closed, Transport

DEFAULT_BAUD = 1_000_000
_POLL = 0.002  # s; where a port can't be waited for, it is asked


def open_port(url: str, baud: int = DEFAULT_BAUD) -> SerialTransport:
    """Open a port by a pyserial URL: `/dev/ttyACM0`, `COM3`, `socket://host:port`. 8 data bits, no parity, one stop bit.

    Raises BioasmError: B503 where pyserial is missing, B511 where the port can't be opened or another program has it.
    """
    serial = _pyserial()
    if url.startswith("socket://") and not _names_a_socket(url):
        raise _unopened(url, ValueError("one is written socket://HOST:PORT, with a port from 1 to 65535"))
    if _is_own_terminal(url):
        raise _unopened(url, ValueError("it is the terminal that you are using"))
    try:
        port = serial.serial_for_url(url, do_not_open=True)
        port.baudrate, port.timeout, port.write_timeout = baud, 0, 0
        _make_exclusive(port)
        port.open()
    except (serial.SerialException, OSError, ValueError) as cause:
        raise _unopened(url, cause) from cause
    return SerialTransport(port, url, baud)


def ports() -> list[tuple[str, str]]:
    """The serial ports of this machine: name and description. Raises BioasmError B503 where pyserial is missing."""
    _pyserial()
    from serial.tools.list_ports import comports

    return [(port.device, port.description) for port in sorted(comports())]


def _pyserial() -> Any:
    try:
        import serial
    except ImportError as cause:
        hint = "pip install 'bioasm[intan]'"
        raise error("B503", "serial ports need pyserial, which is not installed", hint=hint) from cause
    return serial


def _names_a_socket(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname and parts.port)
    except ValueError:  # a port that is no number, or none that there is
        return False


def _is_own_terminal(url: str) -> bool:
    """Whether a port is this program's terminal, which would be left without echo and Ctrl-C."""
    return os.path.realpath(url) in {"/dev/tty", *_terminals()}


def _terminals() -> Iterator[str]:
    for stream in range(3):
        with suppress(OSError, AttributeError):  # no terminal, or a system that has no names for them
            yield os.ttyname(stream)


def _make_exclusive(port: Any) -> None:
    """A second program must not share the port; where the system can't lock it, the board's session still can."""
    try:
        port.exclusive = True
    except (ValueError, AttributeError, NotImplementedError):
        return


# What a system says where a port can't be opened: a part of its words, ours, and what would mend it.
_REASONS = (
    (("exclusively lock", "temporarily unavailable", "Access is denied"), "another program has it open", "end that program"),
    (("Permission denied",), "you may not use it", "join the group that owns the port (often `dialout`)"),
    (("No such file", "cannot find the file"), "there is no such port", "`bioasm drivers --probe` lists the ports"),
    (("Inappropriate ioctl", "Is a directory"), "it is no serial port", "`bioasm drivers --probe` lists the ports"),
    (("refused",), "nobody listens there", "is the board's program running?"),
    (("Name or service", "getaddrinfo", "nodename nor"), "there is no such computer", "is its name right?"),
)


def _unopened(url: str, cause: Exception) -> BioasmError:
    said = str(cause)
    for words, reason, hint in _REASONS:
        if any(word in said for word in words):
            return error("B511", f"port {url} can't be opened: {reason}", hint=hint, exit_code=EXIT_DEVICE)
    return error("B511", f"port {url} can't be opened: {said}", exit_code=EXIT_DEVICE)


class SerialTransport(Transport):
    """Transport over an open pyserial port. `line_rate` is None where the baud rate is not that of the line (USB, sockets)."""

    def __init__(self, port: Any, url: str, baud: int) -> None:
        self.name = url
        self._port = port
        self.line_rate = baud / 10 if _is_paced(url) else None
        self._fd = _file_of(port)

    def read(self, timeout: float) -> bytes:
        """The bytes that have arrived."""
        try:
            if not self._readable(timeout):
                return b""
            data: bytes = self._port.read(CHUNK)
            return data
        except (OSError, ValueError, TypeError, AttributeError) as cause:  # what a vanished or closed port raises
            raise self._closed(cause) from cause

    def _closed(self, cause: Exception) -> Closed:
        """The error for a port that is gone, in few words; pyserial guesses at length."""
        said = str(cause)
        gone = any(words in said for words in ("returned no data", "disconnected", "Input/output error"))
        return Closed(f"{self.name}: {'the other end is gone' if gone else said}")

    def _readable(self, timeout: float) -> bool:
        if self._fd is not None:
            return bool(select.select([self._fd], [], [], max(0.0, timeout))[0])
        until = time.monotonic() + timeout
        while not self._port.in_waiting:
            if time.monotonic() >= until:
                return False
            time.sleep(_POLL)
        return True

    def write(self, data: bytes) -> int:
        """Put out what the port takes."""
        try:
            if not data or not self._writable():
                return 0
            return int(self._port.write(data) or 0)
        except (OSError, ValueError, TypeError, AttributeError) as cause:
            raise self._closed(cause) from cause

    def _writable(self) -> bool:
        """Whether it takes a byte now. pyserial would spin on a full port, so that it is asked before."""
        return self._fd is None or bool(select.select([], [self._fd], [], 0)[1])

    def discard_output(self) -> None:
        """Forget what the system holds back; sockets can't."""
        try:
            self._port.reset_output_buffer()
        except (OSError, ValueError, NotImplementedError, AttributeError):
            return

    def close(self) -> None:
        """Close the port."""
        try:
            self._port.close()
        except OSError:
            return


def _is_paced(url: str) -> bool:
    """Whether the baud rate is that of the line: not where USB or no line at all carries the bytes."""
    return "://" not in url and "/pts/" not in url and "ACM" not in url and "usbmodem" not in url


def _file_of(port: Any) -> int | None:
    """The file that can be waited for, or None for ports that have none, as on Windows."""
    try:
        return int(port.fileno())
    except (OSError, AttributeError, NotImplementedError, ValueError):
        return None
