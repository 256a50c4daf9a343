"""The interface of a device: one allocation of memory, kernels built from source, synchronous launches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.vm.codegen.c_file import Dialect

Array = NDArray[Any]
GROUP = 32  # work items of a group: a warp, and a multiple of the lanes of a block


class DeviceError(Exception):
    """The device or its driver failed."""


class RefusedError(Exception):
    """The device's compiler rejected a source text."""


class Device(ABC):
    """A device. Methods raise DeviceError where it fails.

    Kernels are built once for a source text, and cached. `lost` is set once it has failed. `memory` is its size in bytes,
    `largest` the largest allocation, and `items` the number of concurrent work items. `packages` are the names of the packages
    that access it.
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
        """The kernels of a source text, memoised."""
        if text not in self._built:
            self._built[text] = self.build(text)
        return self._built[text]

    @abstractmethod
    def allocate(self, size: int) -> Any:
        """So many bytes of its memory."""

    @abstractmethod
    def write(self, memory: Any, at: int, array: Array) -> None:
        """Copy a contiguous array to offset `at` of an allocation."""

    @abstractmethod
    def read(self, memory: Any, at: int, array: Array) -> None:
        """Fill a contiguous array from offset `at` on."""

    @abstractmethod
    def build(self, text: str) -> Any:
        """Compile the kernels of a source text. Raises RefusedError where it does not compile."""

    @abstractmethod
    def launch(self, kernels: Any, name: str, items: int, memory: Any, *more: int) -> None:
        """Run a kernel with at least `items` work items, and wait for it; its arguments are memory, then int64."""


def groups(items: int) -> int:
    """The number of groups of `items` work items, rounded up."""
    return -(-items // GROUP)


def as_bytes(array: Array) -> Array:
    """A view of a contiguous array as bytes."""
    return array.reshape(-1).view(np.uint8)
