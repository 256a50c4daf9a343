"""Optional packages: whether one is installed, and the command that installs it where it is not."""

from __future__ import annotations

from importlib.util import find_spec

from bioasm.diagnostics import EXIT_USAGE, error


def installed(package: str) -> bool:
    """Whether a package can be imported; it is not imported for that."""
    return find_spec(package) is not None


def require(package: str, extra: str, what: str, instead: str = "") -> None:
    """Raise BioasmError B312 where the package that `what` needs is not installed; `instead` is what can be done without."""
    if not installed(package):
        hint = f"pip install 'bioasm[{extra}]'{f', or {instead}' if instead else ''}"
        raise error("B312", f"{what} needs {package}, which is not installed", hint=hint, exit_code=EXIT_USAGE)
