"""The status page in headless Chromium: it shows jobs and draws a running one as it goes, and changes and loads nothing."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.support import ENDLESS, SPINS, Running, until  # isort: skip  (it skips where the extra is not installed)

from bioasm.serve import page
from tests.serve.browser import Page
from tests.serve.test_rights import submit

TEXT = Path(page.__file__).with_name("page.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    """A server at a loopback port."""
    server = Running("--bind", "127.0.0.1:0")
    yield server
    server.stop()


def test_a_running_job_is_drawn_as_it_goes(served: Running) -> None:
    client = served.client(served.token("ada", "submit", "read"))
    done = submit(client, SPINS.replace("50 sweeps", "300000 sweeps"), seed=1)["id"]
    until(lambda: client.job(done)["state"] == "ended", 60)
    with Page(f"{served.at}/#token={served.token('page', 'read')}") as shown:
        shown.comes(f"document.getElementById('name').textContent === '{done[:12]}'")
        shown.comes("document.getElementById('state').textContent === 'finished'")
        assert float(shown.text("best")) == -2.0 and int(shown.text("steps")) > 0
        assert re.fullmatch(r"M[\d. L]+", shown.value("document.getElementById('curve').getAttribute('d')"))
        assert shown.value("location.hash") == "" and "token page" in shown.text("server")
        job = submit(client, ENDLESS, seed=1)["id"]
        shown.comes(f"document.getElementById('jobs').textContent.includes('{job[:12]}')")
        shown.value(f"[...document.querySelectorAll('tr.job')].find(row => row.textContent.includes('{job[:12]}')).click()")
        shown.comes("Number(document.getElementById('steps').textContent) > 0")
        steps = int(shown.text("steps"))
        shown.comes(f"Number(document.getElementById('steps').textContent) > {steps}")
        assert shown.text("state") == "running" and "progress" in shown.text("log")
        shown.comes("document.querySelector('progress') !== null")
        client.call("DELETE", f"/v1/jobs/{job}")
        shown.comes("document.getElementById('state').textContent === 'interrupted'")
        loaded = shown.value("performance.getEntriesByType('resource').map(one => one.name).join(' ')")
    assert loaded and all(name.startswith(served.at) for name in loaded.split())


def test_without_a_token_that_may_read_no_job_is_shown(served: Running) -> None:
    client = served.client(served.token("eve", "submit", "read"))
    job = submit(client, SPINS, seed=2)["id"]
    with Page(served.at) as shown:
        for token in ("", "wrong" * 8, served.token("blind", "submit")):
            shown.value(f"document.getElementById('token').value = '{token}'; document.getElementById('ask').requestSubmit()")
            shown.comes("document.getElementById('trouble').textContent.includes('token')")
            assert job[:12] not in shown.value("document.body.textContent")


def test_the_page_refers_to_nothing_outside() -> None:
    """No address of another place stands in it, and the browser is told to allow none."""
    assert not re.findall(r"(?:https?:)?//[a-z]", TEXT, re.IGNORECASE)
    assert not re.findall(r"<(?:link|img|iframe|object|embed)\b(?! rel=\"icon\" href=\"data:,\")", TEXT)
    _, policy = page._page()
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_the_page_only_reads() -> None:
    assert not re.findall(r"method:|POST|DELETE|innerHTML|eval\(|document\.write", TEXT)


def test_the_page_comes_with_its_policy_and_takes_no_other_method(served: Running) -> None:
    wire = http.client.HTTPConnection(served.at.removeprefix("http://"))
    wire.request("GET", "/")
    answer = wire.getresponse()
    assert answer.status == 200 and "script-src 'sha256-" in (answer.getheader("Content-Security-Policy") or "")
    assert answer.read().decode() == TEXT
    wire.request("POST", "/")
    assert wire.getresponse().status == 405
