"""The text that `bioasm --version` prints."""

from __future__ import annotations

import platform


def version_lines() -> list[str]:
    """`bioasm 1.2.3` and a line for Python and each library that results depend on."""
    from importlib.metadata import PackageNotFoundError, version

    from bioasm import __version__

    lines = [f"bioasm {__version__}", f"python {platform.python_version()}"]
    for name in ("numpy", "llvmlite", "lark"):
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} is not installed")
    return lines
