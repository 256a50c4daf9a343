"""The complete emulated board: firmware, line simulation in both directions, and scripted faults. Time is an argument."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random

from bioasm.hardware.board.firmware import Firmware
from bioasm.hardware.board.rig import Rig
from bioasm.hardware.board.script import Event, Script
from bioasm.hardware.board.settings import STUCK, BoardSettings
from bioasm.hardware.chips.electrodes import Electrode
from bioasm.hardware.link.channel import Channel
from bioasm.hardware.link.transport import Closed
from bioasm.safety import Electrode as StimElectrode

_OFF_OHM = 50e6  # a disconnected electrode, which conducts no current
_WRONG_ID = 7  # an id of no existing chip
_POLL = 1 << 14  # bytes taken from the firmware at a time on a line without a limit


def random_boot() -> int:
    """A boot id, which must differ between any two starts of any board."""
    return int.from_bytes(os.urandom(8), "little")


class Station:
    """A board and its line. `step` is called every few milliseconds with what the host sent.

    `boot_id` gives the boot id of each start. `busy` says that the next step should follow at once.
    """

    def __init__(self, settings: BoardSettings, boot_id: Callable[[], int] = random_boot) -> None:
        self.settings, self._boot_id = settings, boot_id
        self._script = Script(settings.faults)
        self._random = Random(settings.seed)
        self.incoming, self.outgoing = (self._line(settings.seed * 2 + side) for side in (0, 1))
        self._began: float | None = None
        self._received = 0
        self._deaf = 0
        self._silent_until = float("-inf")
        self._congested = self._unplugged = False
        self.busy = False
        self._region: bytearray | None = None
        self.firmware = self._boot()

    def _line(self, seed: int) -> Channel:
        s = self.settings
        return Channel(
            s.line_rate, seed=seed, latency=s.delay,
            loss=s.loss, corrupt=s.corrupt, truncate=s.truncate, duplicate=s.duplicate, delay=s.late,
        )  # fmt: skip

    def _boot(self) -> Firmware:
        s = self.settings
        electrode = StimElectrode.disk(s.diameter_um * 1e-6, s.material)
        rig = Rig(s.chip, s.sample_rate, s.seed, own_electrode=electrode, region=self._region)
        self._region = rig.region  # the memory that outlasts every start
        rig.front.skip_calibration = s.uncalibrated
        rig.front.bus.stuck = STUCK.get(s.stuck.lower())
        if s.wrong_chip:
            wrong_chip(rig)
        wall = s.time == "wall"
        return Firmware(rig, self._boot_id(), line_rate=s.line_rate, wall=wall, drift=s.drift)

    # --- time -------------------------------------------------------------------------------------------

    def step(self, now: float, data: bytes = b"", room: int = _POLL) -> bytes:
        """Process the host's bytes, work for a time slice, and return the bytes for the host, at most about `room`.

        Raises Closed where the line was unplugged.
        """
        self._began = now if self._began is None else self._began
        for event in self._script.due(now - self._began, self._since_run(now), self._received + len(data)):
            self._happen(event, now)
        if self._unplugged:
            self._alone(now)
        self._received += len(data)
        self.incoming.send(data, now)
        if now < self._silent_until:
            return b""
        self.firmware.hear(self._heard(now), now)
        if self.firmware.restart_wanted:
            self.firmware = self._boot()
        if not (self._congested and self.settings.time == "virtual"):
            self.busy = self.firmware.turn(now)
        return self._said(now, room)

    def _since_run(self, now: float) -> float | None:
        """Seconds since the latest run began, of the device's clock where that outpaces the time of day."""
        firmware = self.firmware
        if firmware.run_began is None:
            return None
        run = firmware.run
        passed = (firmware.rig.clock - run.step0) / firmware.rig.sample_rate if run is not None else 0.0
        return max(now - firmware.run_began, passed)

    def _heard(self, now: float) -> bytes:
        data = self.incoming.receive(now)
        lost = min(self._deaf, len(data))
        self._deaf -= lost
        return data[lost:]

    def _said(self, now: float, room: int) -> bytes:
        room = min(room, self.outgoing.room(now))
        data = self.firmware.speak(now, room) if room > 0 else b""
        self._congested = len(data) >= room
        self.outgoing.send(data, now)
        return self.outgoing.receive(now)

    # --- what goes wrong --------------------------------------------------------------------------------

    def _happen(self, event: Event, now: float) -> None:
        _HAPPENS[event.action](self, event.value, now)

    def _reset(self, _: float, __: float) -> None:
        self.firmware = self._boot()

    def _lose_power(self, _: float, now: float) -> None:
        """Lose power: the memory that outlasts a reset holds random bytes afterwards."""
        assert self._region is not None
        self._region[:] = self._random.randbytes(len(self._region))
        self._reset(0.0, now)

    def _unplug(self, _: float, __: float) -> None:
        self._unplugged = True

    def _alone(self, now: float) -> None:
        """Without a line the board continues autonomously, and must stop by its watchdog. Raises Closed."""
        self.firmware.hear(b"", now)
        self.firmware.turn(now)
        self.firmware.speak(now)
        raise Closed(0, "the board was unplugged")

    def _silence(self, seconds: float, now: float) -> None:
        self._silent_until = now + seconds

    def _garbage(self, count: float, now: float) -> None:
        self.outgoing.send(self._random.randbytes(int(count)), now)

    def _be_deaf(self, count: float, _: float) -> None:
        self._deaf += int(count)

    def _stick(self, value: float, _: float) -> None:
        self.firmware.rig.front.bus.stuck = 0xFFFF if value else 0x0000

    def _free(self, _: float, __: float) -> None:
        self.firmware.rig.front.bus.stuck = None

    def _wrong_chip(self, _: float, __: float) -> None:
        wrong_chip(self.firmware.rig)

    def _uncalibrated(self, _: float, __: float) -> None:
        self.firmware.rig.front.skip_calibration = True

    def _compliance(self, channel: float, _: float) -> None:
        rig = self.firmware.rig
        if rig.stimulator is not None and channel < rig.channels:
            rig.come_off(int(channel), Electrode(access_ohm=_OFF_OHM))

    def _leak(self, microamperes: float, _: float) -> None:
        self.firmware.rig.leak(microamperes * 1e-6)

    def _jump(self, seconds: float, _: float) -> None:
        self.firmware.rig.skip(round(seconds * self.firmware.rig.sample_rate))

    def _unload(self, _: float, __: float) -> None:
        self.firmware.link.loaded.clear()


def wrong_chip(rig: Rig) -> None:
    """Fault injection: the chip's ROM names another chip."""
    rig.chip.override(255 if rig.chip.can_stimulate else 63, _WRONG_ID)


_HAPPENS: dict[str, Callable[[Station, float, float], None]] = {
    "reset": Station._reset,
    "power": Station._lose_power,
    "unplug": Station._unplug,
    "silence": Station._silence,
    "garbage": Station._garbage,
    "deaf": Station._be_deaf,
    "stuck": Station._stick,
    "free": Station._free,
    "wrong-chip": Station._wrong_chip,
    "uncalibrated": Station._uncalibrated,
    "compliance": Station._compliance,
    "leak": Station._leak,
    "clock-jump": Station._jump,
    "unload": Station._unload,
}
