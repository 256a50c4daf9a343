"""An emulated board within this process, for `--port emu:...`."""

from __future__ import annotations

from threading import Event, Thread

from bioasm.hardware.board.serve import serve
from bioasm.hardware.board.server import Station
from bioasm.hardware.board.settings import settings_from
from bioasm.hardware.link.transport import Transport, memory_pair


class EmulatedTransport(Transport):
    """The host's end of a wire to a board that runs on a thread of this process."""

    def __init__(self, url: str) -> None:
        settings = settings_from(url)
        self.station = Station(settings)
        self.name, self.line_rate = url, settings.line_rate
        self._host, board = memory_pair(name=url)
        self._stop = Event()
        self._thread = Thread(target=serve, args=(self.station, board, self._stop.is_set), name=url, daemon=True)
        self._thread.start()

    def read(self, timeout: float) -> bytes:
        """The bytes that the board wrote."""
        return self._host.read(timeout)

    def write(self, data: bytes) -> int:
        """Write as many bytes as there is room for."""
        return self._host.write(data)

    def discard_output(self) -> None:
        """Discard the bytes that the board did not read yet."""
        self._host.discard_output()

    def close(self) -> None:
        """Close the wire, and stop the board."""
        self._stop.set()
        self._host.close()
        self._thread.join(timeout=5)


def open_emulated(url: str) -> Transport:
    """A new board at an address such as `emu:rhs2116?seed=1&loss=0.01`, and the wire to it. Raises BioasmError B530."""
    return EmulatedTransport(url)
