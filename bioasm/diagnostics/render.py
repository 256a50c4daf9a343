"""How diagnostics are shown: for people as text with a caret, for programs as json, sarif or github."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bioasm.diagnostics import Diagnostic, Span
from bioasm.diagnostics.codes import CODES

SHOWN_WIDTH = 100
SHOWN_AT_MOST = 100
_BEFORE_CARET = 40

_RESET, _BOLD, _CYAN = "\x1b[0m", "\x1b[1m", "\x1b[36m"
_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m"}


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sorted by place. Sources keep the order they first appear in; findings without a place come last."""
    found = list(diagnostics)
    sources = {d.span.source: None for d in found if d.span}
    rank = {source: k for k, source in enumerate(sources)}

    def place(d: Diagnostic) -> tuple[int, int, int]:
        return (rank[d.span.source], d.span.line, d.span.column) if d.span else (len(rank), 0, 0)

    return sorted(found, key=place)


# --- text -------------------------------------------------------------------------------------------


def render_text(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """Findings as people read them: place, code, message, source line, caret, hint; a count where there are several."""
    found = in_order(diagnostics)
    blocks = [_block(d, color) for d in found[:SHOWN_AT_MOST]]
    if len(found) > SHOWN_AT_MOST:
        blocks.append(f"... and {len(found) - SHOWN_AT_MOST} more\n")
    if len(found) > 1:
        blocks.append(_count(found) + "\n")
    return "".join(blocks)


def _block(d: Diagnostic, color: bool) -> str:
    paint = _painter(color)
    place = paint(_BOLD, f"{visible(d.span.source)}:{d.span.line}:{d.span.column}: ") if d.span else ""
    lines = [place + paint(_COLOURS[d.severity], f"{d.severity}[{d.code}]:") + " " + visible(d.message)]
    if d.span and d.excerpt is not None:
        source, caret = _pointed(d.excerpt, d.span)
        lines += ["  " + source, "  " + paint(_COLOURS[d.severity], caret)]
    if d.hint:
        lines.append("  " + paint(_CYAN, "hint:") + " " + visible(d.hint))
    return "\n".join(lines) + "\n"


def _painter(color: bool) -> Callable[[str, str], str]:
    def paint(style: str, text: str) -> str:
        return f"{style}{text}{_RESET}" if color else text

    return paint


def _count(found: Sequence[Diagnostic]) -> str:
    errors = sum(d.severity == "error" for d in found)
    counts = (("error", errors), ("warning", len(found) - errors))
    return ", ".join(f"{n} {word}{'s' * (n != 1)}" for word, n in counts if n)


def visible(text: str) -> str:
    """The text with control characters spelled out, so that a source can't steer the terminal."""
    return "".join(c if c.isprintable() or c == " " else _spelled(c) for c in text)


def _spelled(c: str) -> str:
    return " " if c == "\t" else c.encode("unicode_escape").decode()


def _pointed(excerpt: str, span: Span) -> tuple[str, str]:
    """The source line, cut around the place where it is long, and the line of carets below it."""
    first = min(max(span.column - 1, 0), len(excerpt))
    last = max(first, min(span.end_column - 1, len(excerpt)))
    start = max(0, first - _BEFORE_CARET) if len(excerpt) > SHOWN_WIDTH else 0
    end = min(len(excerpt), start + SHOWN_WIDTH)
    before, marked = visible(excerpt[start:first]), visible(excerpt[first : min(last, end)])
    shown = before + marked + visible(excerpt[min(last, end) : end])
    left, right = "..." * (start > 0), "..." * (end < len(excerpt))
    caret = " " * (len(left) + _columns(before)) + "^" * max(1, _columns(marked))
    return left + shown + right, caret


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


# --- for programs -----------------------------------------------------------------------------------


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """One JSON object a line; fields may be added in later versions, none changes its meaning."""
    from bioasm.diagnostics.jsontext import dumps

    return "".join(dumps(to_object(d)) + "\n" for d in in_order(diagnostics))


def to_object(d: Diagnostic) -> dict[str, Any]:
    """A finding as a JSON object: code, severity, message, hint, and the place with lines and columns from 1."""
    finding = {"code": d.code, "severity": d.severity, "title": CODES[d.code].title, "message": d.message}
    span = d.span
    place = {f: getattr(span, f) for f in ("source", "line", "column", "end_column")} if span else {}
    return {**finding, **place, "hint": d.hint}


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """Workflow commands that GitHub shows beside the changed lines."""
    return "".join(_command(d) for d in in_order(diagnostics))


def _command(d: Diagnostic) -> str:
    fields = {"file": d.span.source, "line": d.span.line, "col": d.span.column} if d.span else {}
    if d.span and d.span.end_column > d.span.column:
        fields["endColumn"] = d.span.end_column
    fields["title"] = f"{d.code} {CODES[d.code].title}"
    properties = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in fields.items())
    return f"::{d.severity} {properties}::{_escaped(_with_hint(d))}\n"


def _with_hint(d: Diagnostic) -> str:
    return f"{d.message}\nhint: {d.hint}" if d.hint else d.message


def _escaped(text: str, also: str = "") -> str:
    for c in "%\r\n" + also:
        text = text.replace(c, f"%{ord(c):02X}")
    return text


def render_sarif(diagnostics: Iterable[Diagnostic]) -> str:
    """A SARIF 2.1.0 log with one run, for the services that collect findings in that form."""
    from bioasm import __version__
    from bioasm.diagnostics.jsontext import dumps

    found = in_order(diagnostics)
    codes = sorted({d.code for d in found})
    tool = {"name": "bioasm", "version": __version__, "rules": [_rule(code) for code in codes]}
    run = {
        "tool": {"driver": tool},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(d, codes.index(d.code)) for d in found],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return dumps(log, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    title, explanation = CODES[code]
    return {"id": code, "shortDescription": {"text": title}, "fullDescription": {"text": explanation}}


def _sarif_result(d: Diagnostic, rule: int) -> dict[str, Any]:
    message = {"text": _with_hint(d)}
    result: dict[str, Any] = {"ruleId": d.code, "ruleIndex": rule, "level": d.severity, "message": message}
    if d.span:
        region = {"startLine": d.span.line, "startColumn": d.span.column, "endColumn": d.span.end_column}
        result["locations"] = [{"physicalLocation": {"artifactLocation": {"uri": _uri(d.span.source)}, "region": region}}]
    return result


def _uri(source: str) -> str:
    from pathlib import Path
    from urllib.parse import quote

    path = Path(source)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix(), safe="/", errors="surrogateescape")


WRITERS: dict[str, Callable[[Iterable[Diagnostic]], str]] = {
    "text": render_text,
    "json": render_json,
    "sarif": render_sarif,
    "github": render_github,
}
