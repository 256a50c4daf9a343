"""Drivers: back ends that run programs, plugins found by name.

`connect(name)` is the calling convention of pykoppu, so that code written against it moves over with an import.
"""

from bioasm.drivers.base import Driver
from bioasm.drivers.registry import connect, driver_names, find_driver
from bioasm.runtime.options import Observer, Progress, RunOptions

__all__ = ["Driver", "Observer", "Progress", "RunOptions", "connect", "driver_names", "find_driver"]
