"""Remarks in comments: the constant, the names and the sense of a problem, for formats that have no place for them.

A comment line `# constant=2.5`, `# names=["a","b"]` or `# sense="maximize"`, with a JSON value; `c`, `*`, `%` and a backslash
begin comments as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace

from bioasm.isa.labels import MAXIMIZE, NAMES, names_of, plain_names
from bioasm.problems.polynomial import Polynomial
from bioasm.problems.write import Account

_KEYS = (b"constant=", b"names=", b"sense=")
_REMARK = re.compile(rb"(?m)^[ \t]*[#c*%\\][ \t]*(constant|names|sense)=([^\n]+)$")


@dataclass(frozen=True, slots=True)
class Remarks:
    """The content of comments: the constant of the objective (None: nothing), names, and whether it is maximised."""

    constant: float | None = None
    names: tuple[Hashable, ...] = ()
    maximize: bool = False

    def on(self, objective: Polynomial) -> Polynomial:
        """The objective with the constant that was remarked."""
        return objective if self.constant is None else replace(objective, constant=self.constant)

    def named(self, account: Account, n: int) -> Account:
        """The account with the names that were remarked, where there are n."""
        return replace(account, names=self.names) if len(self.names) == n else account


def remarks_in(content: bytes) -> Remarks:
    """The remarks of a text; what is none, or holds no number, is an ordinary comment."""
    some = any(key in content for key in _KEYS)  # which is known long before a pattern has passed over all lines
    found = {key.decode(): value.decode("utf-8", "replace") for key, value in (_REMARK.findall(content) if some else ())}
    return Remarks(_number(found.get("constant")), names_of({NAMES: found.get("names", "[]")}), _says_maximize(found))


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and abs(value) < 1e300 else None


def _says_maximize(found: dict[str, str]) -> bool:
    return found.get("sense", "").strip() == f'"{MAXIMIZE}"'


def remark_lines(mark: str, constant: float | None, names: tuple[Hashable, ...], maximize: bool) -> Iterator[str]:
    """The comment lines that say so."""
    if maximize:
        yield f'{mark} sense="{MAXIMIZE}"'
    if constant is not None:
        yield f"{mark} constant={constant!r}"
    if names:
        yield f"{mark} names={json.dumps(plain_names(names), ensure_ascii=True, separators=(',', ':'))}"
