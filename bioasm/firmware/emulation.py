"""A board that runs the firmware: a process of this computer or QEMU, with a modelled chip behind its SPI words."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

from bioasm.diagnostics import EXIT_DEVICE, EXIT_USAGE, error
from bioasm.hardware.chips import open_chip
from bioasm.hardware.chips.chip import Chip
from bioasm.hardware.link.serial_port import open_port
from bioasm.hardware.link.transport import Closed, Transport

QEMU = "qemu-system-arm"
HERE = "firmware:host"
MACHINES = {"qemu:m7": "mps2-an500", "qemu:m4": "mps2-an386"}
KINDS = (HERE, *MACHINES)
IMAGES = {HERE: "board", "qemu:m7": "m7.elf", "qemu:m4": "m4.elf"}
CHIP = "rhs2116"
SAMPLE_RATE = 20_000
_CHIP_ATTACHED, _RETAINED = 0x203FFFC0, 0x203FF000  # as port/mps2.c has them


def default_image(kind: str) -> Path:
    """The image that `make firmware` builds in a checkout. Raises BioasmError B530 where there is none."""
    image = Path(__file__).resolve().parents[2] / "build" / "firmware" / IMAGES[kind]
    if not image.exists():
        hint = "`make firmware` in a checkout builds them; --image FILE, or ?image=FILE in a port, names another"
        raise error("B530", f"there is no firmware image {image}", hint=hint, exit_code=EXIT_USAGE)
    return image


def retained_loader(file: Path) -> list[str]:
    """The words that have QEMU start with a file in the memory that no reset erases."""
    return ["-device", f"loader,addr={_RETAINED:#x},file={file},force-raw=on"]


class FirmwareBoard:
    """A running board. `port` is its pseudo-terminal; with a chip its words are answered by a thread until the board ends.

    `retained` is a file for the memory that no reset erases: QEMU starts with it, and `firmware:host` keeps it there. `watch`
    sees every word.

    Raises:
        BioasmError: B530, there is no such image, or the process can't be started.
    """

    def __init__(
        self,
        kind: str,
        image: Path,
        chip: Chip | None = None,
        retained: Path | None = None,
        watch: Callable[[int], None] | None = None,
    ) -> None:
        self.chip, self._watch = chip, watch
        self._ours: socket.socket | None = None
        if not image.is_file():
            raise error("B530", f"there is no firmware image {image}", exit_code=EXIT_USAGE)
        if kind == HERE:
            self._start_here(image, retained)
        else:
            self._start_qemu(MACHINES[kind], image, retained)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # --- starting -----------------------------------------------------------------------------------

    def _start_here(self, image: Path, retained: Path | None) -> None:
        words = [str(image.resolve())] + (["--retained", str(retained)] if retained else [])
        if self.chip is None:
            self._run(words)
        else:
            self._ours, theirs = socket.socketpair()
            with theirs:
                self._run([*words, "--chip", str(theirs.fileno())], theirs.fileno())
            self._serve(self._ours.fileno())
        self.port = self._named()

    def _start_qemu(self, machine: str, image: Path, retained: Path | None) -> None:
        if shutil.which(QEMU) is None:
            raise error("B530", f"{QEMU} is not installed", hint=f"Debian's package is {QEMU}", exit_code=EXIT_DEVICE)
        words = [QEMU, "-M", machine, "-display", "none", "-monitor", "none", "-serial", "pty"]
        words += ["-serial", "pty" if self.chip else "null", "-kernel", str(image)]
        if self.chip is not None:
            words += ["-device", f"loader,addr={_CHIP_ATTACHED:#x},data=1,data-len=4"]
        if retained is not None:
            words += retained_loader(retained)
        self._run(words)
        self.port = self._named()
        if self.chip is not None:
            line = os.open(self._named(), os.O_RDWR | os.O_NOCTTY)
            tty.setraw(line)
            self._serve(line)

    def _run(self, words: list[str], *files: int) -> None:
        """Start the process, in a group of its own: a terminal's Ctrl-C is for us, who then halt the run."""
        try:
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                pass_fds=files,
                process_group=0,
            )
        except OSError as cause:
            raise error("B530", f"the firmware can't be started: {cause.strerror}", exit_code=EXIT_DEVICE) from cause

    def _named(self) -> str:
        """The next pseudo-terminal that the process names."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"/dev/\S+", line)
        if found is None:
            self.close()
            raise error("B530", f"the firmware told no port: {line.strip()}", exit_code=EXIT_DEVICE)
        return found[0]

    def why_ended(self) -> str | None:
        """What the process said when it ended by itself; None while it runs."""
        code = self.process.poll()
        if code is None or self.process.stdout is None or self.process.stdout.closed:
            return None
        said = self.process.stdout.read().strip().partition("\n")[0]
        ending = f" by signal {-code}" if code < 0 else f" with code {code}"
        return f"the firmware's process ended{f': {said}' if said else ending}"

    def close(self) -> None:
        """End the process. Doing it twice does no harm."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        if self._ours is not None:
            self._ours.close()

    # --- the chip -----------------------------------------------------------------------------------

    def _serve(self, line: int) -> None:
        threading.Thread(target=self._answer, args=(line,), name="chip", daemon=True).start()

    def _answer(self, line: int) -> None:
        """Answer each word of four bytes, the lowest first, until the line ends."""
        assert self.chip is not None
        kept = b""
        try:
            while data := os.read(line, 4096):
                kept += data
                whole = len(kept) // 4 * 4
                words = [int.from_bytes(kept[at : at + 4], "little") for at in range(0, whole, 4)]
                kept = kept[whole:]
                os.write(line, b"".join(self._word(word).to_bytes(4, "little") for word in words))
        except OSError:
            pass

    def _word(self, word: int) -> int:
        assert self.chip is not None
        if self._watch is not None:
            self._watch(word)
        answer = self.chip.transfer(word)
        assert isinstance(answer, int)
        return answer


def rhs_chip(seed: int = 0) -> Chip:
    """The chip that the firmware drives: an RHS2116 at 20 kHz."""
    return open_chip(CHIP, sample_rate=SAMPLE_RATE, seed=seed)


class FirmwareTransport(Transport):
    """The host's end of a wire to a board that runs for as long as it is open. Where it ends the process tells, not silence."""

    slowness = 10.0

    def __init__(self, board: FirmwareBoard, name: str) -> None:
        self.name, self._board = name, board
        self._inner = open_port(board.port, 1_000_000)

    def read(self, timeout: float) -> bytes:
        """The bytes that the board wrote."""
        with self._told():
            return self._inner.read(timeout)

    def write(self, data: bytes) -> int:
        """Put out what there is room for."""
        with self._told():
            return self._inner.write(data)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Where the wire ends because the process did, tell what that said."""
        try:
            yield
        except Closed as closed:
            time.sleep(0.05)  # a process that ends closes its wire first
            why = self._board.why_ended()
            raise (Closed(why) if why else closed) from None

    def discard_output(self) -> None:
        """Discard the bytes that have not left yet."""
        self._inner.discard_output()

    def close(self) -> None:
        """Pull the wire out, and end the board."""
        self._inner.close()
        self._board.close()


def open_firmware(url: str) -> Transport:
    """A new board at an address such as `qemu:m7` or `firmware:host?chip=rhs2116`, and the wire to it.

    Raises BioasmError B530: there is no such kind of board, no image, or no QEMU.
    """
    kind, _, query = url.partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))
    if kind not in KINDS or given.keys() - {"chip", "image"} or given.get("chip", CHIP) != CHIP:
        hint = f"{', '.join(KINDS)}, with ?chip={CHIP} and image=FILE"
        raise error("B530", f"there is no board {url!r}", hint=hint, exit_code=EXIT_USAGE)
    image = Path(given["image"]) if "image" in given else default_image(kind)
    return FirmwareTransport(FirmwareBoard(kind, image, rhs_chip() if "chip" in given else None), url)
