"""The page of the model language: its texts are models, and it names everything that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bioasm.models.base import METHODS
from bioasm.models.expression import FUNCTIONS
from bioasm.models.sections import NAMES, SECTIONS
from tests.models.language.support import findings

PAGE = (Path(__file__).parents[3] / "docs/model-language.md").read_text(encoding="utf-8")
TEXTS = re.findall(r"```\n(\.[ms]\w+ .*?)```", PAGE, re.DOTALL)


def test_the_page_shows_all_kinds() -> None:
    assert {text.split()[0] for text in TEXTS} == {".model", ".mechanism", ".synapse"}


@pytest.mark.parametrize("text", TEXTS)
def test_texts_of_the_page_are_sound(text: str) -> None:
    assert not findings(text)


@pytest.mark.parametrize("name", NAMES)
def test_every_section_is_explained(name: str) -> None:
    assert all(f"`{head}:`" in PAGE for head in SECTIONS[name].heads or (name,))


@pytest.mark.parametrize("name", [*FUNCTIONS, *METHODS])
def test_every_function_and_method_is_explained(name: str) -> None:
    assert re.search(rf"`[^`\n]*\b{name}\b[^`]*`", PAGE)
