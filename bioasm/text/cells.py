"""Inlining of SWC files into the texts of cells, so that a program needs no file to run."""

from __future__ import annotations

import re
from pathlib import Path

from bioasm.files import reason
from bioasm.isa.limits import limit
from bioasm.morphology.faults import Line
from bioasm.morphology.swc import READINGS, read_samples, tree_of
from bioasm.text.assembly import Place
from bioasm.text.document import Item
from bioasm.text.operands import Fault

_NAMED = re.compile(r'^([ \t]*swc)[ \t]+"([^"\n]*)"(?=[ \t]+(?:as[ \t]+(\w+))?)', re.MULTILINE)


def with_samples(item: Item, place: Place) -> str:
    """The block of a cell with the samples of its SWC file appended, one a line.

    Raises Fault where the file can't be read, BioasmError B141 or B142 at the line of an invalid sample.
    """
    found = _NAMED.search(item.text)
    if found is None:
        return item.text
    path = place.folder / found[2]
    lines = [Line(text, str(path), at) for at, text in enumerate(_content(path, item).splitlines(), 1)]
    samples = read_samples(lines)
    if found[3] in READINGS:
        tree_of(samples, found[3], lines[0] if lines else Line("", str(path), 1))
    rows = "".join(f"  {' '.join(one.line.text.partition('#')[0].split())}\n" for one in samples)
    block = _NAMED.sub(r"\1", item.text, count=1)
    end = block.rindex("}")
    return f"{block[:end].rstrip()}\n{rows}{block[end:]}"


def _content(path: Path, item: Item) -> str:
    try:
        if path.exists() and not path.is_file():  # devices are endless, and pipes may block
            raise Fault("B301", f"{path} is no file", None, item)
        if path.stat().st_size > limit("model_bytes"):
            raise Fault("B111", f"{path} is longer than {limit('model_bytes')} bytes", None, item)
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError) as problem:
        why = reason(problem) if isinstance(problem, OSError) else "this is no name of a file"
        raise Fault("B301", f"{path} can't be read: {why}", None, item) from None
