"""The culture behind the electrodes: noisy neurons, what electrodes see of them, and what stimulation does to both."""

from bioasm.hardware.board.culture.parameters import CultureParameters
from bioasm.hardware.board.culture.tissue import Culture

__all__ = ["Culture", "CultureParameters"]
