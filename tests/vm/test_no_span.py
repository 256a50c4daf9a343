"""Vt equal to El leaves the state of a membrane without a value, and is refused wherever it comes from."""

from __future__ import annotations

import pytest

import bioasm
from bioasm import BioasmError


@pytest.mark.parametrize(
    ("text", "options", "line"),
    [
        ("ALC 2\nSET Vt, -70 mV\nRUN 1 ms\n", {}, 2),
        ("ALC 2\nSET El, [-0.07, -0.05]\nRUN 1 ms\n", {}, 2),
        ("SET El, -50 mV\nALC 2\nRUN 1 ms\n", {}, 2),
        ("ALC 2\nRUN 1 ms\n", {"parameters": {"Vt": -70e-3}}, 1),
    ],
)
def test_it_is_refused_at_its_place(text: str, options: dict[str, object], line: int) -> None:
    with pytest.raises(BioasmError) as told:
        bioasm.run(text, seed=1, **options)
    found = told.value.diagnostics[0]
    assert (found.code, found.span.line if found.span else None) == ("B402", line)
    assert "(Vt - El)" in found.message and "no value" in found.message
