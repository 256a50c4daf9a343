"""The pictures of README and docs: small, told in words, and what they are drawn from still holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bioasm.drivers.registry import connect
from bioasm.expectations import outcomes
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs/pictures"
NAMES = sorted(path.name for path in PICTURES.glob("*.svg"))


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_small_and_told(name: str) -> None:
    text = (PICTURES / name).read_text(encoding="utf-8")
    assert len(text) < 400_000
    assert 'role="img"' in text
    assert f"docs/pictures/{name}" in (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_pictures_on_pages_have_words(page: str) -> None:
    shown = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert len(shown) >= 2
    assert all(len(words) > 40 and ((ROOT / page).parent / target).is_file() for words, target in shown)


def test_the_network_in_the_picture_keeps_its_promise() -> None:
    text = (PICTURES / "cuba.basm").read_text(encoding="utf-8")
    with connect("cpu") as driver:
        result = driver.run(verify(assemble(text)), RunOptions(seed=1))
    assert [outcome.kept for outcome in outcomes(text, result)] == [True]
