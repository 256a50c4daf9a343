"""The public conformance kit: what every driver must do, as tests that a driver's own test suite collects.

    from bioasm.testing import driver_conformance_tests
    from mypackage.driver import MyDriver

    @driver_conformance_tests(MyDriver)
    class TestMyDriver:
        pass

The kit needs numpy only; its tests are plain methods that pytest and unittest collect alike. docs/drivers.md says what it
checks.
"""

from bioasm.testing.kit import driver_conformance_tests

__all__ = ["driver_conformance_tests"]
