"""JSON with numbers that no float64 is: what else is wrong with it is told as ever, and no error is left inside."""

from __future__ import annotations

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.plain import read_json

LONG = str(2**53 + 1)


NESTED = ("[" * 100_000, f"{'[' * 900}{']' * 900}")


@pytest.mark.parametrize("rest", ['"a": 1, "a": 2', '"a": ', f'"a": {"9" * 5000}', *(f'"a": {value}' for value in NESTED)])
def test_what_is_wrong_beside_a_long_name_is_told(rest: str) -> None:
    text = f'{{"names": [{LONG}], {rest}}}'.encode()
    try:
        assert read_json(text, "x.json")["names"] == [2**53 + 1]
    except BioasmError as fault:
        assert fault.diagnostics[0].code == "B304"


def test_a_key_that_stands_twice_is_found_in_time() -> None:
    text = "{" + ", ".join(f'"k{k % 99_999}": 0' for k in range(100_000)) + "}"
    with pytest.raises(BioasmError, match="'k0' stands twice"):
        read_json(text.encode(), "x.json")
