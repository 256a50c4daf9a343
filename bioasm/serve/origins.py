"""Origin checks against cross-site requests and DNS rebinding, by the headers that browsers send."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bioasm.drivers.remote.places import is_loopback
from bioasm.serve.requests import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

_OWN = ("same-origin", "none")  # Sec-Fetch-Site of our own page, and of a URL entered by the user


def check_origin(request: Request) -> None:
    """Refuse cross-origin requests of browsers. Raises Refusal (403).

    Without TLS the host must be a loopback name or address, which DNS can't rebind; with TLS the certificate ensures this.
    """
    host, secured = request.headers.get("host", ""), request.url.scheme == "https"
    if not secured and not _is_here(host):
        raise _foreign("the header Host names another machine", "use 127.0.0.1 or localhost")
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() != f"{request.url.scheme}://{host}".lower():
        raise _foreign("the request comes from a page of another origin")
    if request.headers.get("sec-fetch-site", "none").lower() not in _OWN:
        raise _foreign("the request comes from a page of another site")


def _foreign(message: str, hint: str | None = None) -> Refusal:
    return Refusal(403, message, hint, close=True)


def _is_here(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or is_loopback(name)
    except ValueError:
        return False


def is_browser(request: Request) -> bool:
    """Whether a browser sent the request; such a request gets no rights from a socket file."""
    return any(name == "origin" or name.startswith("sec-fetch-") for name in request.headers)
