"""The driver passes the public conformance kit, over a socket file and, among the long tests, over TLS."""

from __future__ import annotations

from tests.serve.support import secured, shared  # isort: skip  (it skips where the extra is not installed)

import pytest

from bioasm.drivers import RunOptions
from bioasm.drivers.remote.driver import RemoteDriver
from bioasm.isa.table import ROWS
from bioasm.testing import driver_conformance_tests
from bioasm.testing.results import same
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

ABILITIES = {"models", "coupling", "events", "cables", *(row.needs for row in ROWS)}


def over_a_socket_file() -> RemoteDriver:
    """A driver of the server that listens at a socket file."""
    return RemoteDriver(at=shared().at)


def over_tls() -> RemoteDriver:
    """A driver of the server that listens at a port with TLS."""
    server, ca, token = secured()
    return RemoteDriver(at=server.at, ca=ca, token=token)


@driver_conformance_tests(over_a_socket_file, abilities=ABILITIES)
class TestSocketFile:
    pass


@pytest.mark.long
@driver_conformance_tests(over_tls, abilities=ABILITIES)
class TestTls:
    pass


def test_a_run_over_tls_is_that_over_a_socket_file() -> None:
    verified = verify(assemble("ALC 3\nSIG 2 mV\nREC v, 1 ms\nRUN 20 ms\nRD v\nRD energy\n"))
    with over_tls() as secure, over_a_socket_file() as local:
        assert same(secure.run(verified, RunOptions(seed=4, lanes=3)), local.run(verified, RunOptions(seed=4, lanes=3)))
