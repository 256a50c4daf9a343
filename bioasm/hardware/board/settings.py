"""Settings of an emulated board: its chip, its line and the faults to inject, from options or an address `emu:...`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bioasm.diagnostics import EXIT_USAGE, BioasmError, did_you_mean, error
from bioasm.hardware.board.script import Event, parse_event
from bioasm.safety.materials import MATERIALS, UNKNOWN

CHIPS = ("rhd2132", "rhd2164", "rhd2216", "rhs2116")
SCHEME = "emu"
RATES = (1000, 2000, 3000, 4000, 5000, 8000, 10000, 15000, 20000, 25000, 30000)  # whole samples in a millisecond
STIMULATING_RATES = (20000, 25000, 30000)
STUCK = {"0x0000": 0x0000, "0xffff": 0xFFFF}
_FASTEST = 1e9  # baud
_LONGEST_DELAY = 60.0  # s, longer than any host's timeout


@dataclass(frozen=True, slots=True)
class BoardSettings:
    """The settings of an emulated board. Chances are for each frame, times in seconds, rates in hertz.

    `time` is `virtual` (as fast as possible) or `wall`. `baud` of 0 means a line without a limit. `drift` is in parts per
    million. `faults` are what happens at given times. `diameter_um` and `material` are those of every electrode, as the board
    itself knows them.
    """

    chip: str = "rhd2132"
    seed: int = 0
    sample_rate: float = 20000.0
    diameter_um: float = 100.0
    material: str = UNKNOWN
    time: str = "virtual"
    baud: float = 0.0
    loss: float = 0.0
    corrupt: float = 0.0
    truncate: float = 0.0
    duplicate: float = 0.0
    late: float = 0.0
    delay: float = 0.0
    drift: float = 0.0
    stuck: str = ""
    wrong_chip: bool = False
    uncalibrated: bool = False
    faults: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        _check(self)

    @property
    def line_rate(self) -> float | None:
        """Bytes a second that the line carries, None without a limit."""
        return self.baud / 10 if self.baud else None


def _check(s: BoardSettings) -> None:
    """Raise BioasmError B530 for impossible values."""
    if s.chip not in CHIPS:
        raise bad(f"there is no chip {s.chip!r}", did_you_mean(s.chip, CHIPS) or f"chips are {', '.join(CHIPS)}")
    rates = STIMULATING_RATES if s.chip.startswith("rhs") else RATES
    if s.sample_rate not in rates:
        raise bad(f"{s.chip} is not sampled at {s.sample_rate:g} Hz", f"rates are {', '.join(map(str, rates))}")
    if not 1 <= s.diameter_um <= 1e4:
        raise bad(f"diameter_um is {s.diameter_um:g}; it is 1 to 10000")
    if s.material not in MATERIALS:
        hint = did_you_mean(s.material, MATERIALS) or f"known are {', '.join(MATERIALS)}"
        raise bad(f"there is no material {s.material!r}", hint)
    if s.time not in ("virtual", "wall"):
        raise bad(f"time is virtual or wall, not {s.time!r}")
    for name in ("loss", "corrupt", "truncate", "duplicate", "late"):
        if not 0 <= getattr(s, name) <= 1:
            raise bad(f"{name} is {getattr(s, name):g}; a chance is 0 to 1")
    if s.stuck and s.stuck.lower() not in STUCK:
        raise bad(f"a bus is stuck at 0x0000 or 0xFFFF, not at {s.stuck}")
    if s.baud != 0 and not 1200 <= s.baud <= _FASTEST:
        raise bad(f"baud is {s.baud:g}; it is 0, for a line without a limit, or at least 1200 and at most {_FASTEST:g}")
    if not 0 <= s.delay <= _LONGEST_DELAY:
        raise bad(f"delay is {s.delay:g}; it is 0 to {_LONGEST_DELAY:g} s")
    if not abs(s.drift) <= 1000:
        raise bad(f"drift is {s.drift:g}; it is at most 1000 ppm either way")
    if not 0 <= s.seed < 1 << 64:
        raise bad(f"seed is {s.seed}; it is 0 to 2**64 - 1")


def bad(text: str, hint: str | None = None) -> BioasmError:
    """The error of an invalid setting."""
    return error("B530", text, hint=hint, exit_code=EXIT_USAGE)


def settings_from(url: str) -> BoardSettings:
    """The settings in an address such as `emu:rhd2132?seed=1&loss=0.01`; names are those of the options of `bioasm emulate`.

    Raises BioasmError B530.
    """
    try:
        parts = urlsplit(url)
    except ValueError as cause:
        raise bad(f"{url!r} is no address: {cause}") from None
    if parts.scheme != SCHEME:
        raise bad(f"{url!r} is no address of an emulated board; it would begin with emu:")
    values: dict[str, Any] = {"chip": (parts.path or parts.netloc).strip("/") or CHIPS[0]}
    faults: list[Event] = []
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name == "fault":
            faults.append(parse_event(text))
        else:
            key = name.replace("-", "_")
            values[key] = _read(key, text)
    return replace(BoardSettings(), **values, faults=tuple(faults))


def _read(name: str, text: str) -> Any:
    """The value of one setting from its text."""
    kinds = {field.name: _READERS[str(field.type)] for field in fields(BoardSettings) if str(field.type) in _READERS}
    if name not in kinds:
        raise bad(f"an emulated board has no setting {name!r}", did_you_mean(name, kinds))
    try:
        return kinds[name](text)
    except ValueError:
        raise bad(f"{name} can't be {text!r}") from None


def _truth(text: str) -> bool:
    if text.lower() not in ("", "1", "true", "yes", "0", "false", "no"):
        raise ValueError(text)
    return text.lower() in ("", "1", "true", "yes")


_READERS: dict[str, Callable[[str], Any]] = {"str": str, "int": int, "float": float, "bool": _truth}
