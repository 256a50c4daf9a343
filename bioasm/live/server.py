"""A page of a run in the browser: a server on the loopback address alone, behind a secret path, with server-sent events."""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bioasm.live.feed import Feed

LOOPBACK = "127.0.0.1"
_PAGE = Path(__file__).with_name("page.html")
_KEEP_ALIVE = 5.0  # seconds after which a silent stream says that it is there


class Server:
    """Serves the page of one run; a context manager."""

    def __init__(self, feed: Feed) -> None:
        self.feed, self.token = feed, secrets.token_urlsafe(24)
        self.http = ThreadingHTTPServer((LOOPBACK, 0), _handler(self))
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.1,), daemon=True)

    @property
    def url(self) -> str:
        """Where the page is, with its secret."""
        return f"http://{LOOPBACK}:{self.http.server_port}/{self.token}/"

    def __enter__(self) -> Server:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()

    def allows(self, path: str, host: str) -> str | None:
        """The part of the page that is asked for, None where the secret or the host is wrong (against DNS rebinding)."""
        _, token, rest = [*path.split("/", 2), "", ""][:3]
        here = {f"{name}:{self.http.server_port}" for name in (LOOPBACK, "localhost")}
        return rest if host in here and secrets.compare_digest(token.encode(), self.token.encode()) else None


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers the two paths of the page."""

        protocol_version = "HTTP/1.0"

        def log_message(self, *_: Any) -> None:
            """No log: a request names the secret of the page."""

        def do_GET(self) -> None:  # noqa: N802  (the name that http.server calls)
            """The page, or its events."""
            asked = server.allows(self.path, self.headers.get("Host", ""))
            if asked == "":
                self._send_page()
            elif asked == "events":
                with suppress(OSError):
                    self._stream()
            else:
                self.send_error(404)

        def _send_page(self) -> None:
            nonce = secrets.token_urlsafe(16)
            content = _PAGE.read_text(encoding="utf-8").replace("NONCE", nonce).encode()
            policy = f"default-src 'none'; connect-src 'self'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'"
            self._head("text/html; charset=utf-8", {"Content-Security-Policy": policy, "Content-Length": str(len(content))})
            self.wfile.write(content)

        def _head(self, kind: str, more: dict[str, str]) -> None:
            self.send_response(200)
            fixed = {"Content-Type": kind, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
            for name, value in {**fixed, **more}.items():
                self.send_header(name, value)
            self.end_headers()

        def _stream(self) -> None:
            import queue

            self._head("text/event-stream", {})
            listener = server.feed.listen()
            try:
                while True:
                    try:
                        text = listener.get(timeout=_KEEP_ALIVE)
                    except queue.Empty:
                        self.wfile.write(b": there\n\n")
                        continue
                    if text is None:
                        return
                    self.wfile.write(f"data: {text}\n\n".encode())
            finally:
                server.feed.leave(listener)

    return Handler
