"""OpenCL devices, through pyopencl; PoCL provides one on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyopencl as cl
from numpy.typing import NDArray

from bioasm.drivers.gpu.device import GROUP, Device, DeviceError, RefusedError, as_bytes, groups
from bioasm.vm.codegen.c_file import OPENCL

Array = NDArray[Any]
_ITEMS_OF_UNIT = 2048  # work items of a GPU's compute unit
EXACT = ("-cl-std=CL1.2", "-cl-fp32-correctly-rounded-divide-sqrt", "-w")


class OpenClDevice(Device):
    """An OpenCL 1.2 device with float64."""

    dialect, packages = OPENCL, ("pyopencl",)

    def __init__(self, device: Any) -> None:
        super().__init__()
        self.name = f"opencl:{name_of(device)}"
        self.memory, self.largest = int(device.global_mem_size), int(device.max_mem_alloc_size)
        self.items = int(device.max_compute_units) * (_ITEMS_OF_UNIT if is_gpu(device) else GROUP)
        with _told():
            self._context = cl.Context([device])
            self._queue = cl.CommandQueue(self._context)

    def allocate(self, size: int) -> Any:
        """Allocate `size` bytes of its memory."""
        with _told():
            return cl.Buffer(self._context, cl.mem_flags.READ_WRITE, size)

    def write(self, memory: Any, at: int, array: Array) -> None:
        """Copy an array to offset `at` of an allocation."""
        if array.size:
            with _told():
                cl.enqueue_copy(self._queue, memory, as_bytes(array), dst_offset=at, is_blocking=True)

    def read(self, memory: Any, at: int, array: Array) -> None:
        """Fill an array from offset `at` on."""
        if array.size:
            with _told():
                cl.enqueue_copy(self._queue, as_bytes(array), memory, src_offset=at, is_blocking=True)

    def build(self, text: str) -> Any:
        """Compile the kernels of a source text, by name."""
        with _told():
            program = _compiled(cl.Program(self._context, text))
            return {kernel.function_name: kernel for kernel in program.all_kernels()}

    def launch(self, kernels: Any, name: str, items: int, memory: Any, *more: int) -> None:
        """Run a kernel and wait for it."""
        group = GROUP if items > 1 else 1
        with _told():
            kernels[name].set_args(memory, *map(np.int64, more))
            cl.enqueue_nd_range_kernel(self._queue, kernels[name], (groups(items) * group if items > 1 else 1,), (group,))
            self._queue.finish()


def _compiled(program: Any) -> Any:
    """Compile a program with options for exact arithmetic."""
    try:
        return program.build(options=list(EXACT))
    except cl.RuntimeError as fault:
        if fault.code != cl.status_code.BUILD_PROGRAM_FAILURE:
            raise
        lines = [line for line in str(fault).splitlines() if "error: " in line]
        raise RefusedError((lines or [str(fault)])[0].strip()[:200]) from fault


@contextmanager
def _told() -> Iterator[None]:
    """Context manager that turns OpenCL's errors into DeviceError."""
    try:
        yield
    except cl.Error as fault:
        raise DeviceError(str(fault).strip().splitlines()[0]) from fault


def devices() -> list[Any]:
    """All devices of all platforms."""
    try:
        return [device for platform in cl.get_platforms() for device in platform.get_devices()]
    except cl.Error:  # no platform is installed
        return []


def name_of(device: Any) -> str:
    """The name of a device."""
    return str(device.name.strip())


def is_gpu(device: Any) -> bool:
    """Whether a device is a GPU."""
    return bool(device.type & cl.device_type.GPU)


def lacks(device: Any) -> str | None:
    """The missing property for bit-identical arithmetic, in words; None for a suitable device."""
    exact = cl.device_fp_config
    basic = exact.DENORM | exact.INF_NAN | exact.ROUND_TO_NEAREST
    if not device.double_fp_config:
        return "float64 (cl_khr_fp64)"
    if device.double_fp_config & (basic | exact.FMA) != basic | exact.FMA:
        return "float64 with denormal numbers and fma"
    if device.single_fp_config & (basic | exact.CORRECTLY_ROUNDED_DIVIDE_SQRT) != basic | exact.CORRECTLY_ROUNDED_DIVIDE_SQRT:
        return "float32 with denormal numbers and correctly rounded division and square root"
    return None
