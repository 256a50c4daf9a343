"""A zero is printed without a sign, in text and in JSON, whatever computed it."""

from __future__ import annotations

import json

import pytest

from bioasm.diagnostics.jsontext import dumps
from tests.command import bioasm

TEXT = '.const z = -0.0\nMOV r0, 0\nNEG r0, r0\nOUT r0, "made"\nOUT z, "said"\nALC 2\nREC v\nRUN 0.2 ms\nRD v\n'


@pytest.mark.parametrize("command", ["run p.basm --seed 1 --json", "run p.basm --seed 1", "info p.basm", "info p.basm --json"])
def test_no_command_prints_the_sign_of_a_zero(command: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.basm").write_text(TEXT)
    told = bioasm(*command.split())
    assert told.code == 0
    shown = told.stdout.decode()
    words = shown.replace(",", " ").replace("]", " ").replace("}", " ").split()
    assert not [word for word in words if word in ("-0", "-0.0")]
    if command.startswith("run") and "--json" in command:
        assert json.loads(shown)


def test_trees_of_any_depth_lose_the_sign_and_nothing_else() -> None:
    tree = {"a": [-0.0, [-0.05, {"b": -0.0}], "-0.0"], "c": (0.0, -1, True, None)}
    text = dumps(tree)
    assert text == '{"a": [0.0, [-0.05, {"b": 0.0}], "-0.0"], "c": [0.0, -1, true, null]}'
