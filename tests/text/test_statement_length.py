"""The length of a statement beside its literals, whether or not they are searched for."""

from __future__ import annotations

import pytest

from bioasm.text.parser import _QUOTED_OR_DATA, _beside_data


@pytest.mark.parametrize(
    "said",
    [
        ".data J = sparse(3) symmetric {0 1 2.5 | 1 2 -1}",
        '.data J = sparse(3) {0 1 2.5 ; of "two"\n1 2 -1} [1, 2] "x"',
        ".data J = sparse(3) {0 1 2.5 ; }\n1 2 -1}",
        ".data v = [1, 2, 3]",
        '.title "a { b" ' + "x" * 50 + "}",
        "SET v, [0 ; {\n] " + "x" * 50 + "}",
        "} " + "x" * 50 + " {1}",
        "x" * 99,
    ],
)
def test_literals_count_as_one_letter(said: str) -> None:
    assert _beside_data(said) == len(_QUOTED_OR_DATA.sub('"', said))
