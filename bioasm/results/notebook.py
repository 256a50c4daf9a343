"""HTML representation of a Result in notebooks: its summary, and its first pictures if matplotlib is installed."""

from __future__ import annotations

from html import escape
from importlib import import_module

from bioasm.extras import installed
from bioasm.results.result import Result
from bioasm.results.summary import headline, summary

_PICTURES = 2


def cell(result: Result) -> str:
    """Self-contained HTML without scripts or styles of the page."""
    table = f"<pre>{escape(headline(result))}\n{escape(summary(result))}</pre>"
    if not installed("matplotlib"):
        return f"<div>{table}<p>pip install 'bioasm[plot]' shows pictures here.</p></div>"
    return f"<div>{table}{''.join(import_module('bioasm.plot').inline(result, _PICTURES))}</div>"
