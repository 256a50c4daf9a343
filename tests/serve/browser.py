"""A headless Chromium, driven through its pipe (DevTools protocol): opens a page and evaluates expressions in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from typing import Any, Self

import pytest

from tests.serve.support import until

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe")


class Page:
    """One page in a browser of its own."""

    def __init__(self, url: str) -> None:
        if CHROMIUM is None:
            pytest.skip("there is no Chromium here")
        self.url, self.number, self.session, self.kept = url, 0, None, b""

    def __enter__(self) -> Self:
        self.home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self.outward = os.pipe()
        self.inward, theirs_out = os.pipe()

        def connect() -> None:
            """The browser reads from 3 and writes to 4."""
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        command = [CHROMIUM, *OPTIONS, f"--user-data-dir={self.home.name}"]
        self.process = subprocess.Popen(command, pass_fds=(3, 4), preexec_fn=connect, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        target = self.call("Target.createTarget", url=self.url)["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.outward)
        os.close(self.inward)
        self.home.cleanup()

    def call(self, method: str, **parameters: Any) -> Any:
        """What the browser answers to a command."""
        self.number += 1
        told = {"id": self.number, "method": method, "params": parameters}
        told |= {"sessionId": self.session} if self.session else {}
        os.write(self.outward, json.dumps(told).encode() + b"\0")
        while (answer := self._next()).get("id") != self.number:
            pass
        assert "result" in answer, answer
        return answer["result"]

    def _next(self) -> dict:
        while b"\0" not in self.kept:
            piece = os.read(self.inward, 1 << 16)
            assert piece, "the browser is gone"
            self.kept += piece
        text, _, self.kept = self.kept.partition(b"\0")
        return json.loads(text)

    def value(self, expression: str) -> Any:
        """The value of an expression in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def text(self, name: str) -> str:
        """The text of the element with an id."""
        return self.value(f"(document.getElementById('{name}') || {{textContent: ''}}).textContent") or ""

    def comes(self, expression: str) -> Any:
        """The value of an expression as soon as it is true."""
        return until(lambda: self.value(expression), 60)
