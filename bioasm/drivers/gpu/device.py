"""The interface of a device: one piece of memory, kernels built from text, launches that are waited for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.vm.codegen.c_file import Dialect

Array = NDArray[Any]
GROUP = 32  # work items of a group: a warp, and whole blocks of lanes


class DeviceError(Exception):
    """The device, or what reaches it, failed."""


class RefusedError(Exception):
    """The device's compiler takes a text for wrong."""


class Device(ABC):
    """One device. Methods raise DeviceError where it fails.

    Kernels are built once for a text, and stay. `lost` is set where it has failed. `memory` is how many bytes it has,
    `largest` the most that one allocation may have, and `items` how many work items it can do at a time. `packages` reach it.
    """

    name: str
    memory: int
    largest: int
    items: int
    dialect: Dialect
    packages: tuple[str, ...]

    def __init__(self) -> None:
        self.lost = False
        self._built: dict[str, Any] = {}

    def kernels(self, text: str) -> Any:
        """The kernels of a text, built where they are not yet."""
        if text not in self._built:
            self._built[text] = self.build(text)
        return self._built[text]

    @abstractmethod
    def allocate(self, size: int) -> Any:
        """So many bytes of its memory."""

    @abstractmethod
    def write(self, memory: Any, at: int, array: Array) -> None:
        """Copy an array, which is contiguous, to byte `at` of a piece of memory."""

    @abstractmethod
    def read(self, memory: Any, at: int, array: Array) -> None:
        """Fill an array, which is contiguous, from byte `at` on."""

    @abstractmethod
    def build(self, text: str) -> Any:
        """The kernels of a text. Raises RefusedError where it does not compile."""

    @abstractmethod
    def launch(self, kernels: Any, name: str, items: int, memory: Any, *more: int) -> None:
        """Run a kernel with so many work items or some more, and wait for it; its arguments are memory, then int64."""


def groups(items: int) -> int:
    """How many groups so many work items make."""
    return -(-items // GROUP)


def as_bytes(array: Array) -> Array:
    """A contiguous array as its bytes, without a copy."""
    return array.reshape(-1).view(np.uint8)
