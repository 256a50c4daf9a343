"""Spike counts of random NIR graphs, equal to those that norse 1.1.0 counted (record_nir.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.frameworks.record_nir import CASES, graph, spikes
from tests.frameworks.test_nir import program, with_trains
from tests.frameworks.test_nir_layers import run

pytest.importorskip("nir", reason="the package nir is not installed")

RECORDED = json.loads((Path(__file__).parent / "nir_counts.json").read_text())


def test_all_cases_are_recorded() -> None:
    assert [(case["kind"], case["shape"], case["dt"], case["seed"]) for case in RECORDED] == CASES
    assert sum(sum(case["counts"]) for case in RECORDED) > 3000


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: "-".join(map(str, list(case.values())[:4])))
def test_counts_are_those_of_norse(case: dict[str, Any], tmp_path: Path) -> None:
    dt, seed = case["dt"], case["seed"]
    text = with_trains(program(*graph(case["kind"], case["shape"], dt, seed), tmp_path), spikes(dt, seed), dt)
    assert run(text, dt).results[0].value.ravel().tolist() == case["counts"]
