"""The instruction table as a board must know it, and the hash by which both ends see that theirs agree."""

from __future__ import annotations

import hashlib
import json
from functools import cache

from bioasm.isa.table import ISA_VERSION, ROWS


@cache
def isa_dictionary() -> bytes:
    """The instruction table in canonical JSON: the fields that decide how bytecode is executed, without prose."""
    rows = [
        {
            "mnemonic": row.mnemonic,
            "opcode": row.opcode,
            "slots": [[slot.name, slot.kind.name, slot.optional] for slot in row.slots],
            "needs": row.needs,
        }
        for row in sorted(ROWS, key=lambda row: row.opcode)
    ]
    table = {"version": ISA_VERSION, "rows": rows}
    return json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


@cache
def isa_hash() -> bytes:
    """The SHA-256 of `isa_dictionary`, 32 bytes."""
    return hashlib.sha256(isa_dictionary()).digest()
