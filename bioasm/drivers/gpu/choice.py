"""Selection of a device: `cuda:0`, `opencl:NAME`, or `any`. Packages are imported on demand."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.util import find_spec

from bioasm.diagnostics import EXIT_DEVICE, EXIT_USAGE, BioasmError, error
from bioasm.drivers.gpu.device import Device, DeviceError

_open: dict[tuple[int, str], Device] = {}  # by process and word; a device stays open, with its built kernels
_HINT = "pip install 'bioasm[gpu-opencl]' or 'bioasm[gpu-cuda]'; without a GPU, pocl-binary-distribution makes a device"


def open_device(wanted: str) -> Device:
    """The device of a word, opened once in a process.

    Raises BioasmError: B406 for an invalid word, B503 for a missing package, B504 where the device does not exist or can't be
    opened, B502 where its arithmetic can't reproduce the cpu driver's bits.
    """
    kind, _, which = wanted.partition(":")
    if wanted != "any" and (kind not in ("cuda", "opencl") or not which or (kind == "cuda" and not which.isdecimal())):
        hint = "it is any, cuda:NUMBER or opencl:NAME, where NAME is a part of the device's name"
        raise error("B406", f"device={wanted} names no device", hint=hint, exit_code=EXIT_USAGE)
    key = (os.getpid(), wanted)
    if key in _open and not _open[key].lost:
        return _open[key]
    try:
        _open[key] = _any() if wanted == "any" else _cuda(int(which)) if kind == "cuda" else _opencl(which)
        return _open[key]
    except DeviceError as fault:
        raise error("B504", f"device {wanted} can't be opened: {fault}", exit_code=EXIT_DEVICE) from fault


def _needs(module: str, extra: str) -> None:
    if find_spec(module.partition(".")[0]) is None or find_spec(module) is None:
        hint = f"pip install 'bioasm[{extra}]'"
        raise error("B503", f"driver gpu reaches this device through {module}, which is not installed", hint=hint)


def _any() -> Device:
    """The first CUDA device, else the first GPU of OpenCL, else any device of OpenCL."""
    with suppress(BioasmError, DeviceError):
        return _cuda(0)
    with suppress(BioasmError, DeviceError):
        return _opencl("")
    raise error("B504", "there is no device: no GPU, and no other device of OpenCL", hint=_HINT, exit_code=EXIT_DEVICE)


def _cuda(number: int) -> Device:
    _needs("cuda.core", "gpu-cuda")
    from bioasm.drivers.gpu.cuda import CudaDevice

    return CudaDevice(number)


def _opencl(name: str) -> Device:
    _needs("pyopencl", "gpu-opencl")
    from bioasm.drivers.gpu import opencl

    found = sorted(opencl.devices(), key=lambda device: not opencl.is_gpu(device))
    named = [device for device in found if name.lower() in opencl.name_of(device).lower()]
    if not named:
        there = ", ".join(map(opencl.name_of, found)) or "none"
        raise error("B504", f"OpenCL has no device {name}; it has {there}", hint=_HINT, exit_code=EXIT_DEVICE)
    lacking = opencl.lacks(named[0])
    if lacking is not None:
        raise error("B502", f"{opencl.name_of(named[0])} lacks {lacking}, so that results would not be those of the cpu driver")
    return opencl.OpenClDevice(named[0])
