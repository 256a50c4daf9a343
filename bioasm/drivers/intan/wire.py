"""From a port's name to a wire: a board emulated in this process, or a serial port."""

from __future__ import annotations

from bioasm.drivers.intan.options import Options
from bioasm.hardware.link.transport import Transport


def open_wire(options: Options) -> Transport:
    """The wire to the board. Raises BioasmError: B503 or B511 for serial ports, B530 for boards of this process."""
    if options.port.startswith(("qemu:", "firmware:")):
        from bioasm.firmware.emulation import open_firmware

        return open_firmware(options.port)
    if options.emulated:
        from bioasm.hardware.board.emulated import open_emulated

        return open_emulated(options.port)
    from bioasm.hardware.link.serial_port import open_port

    return open_port(options.port, options.baud)
