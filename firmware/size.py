"""Flash of an image by part, from the linker's map: what each file of the core takes once unused sections are gone."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

PARTS = {
    "link": ("wire", "window", "link", "link_out"),
    "reader of bytecode": ("bbc", "bbc_data", "bytes", "texts"),
    "interpreter": ("machine", "instructions", "allocate", "memory", "couplings", "result", "arithmetic"),
    "board": ("board",),
    "stimulation": ("rig", "stimulator", "safety", "guard"),
}
MODELS = re.compile(r"ising_\w+|model_\w+|models")
SECTION = re.compile(r"^ (\.(?:text|rodata|data|vectors)\S*)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)$")


def part_of(file: str) -> str:
    """The part that a file of the image belongs to: one of the core, or what is beside it."""
    found = re.search(r"([\w.-]+?)(?:\.o)?\)?$", Path(file).name)
    stem = found[1] if found else file
    for part, names in PARTS.items():
        if stem in names:
            return part
    if MODELS.fullmatch(stem):
        return "models"
    if stem == "elementary":
        return "elementary functions"
    return "compiler's library" if "lib" in Path(file).name.split("(")[0] else "port"


def sizes(text: str) -> Counter[str]:
    """Bytes of each part in the sections that lie in flash. Strings that were merged are counted where they lie."""
    found: Counter[str] = Counter()
    text = re.sub(r"\n( \.\S+)\n +0x", r"\n\1 0x", text)  # long names stand on a line of their own
    lines = text[text.index("Linker script and memory map") :].splitlines()
    pieces = sorted((int(m[2], 16), int(m[3], 16), part_of(m[4])) for m in map(SECTION.match, lines) if m)
    ends = [piece[0] for piece in pieces[1:]] + [1 << 32]
    for (start, size, part), end in zip(pieces, ends, strict=True):
        found[part] += min(size, end - start)
    return found


def main(path: str) -> None:
    """Print the table of one map."""
    found = sizes(Path(path).read_text(encoding="utf-8"))
    core = sum(found[part] for part in PARTS)
    rows = [*((part, found[part]) for part in PARTS), ("core", core)]
    rows += [(part, size) for part, size in found.items() if part not in PARTS]
    print(f"{Path(path).stem}: bytes of flash")
    for part, size in [*rows, ("whole image", sum(found.values()))]:
        print(f"  {part:24}{size:7}")


for word in sys.argv[1:]:
    main(word)
