"""The library of neuron models, mechanisms and synapses, each a text of the model language, with lookup by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bioasm.models.heads import HEADS

if TYPE_CHECKING:
    from bioasm.models.base import Model  # parsers of programs need HEADS alone

DEFAULT_MODEL = "lif_critical"
_HEAD = rf'^[ \t]*\.({"|".join(HEADS)})[ \t]+(\w+)[ \t\n]*\{{(?:\s|;[^\n]*)*"((?:[^"\\]|\\.)*)"'


class _Head(NamedTuple):
    """The head of a model's file."""

    name: str
    kind: str
    summary: str
    path: Path


class Library(Mapping[str, "Model"]):
    """All models, mechanisms and synapses of a folder by name, ordered: the default model, other models, mechanisms, synapses.

    Names and summaries are read without parsing; a text is parsed when its model is first used.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def _heads(self) -> dict[str, _Head]:
        heads = [_head(path) for path in self.folder.glob("*.basm")]
        heads.sort(key=lambda head: (head.name != DEFAULT_MODEL, list(HEADS).index(head.kind), head.name))
        return {head.name: head for head in heads}

    def __getitem__(self, name: str) -> Model:
        path = self._heads[name].path
        from bioasm.models.text import parse_model  # importing Lark takes longer than most commands

        return parse_model(path.read_text(encoding="utf-8"), source=path.name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._heads)

    def __len__(self) -> int:
        return len(self._heads)

    def __contains__(self, name: object) -> bool:
        return name in self._heads

    def kind(self, name: str) -> str:
        """`model`, `mechanism` or `synapse`."""
        return self._heads[name].kind

    def summary(self, name: str) -> str:
        """The one-line summary of a model."""
        return self._heads[name].summary


def _head(path: Path) -> _Head:
    found = re.search(_HEAD, path.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, f"{path.name} does not start as the text of a model does"
    return _Head(found[2], found[1], found[3], path)


MODELS = Library(Path(__file__).with_name("library"))

__all__ = ["DEFAULT_MODEL", "MODELS", "Library"]
