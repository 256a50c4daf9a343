"""CUDA devices, through cuda-core; NVRTC compiles source also without a device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from cuda.bindings import driver
from cuda.core import Device as Core
from cuda.core import LaunchConfig, Program, ProgramOptions, launch
from numpy.typing import NDArray

from bioasm.drivers.gpu.device import GROUP, Device, DeviceError, RefusedError, as_bytes, groups
from bioasm.vm.codegen.c_file import CUDA

Array = NDArray[Any]


class CudaDevice(Device):
    """A CUDA device."""

    dialect, packages = CUDA, ("cuda-core", "cuda-bindings")

    def __init__(self, number: int) -> None:
        super().__init__()
        with _told():
            self._device = Core(number)
            self._device.set_current()
            self._stream = self._device.create_stream()
            self.name = f"cuda:{number} ({self._device.name})"
            self.items = _items(self._device.properties)
            self.memory = self.largest = int(_done(driver.cuMemGetInfo())[1])
        self._arch = f"sm_{self._device.arch}"

    def allocate(self, size: int) -> Any:
        """Allocate `size` bytes of its memory."""
        with self._current():
            made = self._device.allocate(size, stream=self._stream)
            self._stream.sync()
            return made

    def write(self, memory: Any, at: int, array: Array) -> None:
        """Copy an array to offset `at` of an allocation."""
        if array.size:
            raw = as_bytes(array)
            with self._current():
                _done(driver.cuMemcpyHtoD(int(memory.handle) + at, raw.ctypes.data, raw.nbytes))

    def read(self, memory: Any, at: int, array: Array) -> None:
        """Fill an array from offset `at` on."""
        if array.size:
            raw = as_bytes(array)
            with self._current():
                _done(driver.cuMemcpyDtoH(raw.ctypes.data, int(memory.handle) + at, raw.nbytes))

    def build(self, text: str) -> Any:
        """Compile the kernels of a source text."""
        try:
            return compiled(text, self._arch)
        except Exception as fault:  # cuda-core has a separate error class for each compiling library
            raise RefusedError(str(fault).strip()[:200]) from fault

    def launch(self, kernels: Any, name: str, items: int, memory: Any, *more: int) -> None:
        """Run a kernel and wait for it."""
        shape = LaunchConfig(grid=groups(items), block=GROUP if items > 1 else 1)
        with self._current():
            launch(self._stream, shape, kernels.get_kernel(name), memory, *map(np.int64, more))
            self._stream.sync()

    @contextmanager
    def _current(self) -> Iterator[None]:
        """Context manager: the device as current in this thread, with CUDA's errors as DeviceError."""
        with _told():
            self._device.set_current()
            yield


def _items(properties: Any) -> int:
    return int(properties.multiprocessor_count * properties.max_threads_per_multiprocessor)


def compiled(text: str, arch: str) -> Any:
    """Compile a source text to machine code (cubin) for an architecture such as sm_90, without fused multiply-add contraction,
    and with correctly rounded divisions and square roots. It needs no device.
    """
    exact = {"fma": False, "ftz": False, "prec_div": True, "prec_sqrt": True, "use_fast_math": False}
    options = ProgramOptions(arch=arch, std="c++17", device_as_default_execution_space=True, **exact)
    return Program(text, "c++", options).compile("cubin")


def _done(answer: Any) -> Any:
    """The result of a function of the CUDA driver. Raises DeviceError."""
    if int(answer[0]) != 0:
        raise DeviceError(f"{answer[0].name}")
    return answer


@contextmanager
def _told() -> Iterator[None]:
    """Context manager that turns CUDA's errors into DeviceError."""
    try:
        yield
    except DeviceError:
        raise
    except Exception as fault:  # cuda-core raises several classes of errors, also without a CUDA driver
        raise DeviceError(str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__) from fault
