"""The status page: one self-contained HTML file that gets its data through the protocol."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response


async def show(_: Request) -> Response:
    """Serve the page, which contains no data."""
    text, policy = _page()
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "Cache-Control": "no-store",
    }
    return Response(text, media_type="text/html; charset=utf-8", headers=headers)


@cache
def _page() -> tuple[str, str]:
    """The text of the page, and its content security policy: its own script and style, and requests to this server."""
    text = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    script, style = (_hash(text, tag) for tag in ("script", "style"))
    own = f"script-src {script}; style-src {style}; connect-src 'self'; img-src data:"
    return text, f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def _hash(text: str, tag: str) -> str:
    """The CSP source expression (hash) of the only element of this name."""
    found = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    assert found is not None
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()}'"
