"""The sixteen stimulators of an RHS2116 and the electrodes they drive, advanced in closed form between commands.

Time is counted in words of the bus. Between two commands every electrode follows a linear equation, so that its charge at
any word is one exponential; where an output reaches the supply, the equation changes at the first word after that.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.chips.charge import Phase
from bioasm.hardware.chips.electrodes import Course, Electrode, charge_after, driven, held, passed, seconds_until

CHANNELS = 16
SUPPLY_V = 7.0  # the outputs reach +-7 V
SWITCH_OHM = 1e3  # of the switch from an electrode to stim ground
QUIET_V = 1e-9  # a double layer below this counts as discharged once its current stops
NEVER = 2**62

Recovery = tuple[float, float]  # target in volts, limit in amperes


class Stimulator:
    """One current source, its recovery switches and its electrode."""

    def __init__(self, channel: int, electrode: Electrode) -> None:
        self.channel = channel
        self.electrode = electrode
        self.amperes = 0.0
        self.shorted = False
        self.recovery: Recovery | None = None
        self.limited = False
        self.tripped = False
        self.charge = 0.0
        self.since = 0
        self.until = NEVER
        self.course: Course = driven(electrode, 0.0)
        self.began = 0
        self.counted = 0.0
        self.was_limited = False

    @property
    def quiet(self) -> bool:
        """Whether nothing flows and nothing is stored."""
        return self.charge == 0.0 and self.course.drive == 0.0

    def set(
        self, clock: int, period: float, amperes: float, shorted: bool, recovery: tuple[float, float] | None
    ) -> Phase | None:
        """New outputs from `clock` on: a current, the switch to ground, or (target volts, amperes) of limited recovery.

        Returns the phase that this ended, if a current flowed and changes.
        """
        if (amperes, shorted, recovery) == (self.amperes, self.shorted, self.recovery):
            return None
        self.turn(clock, period)
        ended = self.phase(clock, period) if self.amperes and amperes != self.amperes else None
        if amperes != self.amperes:
            self.began, self.counted, self.was_limited = clock, 0.0, False
        self.amperes, self.shorted, self.recovery = amperes, shorted, recovery
        self.begin(period)
        return ended

    def turn(self, clock: int, period: float) -> None:
        """Book what happened until `clock`, which starts a new stretch."""
        seconds = (clock - self.since) * period
        self.counted += self.put_out(seconds)
        self.charge = float(charge_after(self.course, self.charge, np.array([seconds]))[0]) if not self.quiet else 0.0
        self.since = clock

    def put_out(self, seconds: float) -> float:
        """Coulombs that the source gave since the stretch began."""
        return passed(self.course, self.charge, seconds) if self.limited else self.amperes * seconds

    def begin(self, period: float) -> None:
        """Choose the equation of the stretch that starts now, and the word at which it ends by itself."""
        self.limited = False
        self.course, goal = self.choose()
        seconds = math.inf if goal is None else seconds_until(self.course, self.charge, goal)
        self.until = NEVER if math.isinf(seconds) else self.since + max(math.ceil(seconds / period), 1)
        if self.course.drive == 0.0 and abs(self.charge) < QUIET_V * self.electrode.capacitance_F:
            self.charge = 0.0

    def choose(self) -> tuple[Course, float | None]:
        """The equation that holds now, and the charge at which it stops to hold."""
        if self.shorted:
            return held(self.electrode, self.amperes * SWITCH_OHM, SWITCH_OHM), None
        if self.amperes:
            return self.stimulating()
        if self.recovery:
            return self.recovering(*self.recovery)
        return driven(self.electrode, 0.0), None

    def stimulating(self) -> tuple[Course, float | None]:
        """A constant current while the supply can drive it, then the supply's voltage."""
        supply = math.copysign(SUPPLY_V, self.amperes)
        goal = self.electrode.capacitance_F * (supply - self.amperes * self.electrode.access_ohm)
        if (self.charge - goal) * supply < 0:
            return driven(self.electrode, self.amperes), goal
        self.limited = self.was_limited = self.tripped = True
        return held(self.electrode, supply), None

    def recovering(self, target: float, limit: float) -> tuple[Course, float | None]:
        """A constant current toward the target voltage, then that voltage."""
        away = target - self.charge / self.electrode.capacitance_F
        current = math.copysign(limit, away)
        if abs(away) <= limit * self.electrode.access_ohm:
            return held(self.electrode, target), None
        return driven(self.electrode, current), self.electrode.capacitance_F * (target - current * self.electrode.access_ohm)

    def advance(self, clock: int, period: float) -> None:
        """Change the equation wherever that is due up to `clock`."""
        while self.until <= clock:
            self.turn(self.until, period)
            self.begin(period)

    def current(self, clock: int, period: float) -> float:
        """Amperes that the source gives at `clock`."""
        if not self.limited:
            return self.amperes
        charge = charge_after(self.course, self.charge, np.array([(clock - self.since) * period]))[0]
        return float(self.course.flow - self.course.flow_rate * charge)

    def volts(self, clocks: NDArray[np.int64], period: float) -> NDArray[np.float64]:
        """The voltage at the electrode at rising words of the bus, which become the past."""
        out = np.zeros(len(clocks))
        done = 0
        while done < len(clocks):
            self.advance(int(clocks[done]), period)
            end = int(np.searchsorted(clocks, self.until))
            if not self.quiet:
                charge = charge_after(self.course, self.charge, np.float64(period) * (clocks[done:end] - self.since))
                out[done:end] = self.course.output + self.course.output_rate * charge
            done = end
        return out

    def volts_now(self, clock: int, period: float) -> float:
        """The voltage at the electrode at one word, which becomes the past."""
        return 0.0 if self.quiet else float(self.volts(np.array([clock]), period)[0])

    def phase(self, clock: int, period: float) -> Phase:
        """The current that flows since `began`, as if it ended now."""
        given = self.counted + self.put_out((clock - self.since) * period)
        return Phase(self.channel, self.began * period, clock * period, self.amperes, given, self.was_limited)
