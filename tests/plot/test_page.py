"""Reports: one file, nothing from outside, light and dark, with provenance and program; in a browser where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bioasm.results import Result, Spikes
from tests.plot.test_pictures import network
from tests.results.samples import result

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from bioasm.plot.kinds import Choice  # noqa: E402
from bioasm.plot.page import page  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
SPIKES = 1_000_000


def titled(title: str) -> Result:
    return replace(network(), metadata={"title": title})


def report(of: Result, program: str = "") -> str:
    return page([("run", of)], (), Choice(), program)


def test_it_refers_to_nothing_outside() -> None:
    text = report(network(4), "RUN 1 ms ; see https://example.org")
    outside = re.findall(r"(?:src|href|xlink:href)=\"(?!#|data:)[^\"]*|url\((?!#)|@import|<script|<link", text)
    assert outside == []
    assert "default-src 'none'" in text


def test_it_is_light_and_dark() -> None:
    text = report(network())
    assert "color-scheme: light dark" in text and "prefers-color-scheme: dark" in text
    assert "currentColor" in text and "#16191d;" in text
    assert "#16191d" not in text.partition("</style>")[2]


def test_it_has_pictures_with_words_results_provenance_and_program() -> None:
    text = report(network(4), "RUN 1 ms")
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings[:3] == ["Energy", "Spikes of run", "Traces of run"]
    assert headings[-3:] == ["Results", "Provenance", "Program"]
    assert text.count("<figcaption>") == text.count("<svg") == text.count('role="img"') == 9
    assert "<td>" + "ab" * 32 + "</td>" in text
    assert "<pre>RUN 1 ms</pre>" in text


def test_names_in_pictures_are_of_one_picture_each() -> None:
    ids = re.findall(r'\bid="([^"]+)"', report(network(4)))
    assert len(ids) == len(set(ids)) > 20


def test_a_page_of_a_result_without_pictures() -> None:
    plain = result(energy_trace=np.zeros((1, 0)), recordings={}, spikes=Spikes(np.zeros(0), np.zeros(0, int), np.zeros(0, int)))
    assert re.findall(r"<h2>(.*?)</h2>", report(plain)) == ["Results", "Provenance"]


def test_words_of_a_program_stay_words() -> None:
    text = report(titled("<script>alert(1)</script>"), "</pre><script>alert(2)</script>")
    assert "<script" not in text
    assert "&lt;script&gt;alert(2)" in text


def test_long_data_of_a_program_are_cut_short() -> None:
    text = report(network(), f"LDH [{'1, ' * 1000}1]\n" * 3000)
    assert "(3,009 characters)" not in text.partition("<h2>Program")[0]
    assert "... (1,000 more lines)" in text
    assert len(text.partition("<h2>Program")[2]) < 2000 * 500


def million() -> Result:
    rng = np.random.default_rng(1)
    t, i = np.sort(rng.random(SPIKES)), rng.integers(0, 10, SPIKES)
    return replace(network(), spikes=Spikes(t, i, np.zeros(SPIKES, np.int64)))


@pytest.mark.skipif(BROWSER is None, reason="there is no chromium to open pages with")
def test_a_page_of_a_million_spikes_opens_in_three_seconds(tmp_path: Path) -> None:
    (tmp_path / "big.html").write_text(report(million()))
    assert (tmp_path / "big.html").stat().st_size < 2_000_000
    seconds = opened(tmp_path / "big.html") - opened(None)
    assert seconds < 3.0


def opened(path: Path | None) -> float:
    """Seconds of a browser that opens a page (an empty one for None), draws it and ends."""
    began = time.perf_counter()
    where = "about:blank" if path is None else path.as_uri()
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom", where]
    done = subprocess.run([str(BROWSER), *flags], capture_output=True, text=True, timeout=60, check=True)
    assert path is None or "<figcaption>" in done.stdout
    return time.perf_counter() - began
