"""`bioasm emulate`: serves an emulated board on a pseudo-terminal or a TCP port until it is interrupted."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from bioasm.cli import common
from bioasm.cli.signals import heeded
from bioasm.diagnostics import EXIT_DEVICE, EXIT_OK, EXIT_USAGE, error

if TYPE_CHECKING:
    from bioasm.hardware.board.settings import BoardSettings
    from bioasm.hardware.link.transport import Transport

CHANCE = click.FloatRange(0, 1)


@common.command(
    "emulate",
    examples="""
        bioasm emulate --seed 1
        bioasm emulate --chip rhs2116 --wall --baud 3000000
        bioasm emulate --loss 0.05 --fault "run+0.2 unplug"
        bioasm emulate --socket 7000
        bioasm emulate --firmware qemu:m7 --chip rhs2116
    """,
    exits={0: "ended by a signal, or unplugged by a fault", 130: "interrupted"},
)
@click.option("--chip", metavar="NAME", default="rhd2132", show_default=True, help="rhd2132, rhd2164, rhd2216 or rhs2116; only the last stimulates.")  # noqa: E501  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), metavar="N", default=0, show_default=True, help="Seed of the chip, the culture and the line's faults.")  # noqa: E501  # fmt: skip
@click.option("--sample-rate", type=float, metavar="HZ", default=20000.0, show_default=True, help="Samples of each channel in a second.")  # noqa: E501  # fmt: skip
@click.option("--diameter-um", type=float, metavar="UM", default=100.0, show_default=True, help="Diameter of the electrodes, by which the board itself judges pulses.")  # noqa: E501  # fmt: skip
@click.option("--material", metavar="NAME", default="unknown", show_default=True, help="Their material; docs/safety.md lists those that are known.")  # noqa: E501  # fmt: skip
@click.option("--wall/--virtual", default=False, help="Whether a culture takes its time, or is computed as fast as possible (the default).")  # noqa: E501  # fmt: skip
@click.option("--socket", "port", type=click.IntRange(0, 65535), metavar="PORT", help="Serve a TCP port of this computer instead of a pseudo-terminal; 0 takes a free one.")  # noqa: E501  # fmt: skip
@click.option("--baud", type=float, metavar="N", default=0.0, help="Pace the line at so many baud; without it there is no limit.")  # noqa: E501  # fmt: skip
@click.option("--loss", type=CHANCE, metavar="P", default=0.0, help="Chance that a frame is lost, in each direction.")
@click.option("--corrupt", type=CHANCE, metavar="P", default=0.0, help="Chance that a bit of a frame is turned.")
@click.option("--truncate", type=CHANCE, metavar="P", default=0.0, help="Chance that the end of a frame is missing.")
@click.option("--duplicate", type=CHANCE, metavar="P", default=0.0, help="Chance that a frame comes twice.")
@click.option("--late", type=CHANCE, metavar="P", default=0.0, help="Chance that a frame is passed by later ones.")
@click.option("--delay", type=click.FloatRange(0), metavar="S", default=0.0, help="Seconds that everything takes in each direction.")  # noqa: E501  # fmt: skip
@click.option("--drift", type=float, metavar="PPM", default=0.0, help="How much too fast the device clock goes.")
@click.option("--stuck", metavar="VALUE", default="", help="What the chip's bus always reads: 0x0000 or 0xFFFF.")
@click.option("--wrong-chip", is_flag=True, help="The chip says that it is another.")
@click.option("--uncalibrated", is_flag=True, help="The firmware forgets to calibrate the chip.")
@click.option("--fault", "faults", multiple=True, metavar="'WHEN WHAT [VALUE]'", help="Let something go wrong: WHEN is seconds, run+SECONDS or rx+BYTES; docs/board.md lists WHAT. May be repeated.")  # noqa: E501  # fmt: skip
@click.option("--firmware", metavar="KIND", help="Run the firmware in C instead: firmware:host, qemu:m7 or qemu:m4; of the other options --chip and --seed count.")  # noqa: E501  # fmt: skip
@click.option("--image", metavar="FILE", help="The firmware's image; by default what `make firmware` has built.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing on standard error.")
def command(
    wall: bool, port: int | None, faults: tuple[str, ...], firmware: str | None, image: str | None, quiet: bool, **wanted: Any
) -> int:
    """Serve an emulated board: an Intan chip with a culture behind its electrodes, and the firmware in front.

    The first line of standard output is what `--port` of the driver intan takes. Ctrl-C ends it.
    """
    from bioasm.hardware.board.script import parse_event
    from bioasm.hardware.board.settings import BoardSettings

    if firmware is not None:
        return _serve_firmware(firmware, image, wanted["chip"], wanted["seed"], quiet)
    events = tuple(parse_event(text) for text in faults)
    settings = BoardSettings(**wanted, time="wall" if wall else "virtual", faults=events)
    return _serve(settings, _wire(port), quiet)


def _wire(port: int | None) -> Transport:
    """The board's transport, which a host opens. Raises BioasmError B530 where this computer has none to give."""
    from bioasm.hardware.board.serve import SocketServer
    from bioasm.hardware.link.transport import PtyServer

    try:
        return PtyServer() if port is None else SocketServer(port)
    except (OSError, ImportError, AttributeError) as cause:
        what = "a pseudo-terminal" if port is None else f"port {port}"
        hint = "bioasm emulate --socket 0" if port is None else "take another port, or 0 for any that is free"
        raise error("B530", f"this computer gives no {what.removeprefix('a ')}: {cause}", hint=hint) from None


def _serve(settings: BoardSettings, wire: Transport, quiet: bool) -> int:
    from bioasm.hardware.board.serve import serve
    from bioasm.hardware.board.server import Station

    ended = False

    def end(_: int, __: FrameType | None) -> None:
        nonlocal ended
        ended = True

    before = {number: signal.signal(number, end) for number in heeded() if number != signal.SIGINT}
    station = Station(settings)
    try:
        print(wire.name, flush=True)  # whoever reads this may send signals and open the port from now on
        if not quiet:
            _say(f"{settings.chip}, seed {settings.seed}, {settings.time} time; Ctrl-C ends it")
        serve(station, wire, lambda: ended)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        wire.close()
        if not quiet:
            counts = station.firmware.link.statistics
            _say(f"{counts.frames_in} frames came, {counts.frames_out} went, {counts.errors.total} were damaged")
    return EXIT_OK


def _serve_firmware(kind: str, image: str | None, chip: str, seed: int, quiet: bool) -> int:
    """Run the firmware until it ends or a signal comes."""
    from pathlib import Path

    from bioasm.firmware.emulation import CHIP, KINDS, FirmwareBoard, default_image, rhs_chip

    if kind not in KINDS:
        raise error("B530", f"there is no firmware {kind!r}", hint=f"there are {', '.join(KINDS)}", exit_code=EXIT_USAGE)
    found = Path(image) if image is not None else default_image(kind)
    with FirmwareBoard(kind, found, rhs_chip(seed) if chip == CHIP else None) as board:
        ended: list[int] = []

        def end(number: int, _: FrameType | None) -> None:
            ended.append(number)
            board.process.terminate()

        for number in heeded():
            if number != signal.SIGINT:
                signal.signal(number, end)
        print(board.port, flush=True)
        if not quiet:
            _say(f"{found.name} as {kind}{f' with {chip}' if chip == CHIP else ', without a chip'}; Ctrl-C ends it")
        board.process.wait()
        why = board.why_ended()
        if why is not None and not ended:
            raise error("B530", why, exit_code=EXIT_DEVICE)
    return EXIT_OK


def _say(text: str) -> None:
    sys.stderr.write(f"board: {text}\n")
    sys.stderr.flush()
