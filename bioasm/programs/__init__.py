"""The example programs that come with BioASM, and the files that they read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent
SUFFIX = ".basm"
_TITLE = re.compile(r'^\.title "(.*)"', re.MULTILINE)
_QUOTED = re.compile(r'"([^"\n]+)"')


def names() -> list[str]:
    """The names of the examples."""
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))


def path(name: str) -> Path:
    """The file of an example."""
    return FOLDER / f"{name}{SUFFIX}"


def title(name: str) -> str:
    """The subject of an example: its title, or else the first line of its comments."""
    text = path(name).read_text(encoding="utf-8")
    found = _TITLE.search(text)
    return found[1] if found else text.partition("\n")[0].strip("; .")


def files(name: str) -> Iterator[Path]:
    """The example and the files that it reads, relative to the folder."""
    yield Path(f"{name}{SUFFIX}")
    for word in dict.fromkeys(_QUOTED.findall(path(name).read_text(encoding="utf-8"))):
        if "/" in word and (FOLDER / word).is_file():
            yield Path(word)
