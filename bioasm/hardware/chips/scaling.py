"""Between ADC codes and volts, for every kind of channel. Functions take numbers and arrays alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MICROVOLTS_PER_CODE = 0.195
MIDDLE = 32768  # the code of 0 uV in offset binary
SATURATION_UV = 5000.0
AUX_VOLTS_PER_CODE = 37.4e-6
SUPPLY_VOLTS_PER_CODE = 74.8e-6
DC_VOLTS_PER_CODE = -0.01923
DC_MIDDLE = 512
CODES_PER_KELVIN = 98.9
KELVIN = 273.15


def microvolts(codes: Any) -> Any:
    """Amplifier codes (offset binary) as microvolts: 0.195 (code - 32768)."""
    return MICROVOLTS_PER_CODE * (np.asarray(codes, dtype=np.float64) - MIDDLE)


def codes(voltages: Any) -> NDArray[np.uint16]:
    """The codes (offset binary) nearest to microvolts, held within 0 to 65535."""
    nearest = np.floor(np.asarray(voltages, dtype=np.float64) / MICROVOLTS_PER_CODE + 0.5) + MIDDLE
    held: NDArray[np.uint16] = np.clip(nearest, 0, 65535).astype(np.uint16)
    return held


def aux_V(code: Any) -> Any:
    """Codes of an auxiliary input as volts."""
    return AUX_VOLTS_PER_CODE * np.asarray(code, dtype=np.float64)


def supply_V(code: Any) -> Any:
    """Codes of the supply sensor as volts of the supply."""
    return SUPPLY_VOLTS_PER_CODE * np.asarray(code, dtype=np.float64)


def dc_V(code: Any) -> Any:
    """Codes of an RHS2116's DC amplifier (10 bits) as volts at the electrode: -0.01923 (code - 512)."""
    return DC_VOLTS_PER_CODE * (np.asarray(code, dtype=np.float64) - DC_MIDDLE)


def celsius(first: float, second: float) -> float:
    """Degrees from the two codes of the temperature sensor: (second - first) / 98.9 - 273.15."""
    return (second - first) / CODES_PER_KELVIN - KELVIN
