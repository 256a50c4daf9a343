"""Parts of a result: an archive of arrays from a server, checked by the reader of untrusted archives before it is kept."""

from __future__ import annotations

import zipfile
import zlib
from urllib.parse import quote

from bioasm.drivers.remote.client import Client, garbled
from bioasm.memory import memory
from bioasm.npz import Archive


def fetch_parts(client: Client, job: str, names: str) -> bytes:
    """An npz of the arrays that `names` lists, with commas between. Raises BioasmError B552 where what came is none."""
    data = client.result(job, f"?only={quote(names, safe=',')}")
    try:
        with Archive(data) as archive:
            for name in archive.names:
                archive.read(name, memory())
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as cause:
        raise garbled(f"the parts of a result are no archive of arrays: {cause}") from None
    return data
