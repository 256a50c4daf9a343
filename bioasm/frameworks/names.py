"""Names of a program that are near to those of the network or cell that it was made from."""

from __future__ import annotations

import re

from bioasm.isa.modeltext import instance_fault

_LONGEST = 100  # characters: names are put together of two, and of one and a number


def free_name(name: str, taken: set[str]) -> str:
    """A name for an instance, near to `name` and none of `taken` (in lower case), which receives it."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)[:_LONGEST]
    plain = plain if plain[:1].isalpha() or plain[:1] == "_" else f"node_{plain}"
    found, count = plain, 2
    while found.lower() in taken or instance_fault(found):
        found, count = f"{plain}_{count}", count + 1
    taken.add(found.lower())
    return found
