"""The driver passes the public conformance kit, over a socket file and over TLS."""

from __future__ import annotations

from tests.serve.support import secured, shared  # isort: skip  (it skips where the extra is not installed)

from bioasm.drivers.remote.driver import RemoteDriver
from bioasm.isa.table import ROWS
from bioasm.testing import driver_conformance_tests

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


@driver_conformance_tests(over_tls, abilities=ABILITIES)
class TestTls:
    pass
