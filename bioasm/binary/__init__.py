"""Bytecode: the `.bbc` container, its writer and its reader. docs/bytecode.md is the specification."""

from __future__ import annotations

from bioasm.binary.layout import MAGIC

__all__ = ["MAGIC", "looks_like_bytecode"]


def looks_like_bytecode(prefix: bytes) -> bool:
    """Magic number check: whether a file with this prefix is bytecode, even if a transfer as text damaged its magic."""
    return bytes(prefix[:4]) == MAGIC[:4]
