"""The live page: its events, its secret, and a run of the machine and of a board as a browser sees it."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from bioasm.drivers.registry import connect
from bioasm.live import Feed, Server
from bioasm.runtime.news import News
from bioasm.runtime.options import Progress, RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
FACTS = {"title": "t", "driver": "cpu", "model": "m", "n": 3, "lanes": 1, "clock": "s", "total": 10, "units": {"v": "V"}}
PROGRAM = """
    MODEL lif_critical
    ALC 4
    LDJ [[0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, -1], [0, 0, -1, 0]]
    SIG 8 mV
    REC v, 1 ms
    RUN 2000 ms
"""


def going(_: Progress) -> bool:
    return True


def events(feed: Feed) -> list[dict[str, Any]]:
    return [json.loads(text) for text in feed.backlog]


def fetched(url: str, path: str = "", host: str | None = None) -> tuple[int, str, dict[str, str]]:
    parts = urlsplit(url)
    line = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    line.request("GET", parts.path + path, headers={"Host": host or parts.netloc})
    answer = line.getresponse()
    return answer.status, answer.read().decode(), dict(answer.headers)


# --- events ------------------------------------------------------------------------------------------


def test_an_event_has_what_is_new() -> None:
    samples = {"v": (np.array([0.1]), np.array([[1.0, 2.0]]))}
    warned = {"cells.warn": (np.array([0.3]), np.array([1]))}
    news = News(np.array([0.1, 0.2]), np.array([2, 0]), np.array([-1.0, np.nan]), samples, warned)
    feed = Feed(going, FACTS)
    assert feed(Progress(5, 10, -1.0, look=lambda: news))
    facts, told = events(feed)
    assert facts == {"facts": FACTS}
    assert told["spikes"] == [[0.1, 0.2], [2, 0], 2]
    assert told["energy"] == [[0, 1], [-1.0, None]]
    assert told["traces"] == {"v": [[0.1], [[1.0], [2.0]]]}
    assert told["events"] == {"cells.warn": [[0.3], [1], 1]}
    assert told["best"] == -1.0


def test_many_spikes_are_thinned_out_and_counted() -> None:
    feed = Feed(going, FACTS)
    feed(Progress(5, 10, float("nan"), look=lambda: News(np.arange(1e5), np.zeros(100_000, int))))
    (t, _, count) = events(feed)[1]["spikes"]
    assert (len(t), t[0], t[-1], count) == (2000, 0, 99_999, 100_000)


def test_reports_are_told_ten_times_a_second_at_most() -> None:
    feed = Feed(going, FACTS)
    for step in range(100):
        feed(Progress(step, 100, float("nan")))
    assert len(events(feed)) == 2


def test_the_other_observer_decides() -> None:
    assert not Feed(lambda _: False, FACTS)(Progress(1, 2, 0.0))


@pytest.mark.parametrize(("driver", "options"), [("cpu", {}), ("intan", {"port": "emu:rhd2132?seed=1"})], ids=["cpu", "board"])
def test_a_run_shows_its_spikes_and_energies(driver: str, options: dict[str, str]) -> None:
    if driver == "intan":
        pytest.importorskip("serial", reason="pyserial is not installed")
    seen = []

    def look(progress: Progress) -> bool:
        assert progress.look is not None
        seen.append(progress.look())
        return True

    with connect(driver, **options) as made:
        result = made.run(verify(assemble(PROGRAM)), RunOptions(seed=1), look)
    t = np.concatenate([news.t for news in seen])
    energies = np.concatenate([news.energies for news in seen])
    assert 0 < len(t) <= len(result.spikes.t)
    assert set(np.round(t, 9)) <= set(np.round(result.spikes.t, 9))
    assert 0 < len(energies) <= result.energy_trace.shape[1]
    assert energies.tolist() == result.energy_trace[0, : len(energies)].tolist()
    if driver == "cpu":
        assert len(t) == len(result.spikes.t)
        times = np.concatenate([news.samples["v"][0] for news in seen if "v" in news.samples])
        values = np.concatenate([news.samples["v"][1] for news in seen if "v" in news.samples])
        assert np.allclose(times, result.recordings["v"].t[: len(times)])
        assert np.array_equal(values, result.recordings["v"].values[0, : len(values), :4])


# --- the server --------------------------------------------------------------------------------------


def test_the_page_is_behind_a_secret_on_this_machine_alone() -> None:
    with Server(Feed(going, FACTS)) as server:
        status, page, headers = fetched(server.url)
        assert (status, "EventSource" in page) == (200, True)
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "NONCE" not in page
        assert server.url.startswith("http://127.0.0.1:")
        assert len(server.token) >= 32
        parts = urlsplit(server.url)
        assert fetched(f"http://{parts.netloc}/")[0] == 404
        assert fetched(f"http://{parts.netloc}/{'x' * 32}/")[0] == 404
        assert fetched(server.url, "other")[0] == 404
        assert fetched(server.url, host="evil.example:80")[0] == 404


def test_events_go_to_a_page_until_the_end() -> None:
    feed = Feed(going, FACTS)
    with Server(feed) as server:
        told: list[str] = []
        reader = threading.Thread(target=lambda: told.append(fetched(server.url, "events")[1]))
        reader.start()
        assert feed.opened.wait(10)
        feed(Progress(3, 10, -2.0))
        feed.end("finished", 5.0)
        reader.join(10)
    lines = [json.loads(line.removeprefix("data: ")) for line in told[0].splitlines() if line]
    assert lines[0] == {"facts": FACTS}
    assert {"steps": 3, "message": "", "best": -2.0} in lines
    assert lines[-1] == {"ended": "finished"}
    assert feed.listeners == []


@pytest.mark.skipif(BROWSER is None, reason="there is no chromium to show the page")
@pytest.mark.parametrize("more", [[], ["--driver", "intan", "--port", "emu:rhd2132?seed=1"]], ids=["cpu", "board"])
def test_a_browser_shows_a_run(tmp_path: Path, more: list[str]) -> None:
    (tmp_path / "p.basm").write_text(PROGRAM)
    command = [sys.executable, "-m", "bioasm", "run", "p.basm", "--seed", "1", "--live", *more]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        url = run.stderr.readline().removeprefix("live: ").strip()
        assert url.startswith("http://127.0.0.1:")
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom", url]
        page = subprocess.run([str(BROWSER), *flags], capture_output=True, text=True, timeout=60, check=True).stdout
        assert run.wait(60) == 0
    assert "ended: finished" in page
    assert '<section id="raster-part"><h2>' in page
    assert "spikes</p>" in page
