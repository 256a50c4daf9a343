"""One row of the table of error codes."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """One row: a title of a few words and the page that `bioasm explain CODE` prints."""

    title: str
    explanation: str
