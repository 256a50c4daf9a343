"""The driver gpu passes the public conformance kit, on a quiet machine: some checks wait for reports of progress.

Kernels are built without optimisation, which takes half the time and must not change a bit; other tests build them with it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.gpu.driver import GpuDriver
from bioasm.testing import driver_conformance_tests
from tests.gpu.support import needs_device


@pytest.fixture(autouse=True, scope="module")
def _built_quickly() -> Iterator[None]:
    from bioasm.drivers.gpu import opencl

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opencl, "EXACT", (*opencl.EXACT, "-cl-opt-disable"))
        yield


@pytest.mark.long
@needs_device
@driver_conformance_tests(lambda: GpuDriver("opencl:p"), abilities=CpuDriver.abilities - {"single"})
class TestGpu:
    pass
