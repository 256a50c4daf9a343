"""How diagnostics look, for people and for programs."""

from __future__ import annotations

import json

import pytest

from bioasm.diagnostics import Diagnostic, Span
from bioasm.diagnostics.codes import CODES
from bioasm.diagnostics.render import (
    SHOWN_AT_MOST,
    WRITERS,
    in_order,
    render_github,
    render_json,
    render_sarif,
    render_text,
)


def finding(line: int = 3, column: int = 5, end: int = 8, **other) -> Diagnostic:
    fields = {"code": "B005", "message": "there is no unit Vx", "excerpt": "RUN Vx1", **other}
    return Diagnostic(span=Span(fields.pop("source", "a.basm"), line, column, end), **fields)


# --- text -------------------------------------------------------------------------------------------


def test_text_has_place_code_message_line_caret_and_hint() -> None:
    assert render_text([finding(excerpt="SIG 10 Vx", column=8, end=10, hint="did you mean V?")]) == (
        "a.basm:3:8: error[B005]: there is no unit Vx\n"
        "  SIG 10 Vx\n"
        "         ^^\n"
        "  hint: did you mean V?\n"
    )  # fmt: skip


def test_a_finding_without_a_place_is_its_message() -> None:
    assert render_text([Diagnostic("B301", "can't read x")]) == "error[B301]: can't read x\n"


def test_a_finding_without_its_line_has_no_caret() -> None:
    assert "^" not in render_text([finding(excerpt=None)])


@pytest.mark.parametrize(
    ("excerpt", "column", "end", "caret"),
    [
        ("ALC 4", 1, 4, "  ^^^"),
        ("ALC 4", 5, 5, "      ^"),
        ("ALC 4", 6, 6, "       ^"),
        ("ALC 4", 99, 99, "       ^"),
        ("ALC 4", 3, 99, "    ^^^"),
        ("ALC 4", 3, 1, "    ^"),
        ("ALC 4", 0, 0, "  ^"),
        ("", 1, 1, "  ^"),
        ("\tALC x", 6, 7, "       ^"),
        ("日本 x", 4, 5, "       ^"),
        ("日本 x", 1, 3, "  ^^^^"),
        ("e\u0301 x", 4, 5, "    ^"),
    ],
)
def test_the_caret_stands_below_its_span(excerpt: str, column: int, end: int, caret: str) -> None:
    assert render_text([finding(column=column, end=end, excerpt=excerpt)]).splitlines()[2] == caret


@pytest.mark.parametrize("column", [1, 50, 99, 5_000, 9_999, 10_000])
def test_a_long_line_is_cut_around_the_caret(column: int) -> None:
    excerpt = "".join(chr(ord("a") + k % 26) for k in range(10_000))
    _, shown, caret = render_text([finding(column=column, end=column + 1, excerpt=excerpt)]).splitlines()
    assert len(shown) < 120
    assert shown[caret.index("^")] == excerpt[column - 1]


def test_a_span_over_a_long_line_has_carets_for_what_is_shown() -> None:
    _, shown, caret = render_text([finding(column=1, end=10_001, excerpt="x" * 10_000)]).splitlines()
    assert caret.count("^") == shown.count("x") == 100


def test_control_characters_of_a_source_do_not_reach_the_terminal() -> None:
    text = render_text([finding(message="no unit \x1b[31m", excerpt="SIG \x1b[2J\x07\u202e", source="a\n.basm")])
    assert set(map(ord, text)) & {*range(10), *range(11, 32), 0x7F, 0x202E} == set()
    assert text.count("\n") == 3


def test_findings_are_sorted_by_place_and_counted() -> None:
    found = [finding(9), Diagnostic("B401", "out of fuel"), finding(2, 4), finding(2, 1, severity="warning")]
    lines = [line for line in render_text(found).splitlines() if not line.startswith(" ")]
    assert [line.split(" ")[0] for line in lines] == ["a.basm:2:1:", "a.basm:2:4:", "a.basm:9:5:", "error[B401]:", "3"]
    assert lines[-1] == "3 errors, 1 warning"


def test_sources_keep_their_order() -> None:
    found = [finding(1, source="z.basm"), finding(1, source="a.basm"), finding(0, source="z.basm")]
    assert [(d.span.source, d.span.line) for d in in_order(found)] == [("z.basm", 0), ("z.basm", 1), ("a.basm", 1)]


def test_one_finding_is_not_counted() -> None:
    assert "1 error" not in render_text([finding()])


def test_of_very_many_findings_the_first_are_shown() -> None:
    text = render_text([finding(k + 1) for k in range(SHOWN_AT_MOST + 7)])
    assert text.count("error[B005]") == SHOWN_AT_MOST
    assert text.endswith(f"... and 7 more\n{SHOWN_AT_MOST + 7} errors\n")


def test_no_findings_no_text() -> None:
    assert render_text([]) == ""


def test_colour_only_where_it_is_wanted() -> None:
    assert "\x1b" not in render_text([finding(hint="x")])
    assert "\x1b[1;31merror[B005]:\x1b[0m" in render_text([finding()], color=True)
    assert "\x1b[1;33mwarning[B005]:\x1b[0m" in render_text([finding(severity="warning")], color=True)


def test_colour_changes_nothing_but_colour() -> None:
    import re

    found = [finding(hint="so"), Diagnostic("B301", "no")]
    assert re.sub(r"\x1b\[[0-9;]*m", "", render_text(found, color=True)) == render_text(found)


# --- json -------------------------------------------------------------------------------------------


def test_json_is_one_object_a_line() -> None:
    lines = render_json([finding(2), finding(1, hint="so")]).splitlines()
    first, second = map(json.loads, lines)
    assert first == {
        "code": "B005",
        "severity": "error",
        "title": "unknown unit",
        "message": "there is no unit Vx",
        "source": "a.basm",
        "line": 1,
        "column": 5,
        "end_column": 8,
        "hint": "so",
    }
    assert (second["line"], second["hint"]) == (2, None)


def test_json_without_a_place_has_no_line() -> None:
    assert "line" not in json.loads(render_json([Diagnostic("B301", "no")]))


# --- github -----------------------------------------------------------------------------------------


def test_github_command() -> None:
    expected = "::error file=a.basm,line=3,col=5,endColumn=8,title=B005 unknown unit::there is no unit Vx\n"
    assert render_github([finding()]) == expected


def test_github_warning_without_a_place() -> None:
    expected = "::warning title=B117 unreachable instruction::never\n"
    assert render_github([Diagnostic("B117", "never", severity="warning")]) == expected


def test_github_escapes() -> None:
    text = render_github([finding(source="a:b,c%.basm", message="50 %\nthen: this, that", hint="h")])
    assert "file=a%3Ab%2Cc%25.basm," in text
    assert text.endswith("::50 %25%0Athen: this, that%0Ahint: h\n")


# --- sarif ------------------------------------------------------------------------------------------


def test_sarif_log() -> None:
    log = json.loads(render_sarif([finding(), finding(9, code="B117", severity="warning", hint="h")]))
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert log["version"] == "2.1.0"
    assert rules == ["B005", "B117"]
    assert [rules[r["ruleIndex"]] for r in run["results"]] == [r["ruleId"] for r in run["results"]]
    assert [r["level"] for r in run["results"]] == ["error", "warning"]
    assert run["results"][1]["message"]["text"].endswith("\nhint: h")


def test_sarif_place() -> None:
    (result,) = json.loads(render_sarif([finding(source="a b.basm")]))["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b.basm"}
    assert place["region"] == {"startLine": 3, "startColumn": 5, "endColumn": 8}


def test_sarif_of_an_absolute_path_is_a_file_uri() -> None:
    assert '"uri": "file:///x/a.basm"' in render_sarif([finding(source="/x/a.basm")])


def test_sarif_without_findings_is_a_whole_log() -> None:
    assert json.loads(render_sarif([]))["runs"][0]["results"] == []


def test_sarif_without_a_place_has_no_location() -> None:
    (result,) = json.loads(render_sarif([Diagnostic("B301", "no")]))["runs"][0]["results"]
    assert "locations" not in result


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("code", ["B001", "B117", "B901"])
def test_every_writer_tells_the_code(form: str, code: str) -> None:
    assert code in WRITERS[form]([Diagnostic(code, "words")])


# --- the table of codes -----------------------------------------------------------------------------


def test_codes_are_in_order_and_explained() -> None:
    assert list(CODES) == sorted(CODES)
    assert all(row.title and row.explanation.endswith(".") for row in CODES.values())


def test_a_diagnostic_needs_a_code_of_the_table() -> None:
    with pytest.raises(KeyError, match="B999"):
        Diagnostic("B999", "no such")
