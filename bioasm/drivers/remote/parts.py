"""Download of some arrays of a result, validated by the reader of untrusted archives before they are written."""

from __future__ import annotations

import zipfile
import zlib
from urllib.parse import quote

from bioasm.drivers.remote.client import Client, garbled
from bioasm.memory import memory
from bioasm.npz import Archive


def fetch_parts(client: Client, job: str, names: str) -> bytes:
    """An npz of the arrays in the comma-separated `names`. Raises BioasmError B552 for an invalid archive."""
    data = client.result(job, f"?only={quote(names, safe=',')}")
    try:
        with Archive(data) as archive:
            for name in archive.names:
                archive.read(name, memory())
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as cause:
        raise garbled(f"the parts of a result are no archive of arrays: {cause}") from None
    return data
