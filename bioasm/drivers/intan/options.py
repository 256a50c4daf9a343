"""The options of the driver: port, substrate, electrodes, and recorded channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from bioasm.diagnostics import EXIT_USAGE, BioasmError, did_you_mean, error
from bioasm.hardware.link.messages import Substrate

EMULATED = ("emu:", "qemu:", "firmware:")  # emulated boards in this process: in Python, or the compiled firmware
OPTIONS = {
    "port": "the board: a serial port (/dev/ttyACM0, COM3, socket://host:port) or an emulated one (emu:rhd2132, qemu:m7)",
    "substrate": "twin (the board's processor computes the neurons) or culture (cells behind the electrodes)",
    "map": "file of the electrode map",
    "record": "folder for what was measured: spikes, stimuli, energies and raw channels",
    "raw": "channels whose samples are recorded: `all`, `none`, or as in 0-3,7",
    "culture": "parameters of the mapping onto cells in SI units, as in window=0.2,bias=0.3 (docs/board.md lists them)",
    "watchdog": "milliseconds without the host after which the board stops stimulating, 50 to 2000 (250)",
    "baud": "rate of a serial port in bits/s (1000000)",
    "clear": "`yes` clears a fault that an earlier run left on the board",
}
_SUBSTRATES = {"twin": Substrate.TWIN, "culture": Substrate.CULTURE}


@dataclass(frozen=True, slots=True)
class Options:
    """Parsed options. A `substrate` of None depends on the board; `raw` of None means all channels."""

    port: str
    substrate: Substrate | None = None
    map: Path | None = None
    record: Path | None = None
    raw: tuple[int, ...] | None = None
    culture: Mapping[str, float] = field(default_factory=dict)
    watchdog: int = 250
    baud: int = 1_000_000
    clear: bool = False

    @property
    def emulated(self) -> bool:
        """Whether this process emulates the board."""
        return self.port.startswith(EMULATED)


def options_from(given: dict[str, Any]) -> Options:
    """Parse options from words or Python values. Raises BioasmError B406 (exit code 2) for invalid ones."""
    for name in given:
        if name not in OPTIONS:
            raise _wrong(f"driver intan has no option {name!r}", did_you_mean(name, OPTIONS))
    words = {name: str(value).strip() for name, value in given.items() if value is not None}
    if not words.get("port"):
        hint = (
            "--port /dev/ttyACM0, or --port 'emu:rhd2132?seed=1' for an emulated board; `bioasm drivers --probe` lists boards"
        )
        raise _wrong("driver intan needs to be told its port", hint)
    return Options(
        port=words["port"],
        substrate=_substrate(words.get("substrate")),
        map=Path(words["map"]) if words.get("map") else None,
        record=Path(words["record"]) if words.get("record") else None,
        raw=_channels(words.get("raw", "all")),
        culture=_parameters(words.get("culture", "")),
        watchdog=_whole("watchdog", words.get("watchdog", "250"), 50, 2000),
        baud=_whole("baud", words.get("baud", "1000000"), 300, 50_000_000),
        clear=_yes(words.get("clear", "no")),
    )


def _wrong(message: str, hint: str | None = None) -> BioasmError:
    return error("B406", message, hint=hint, exit_code=EXIT_USAGE)


def _substrate(word: str | None) -> Substrate | None:
    if word is None:
        return None
    if word.lower() not in _SUBSTRATES:
        raise _wrong(f"substrate is {word!r}; it may be twin or culture", did_you_mean(word, _SUBSTRATES))
    return _SUBSTRATES[word.lower()]


def _whole(name: str, word: str, low: int, high: int) -> int:
    if not (word.isascii() and word.isdigit() and low <= int(word[:20]) <= high):
        raise _wrong(f"{name} is {word!r}; it is a whole number from {low} to {high}")
    return int(word)


def _yes(word: str) -> bool:
    if word.lower() not in ("yes", "no", "true", "false"):
        raise _wrong(f"clear is {word!r}; it is yes or no")
    return word.lower() in ("yes", "true")


def _channels(word: str) -> tuple[int, ...] | None:
    """`all` as None, `none` as no channels, else the channels of a list of numbers and ranges, in ascending order."""
    if word == "all":
        return None
    found: set[int] = set()
    for part in word.split(",") if word != "none" else ():
        first, dash, last = part.strip().partition("-")
        ends = (first, last if dash else first)
        if not all(end.isascii() and end.isdigit() and len(end) <= 5 for end in ends) or int(ends[0]) > int(ends[1]):
            raise _wrong(f"raw is {word!r}; it is `all`, `none`, or channels as in 0-3,7")
        found.update(range(int(ends[0]), int(ends[1]) + 1))
    return tuple(sorted(found))


def _parameters(words: str) -> dict[str, float]:
    """`window=0.2,bias=0.3` as a dict; the board checks the names."""
    found = {}
    for part in words.split(",") if words else ():
        name, _, text = part.partition("=")
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not name.strip() or not isfinite(value):
            raise _wrong(f"culture is {words!r}; it is NAME=NUMBER, several with commas between them")
        found[name.strip()] = value
    return found
