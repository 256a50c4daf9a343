"""Origin checks against cross-site requests and DNS rebinding, by the headers that browsers send."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bioasm.drivers.remote.places import is_loopback
from bioasm.serve.requests import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

_OWN = ("same-origin", "none")  # Sec-Fetch-Site of our own page, and of an address that the user typed


def check_origin(request: Request) -> None:
    """Refuse what a page of another origin makes a browser send. Raises Refusal (403).

    Without TLS the host has to be this machine by a name that no foreign DNS server decides about; with TLS the certificate
    sees to that.
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
    """Whether a browser sent the request for a page; such a request has no rights by way of a socket file."""
    return any(name == "origin" or name.startswith("sec-fetch-") for name in request.headers)
