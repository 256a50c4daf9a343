"""The table of sections: its examples are of its grammar, what it says of kinds holds, and what derives from it is whole."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from bioasm.models.base import MECHANISM, NEURON, SPINS, SYNAPSE, Model
from bioasm.models.grammar import FORMS, KEYWORDS, START, parser
from bioasm.models.heads import HEADS
from bioasm.models.scanner import read_block
from bioasm.models.sections import KINDS, NAMES, ROWS, SECTIONS, Form, Section
from bioasm.models.syntax_tree import RawModel
from bioasm.reference import sections_table, with_table
from tests.models.language.support import findings

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = [(row, form) for row in ROWS for form in row.forms]
BLOCKS = {NEURON: ".model x {\n state: v = 0\n", MECHANISM: ".mechanism x {\n", SPINS: ".model x {\n spins: s\n"}
BLOCKS[SYNAPSE] = ".synapse x {\n"


@pytest.mark.parametrize(("row", "form"), EXAMPLES, ids=[f"{row.name}:{form.example}" for row, form in EXAMPLES])
def test_an_example_is_of_its_own_form(row: Section, form: Form) -> None:
    tree = parser().parse(form.example, start=START[row.name])
    assert FORMS[tree.data] is form


def test_names_are_those_of_one_row_each() -> None:
    assert len(SECTIONS) == len(ROWS) == len(NAMES) + 1


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_field_is_one_of_the_models(row: Section) -> None:
    known = {field.name for field in (*fields(RawModel), *fields(Model))}
    assert row.field in known


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_section_is_refused_where_it_is_not_allowed(kind: str, name: str) -> None:
    found = [finding.message for finding in findings(f"{BLOCKS[kind]} {name}:\n}}")]
    refused = [message for message in found if message.endswith(f" has no section `{name}:`{KINDS[kind].reason}")]
    # Of a mechanism's sections a model of spins is told what any other model is.
    refused += [message for message in found if kind == SPINS and message == f"a neuron model has no section `{name}:`"]
    assert len(refused) == (kind not in SECTIONS[name].kinds)


def test_words_of_the_grammar() -> None:
    later = {"fixed", "using", "unless", "every", "within", "inclusive", "crosses", "event", "send"}
    assert later | {"and", "or", "not", "of", "in"} == KEYWORDS


def test_each_head_begins_a_block() -> None:
    from bioasm.models.findings import Findings

    for head, kind in HEADS.items():
        text = f".{head} x {{ }}"
        block = read_block(text, Findings(text, "x", 1))
        assert block is not None and block.kind == kind


def test_what_stands_once_is_told() -> None:
    found = findings('.model x {\n source:\n  "one"\n  "two"\n state: v = 0\n}')
    assert [(f.code, f.message, f.span and f.span.line) for f in found] == [("B026", "`source:` says one thing", 4)]


def test_of_two_declarations_the_second_is_told() -> None:
    found = findings(".model x {\n state:\n  a = 1\n parameters:\n  a = 2\n}")
    assert [(f.message, f.span and f.span.line) for f in found] == [("`a` is a state already", 5)]


def test_the_page_holds_the_table() -> None:
    page = (DOCS / "model-language.md").read_text(encoding="utf-8")
    assert with_table(page, "sections", sections_table()) == page, "run `python -m bioasm.reference`"


def test_a_table_that_is_stale_is_written_anew() -> None:
    page = "a\n<!-- t: by hand -->\n| old |\n<!-- end of t -->\nb\n"
    assert with_table(page, "t", ["| new |"]) == page.replace("old", "new")


ROW_ALONE = """
from bioasm.models import sections
from bioasm.models.dimensions import SECOND

def expression(reader, children):
    return reader.expression(children[0])

def evaluated(model):
    if model["source"]:
        yield sections.Evaluated("the cost", model["source"], unit=SECOND)

forms = (sections.Form("sum", expression, "0.1*g", "what a step costs"),)
row = sections.Section(
    "cost", frozenset({"neuron"}), "source", forms, "the cost is `cost: expression`", once=True,
    evaluated=evaluated,
)
sections.ROWS = (*sections.ROWS, row)
sections.SECTIONS["cost"] = row
sections.NAMES = (*sections.NAMES, "cost")

from bioasm.diagnostics import BioasmError
from bioasm.models.parse import read_model

def told(text):
    try:
        return read_model(text, "x", 1).source
    except BioasmError as fault:
        return [f"{d.code} {d.message}; {d.hint}" for d in fault.diagnostics]

from bioasm.models.algebra import spell
print(spell(told(".model x { \\n state: v = 0\\n cost: 2*v*(1 ms)\\n}")))
for text in ("cost: nope*(1 s)", "cost: 2", "cost: 2 s)", "cost: 1 s\\n 2 s", "parameters: cost = 1"):
    print(*told(".model x { \\n state: v = 0\\n " + text + "\\n}"), sep="\\n")
print(*told(".mechanism x { \\n cost: 1 s\\n}"), sep="\\n")
"""


def test_a_row_and_its_reader_are_all_that_a_section_needs() -> None:
    """A toy section with an expression, added before the table is used, is parsed, checked and refused like any other."""
    run = subprocess.run([sys.executable, "-c", ROW_ALONE], capture_output=True, text=True, check=False)
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        "2 * v * 1 ms",
        "B021 `nope` is not defined in this neuron; declare it under parameters:, inputs: or definitions:",
        "B022 the cost is a value in s; this is a pure number; write the number with its unit: 2 ms",
        "B020 `)` can't stand here; this parenthesis closes none",
        "B026 `cost:` says one thing; None",
        "B025 parameter `cost`: that is a word of the language; take another name, such as cost_ or cost0",
        "B028 a mechanism has no section `cost:`; None",
    ]
