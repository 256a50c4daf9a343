"""Discovery of boards at ports by a greeting, which uploads, arms, clears and runs nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bioasm import __version__
from bioasm.diagnostics import BioasmError
from bioasm.drivers.intan.options import options_from
from bioasm.drivers.intan.wire import open_wire
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.messages import Capability, Substrate, Welcome

ANSWER_WITHIN = 2.5  # s; opening a port resets some boards, which then take 2 s to start


@dataclass(frozen=True, slots=True)
class Found:
    """A port, with the board that answered there or the error."""

    port: str
    description: str
    welcome: Welcome | None
    trouble: str | None

    def as_dict(self) -> dict[str, Any]:
        """A dict of plain strings and numbers."""
        plain = {"port": self.port, "description": self.description, "trouble": self.trouble, "board": None}
        return plain | {"board": _board(self.welcome)} if self.welcome else plain


def serial_ports() -> list[tuple[str, str]]:
    """The serial ports of this machine, name and description. Raises BioasmError B503 where pyserial is missing."""
    from bioasm.hardware.link.serial_port import ports

    return ports()


def probe(ports: Iterable[tuple[str, str]], timeout: float = ANSWER_WITHIN) -> list[Found]:
    """Greet the boards at these ports in turn."""
    return [_asked(port, description, timeout) for port, description in ports]


def _asked(port: str, description: str, timeout: float) -> Found:
    try:
        with HostLink(open_wire(options_from({"port": port})), f"bioasm {__version__} (probe)") as link:
            return Found(port, description, link.connect(timeout), None)
    except BioasmError as none:
        return Found(port, description, None, "; ".join(d.message for d in none.diagnostics))


def _board(welcome: Welcome) -> dict[str, Any]:
    board = welcome.capabilities
    return {
        "uid": board.uid,
        "firmware": f"{board.firmware} {board.firmware_version}",
        "chips": [chip.name for chip in board.chips],
        "channels": board.channels,
        "sample_rate": board.sample_rate,
        "stimulates": Capability.STIMULATE in board.capabilities,
        "simulated": Capability.SIMULATED in board.capabilities,
        "substrates": [(s.name or "").lower() for s in Substrate if s in board.substrates],
        "neurons": board.neurons,
        "lanes": board.lanes,
        "state": welcome.state.name.lower(),
    }
