"""The user's tokens: from the environment, a named file, or a configuration file that only the user can access."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import Any

from bioasm.diagnostics import EXIT_USAGE, BioasmError, error
from bioasm.drivers.remote.places import Place
from bioasm.files import unreadable

TOKEN = "BIOASM_TOKEN"
AT = "BIOASM_REMOTE"


def configuration() -> Path:
    """The path of the configuration file: a table for each server by its address, with `token` and `ca`."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "bioasm" / "remote.toml"


def token_for(place: Place, path: str | None) -> str | None:
    """The token for a server: from the file at `path`, the environment, or the configuration; else None."""
    if path is not None:
        return _checked(_read(Path(path)).decode("utf-8", "replace").strip(), path)
    if os.environ.get(TOKEN):
        return _checked(os.environ[TOKEN].strip(), TOKEN)
    token = known(place).get("token")
    return None if token is None else _checked(str(token), str(configuration()))


def known(place: Place) -> dict[str, Any]:
    """The configuration's entry for a server, or an empty one."""
    path = configuration()
    if not path.exists():
        return {}
    try:
        servers = tomllib.loads(_read(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as cause:
        raise error("B406", f"{path} is no TOML: {cause}", exit_code=EXIT_USAGE) from None
    found = servers.get(str(place), {})
    return found if isinstance(found, dict) else {}


def _read(path: Path) -> bytes:
    """The bytes of a file of mode 0600; others are refused. Raises BioasmError B301, B406."""
    try:
        with open(path, "rb") as stream:
            status = os.fstat(stream.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077 and os.name == "posix":
                text = f"others may read {path}, which holds a token"
                raise error("B406", text, hint=f"chmod 600 {path}", exit_code=EXIT_USAGE)
            return stream.read(1 << 20)
    except OSError as cause:
        raise unreadable(path, cause) from cause


def _checked(token: str, where: str) -> str:
    """Validate a token as the value of a header."""
    if not (token.isascii() and token.isprintable() and " " not in token and token):
        raise _no_token(where)
    return token


def _no_token(where: str) -> BioasmError:
    return error("B406", f"what {where} holds is no token", hint="`bioasm jobs token-add` makes one", exit_code=EXIT_USAGE)
