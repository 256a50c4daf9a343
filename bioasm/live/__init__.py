"""A run shown in the browser while it goes on."""

from __future__ import annotations

from bioasm.live.feed import Feed
from bioasm.live.server import Server

__all__ = ["Feed", "Server"]
