"""Writers of plots to files: vector and raster images, and HTML pages, by suffix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bioasm.diagnostics import EXIT_USAGE, error
from bioasm.extras import require
from bioasm.files import check_writable, whole
from bioasm.plot.kinds import Choice, Named
from bioasm.plot.page import page
from bioasm.plot.pictures import panels, picture
from bioasm.plot.style import rendered

PICTURES = (".svg", ".png", ".pdf")
SUFFIXES = (*PICTURES, ".html")


def check(path: str | Path, suffixes: Sequence[str] = SUFFIXES) -> None:
    """Check the suffix and the libraries of a plot before anything is read. Raises BioasmError B306, B312."""
    if Path(path).suffix.lower() not in suffixes:
        text = f"{path}: pictures are written as {', '.join(suffixes)}"
        raise error("B306", text, exit_code=EXIT_USAGE)
    require("matplotlib", "plot", "a picture")


def check_picture(path: str | Path) -> None:
    """`check` for an image, whose path must be writable. Also raises BioasmError B302."""
    check(path, PICTURES)
    check_writable(path)


def keep(path: str | Path, content: bytes) -> None:
    """Write the content of an image or page atomically."""
    with whole(path) as stream:
        stream.write(content)


def write(named: Named, path: str | Path, kinds: Sequence[str], choice: Choice) -> None:
    """Write an image or a page of results, with reproducible bytes. Raises BioasmError B302, B306, B312, B314."""
    check(path)
    keep(path, drawn(named, Path(path).suffix[1:].lower(), kinds, choice))


def drawn(named: Named, form: str, kinds: Sequence[str], choice: Choice) -> bytes:
    """The content of an image or a page."""
    if form == "html":
        return page(named, kinds, choice).encode()
    made = picture(panels(named, kinds, choice), choice)
    return rendered(made.figure, form, made.alt)
