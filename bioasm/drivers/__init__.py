"""Drivers: what runs a program, each a plugin found by name.

`connect(name)` is the calling convention of pykoppu, so that code written against it moves over with an import.
"""

from bioasm.drivers.base import Driver, Observer, Progress, RunOptions
from bioasm.drivers.registry import connect, driver_names, find_driver

__all__ = ["Driver", "Observer", "Progress", "RunOptions", "connect", "driver_names", "find_driver"]
