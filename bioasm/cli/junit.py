"""Findings of comparisons and tests as JUnit XML, which CI systems show as a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from bioasm.files import whole

_UNPRINTABLE = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Case(NamedTuple):
    """One test: the group that it belongs to, its name, and why it failed (empty where it passed)."""

    group: str
    name: str
    failure: str = ""
    seconds: float = 0.0


def document(suite: str, cases: Sequence[Case]) -> bytes:
    """The XML of one suite of tests."""
    failed = sum(bool(case.failure) for case in cases)
    root = Element("testsuites")
    counts = {"tests": str(len(cases)), "failures": str(failed), "errors": "0", "skipped": "0"}
    top = SubElement(root, "testsuite", {"name": suite, **counts, "time": f"{sum(case.seconds for case in cases):.3f}"})
    for case in cases:
        words = {"classname": _plain(case.group), "name": _plain(case.name), "time": f"{case.seconds:.3f}"}
        node = SubElement(top, "testcase", words)
        if case.failure:
            SubElement(node, "failure", {"message": _plain(case.failure.partition("\n")[0])}).text = _plain(case.failure)
    body: bytes = tostring(root, "utf-8")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + body + b"\n"


def write(path: str, suite: str, cases: Sequence[Case]) -> None:
    """Write the file. Raises BioasmError B302."""
    content = document(suite, cases)
    with whole(path) as stream:
        stream.write(content)


def _plain(text: str) -> str:
    """Without the characters that XML has no form for."""
    return _UNPRINTABLE.sub("?", text)
