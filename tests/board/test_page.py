"""The board's page has every parameter with the value that the code has, and every fault."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from bioasm.hardware.board.culture import CultureParameters
from bioasm.hardware.board.script import ACTIONS
from bioasm.hardware.board.substrates.mapping import MappingParameters

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "board.md").read_text(encoding="utf-8")


def rows() -> dict[str, str]:
    """The second column of every row of a table, by its first."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1] for row in cells}


@pytest.mark.parametrize("parameters", [MappingParameters(), CultureParameters()])
def test_every_parameter_stands_there_with_its_value(parameters: Any) -> None:
    told = rows()
    for field in fields(parameters):
        assert field.name in told
        assert float(told[field.name]) == getattr(parameters, field.name), field.name


@pytest.mark.parametrize("action", ACTIONS)
def test_every_fault_stands_there(action: str) -> None:
    assert action in rows()
    assert bool(rows()[action]) == bool(ACTIONS[action])
