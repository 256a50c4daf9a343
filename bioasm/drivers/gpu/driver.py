"""The gpu driver: the cpu driver's machine with its dynamics on an OpenCL or CUDA device."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, ClassVar

from bioasm.drivers.base import SIMULATED
from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.gpu.choice import open_device
from bioasm.drivers.gpu.device import Device
from bioasm.drivers.gpu.runner import DeviceRunner
from bioasm.runtime.options import RunOptions
from bioasm.vm.kernel_cache import Notice
from bioasm.vm.kernel_runner import KernelRunner


class GpuDriver(CpuDriver):
    """Runs on a GPU with work items for lanes or parts of lanes; results are bit-identical to the cpu driver's.

    Control flow, instructions, buffers and checkpoints are the cpu driver's; see `docs/gpu.md`.
    """

    name: ClassVar[str] = "gpu"
    summary: ClassVar[str] = "the machine's dynamics on a GPU, thousands of lanes or cells at a time"
    options: ClassVar[Mapping[str, str]] = {
        "device": "any (which it is unless told otherwise), cuda:NUMBER, or opencl:NAME with a part of the device's name"
    }
    quick: ClassVar[bool] = False
    abilities: ClassVar[frozenset[str]] = SIMULATED - {"single"}  # its products are those of float64

    def __init__(self, device: str = "any") -> None:
        self._wanted = device
        self._device: Device | None = None

    def connect(self) -> None:
        """Open the device."""
        self._device = self._device or open_device(self._wanted)

    def disconnect(self) -> None:
        """Release the device, which stays open for other drivers of this process."""
        self._device = None

    @property
    def device(self) -> Device:
        """The device, opened on first use."""
        self.connect()
        assert self._device is not None
        return self._device

    def kernels(self, options: RunOptions, notice: Notice) -> KernelRunner:
        """A runner that launches kernels on the device; `notice` is that of the cpu driver."""
        return DeviceRunner(self.device, notice)

    def packages(self) -> dict[str, str]:
        """Versions of the packages used."""
        return super().packages() | {name: version(name) for name in self.device.packages}

    def extras(self) -> dict[str, Any]:
        """The device's name."""
        return {"device": self.device.name}
