"""Writes the reference pages of docs/ from the tables: `python -m bioasm.reference [--check] [FOLDER]`."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable, Sequence
from math import inf
from pathlib import Path

from bioasm.diagnostics.codes import CODES
from bioasm.isa.kinds import Kind
from bioasm.isa.limits import LIMITS
from bioasm.isa.table import GROUPS, ROWS, Row, Slot, group_of
from bioasm.models import DEFAULT_MODEL, MODELS, Model
from bioasm.models.base import Parameter
from bioasm.units import Dimension, spell, spell_number

NOTICE = "<!-- Written by `python -m bioasm.reference` from the tables of the code. Change those, not this page. -->"


# --- words for what the tables hold -----------------------------------------------------------------


def describe_kind(kind: Kind) -> str:
    """An operand kind in words: what it is, its forms, units and range."""
    parts = [kind.summary, "a " + " or ".join(kind.forms)]
    if "number" in kind.forms:
        parts += [words for words in (_units(kind), _range(kind)) if words]
    return "; ".join(parts)


def _units(kind: Kind) -> str:
    if kind.dimensions == tuple(Dimension):
        return "in any unit"
    symbols = [d.symbol for d in kind.dimensions if d is not Dimension.NONE]
    return f"bare or in {' or '.join(symbols)}" if symbols else ""


def _range(kind: Kind) -> str:
    whole = "whole, " if kind.whole else ""
    bounds = _bounds(kind.low, kind.high)
    return (whole + bounds) if bounds else whole.rstrip(", ")


def _bounds(low: float, high: float, open_low: bool = False) -> str:
    if low == -inf and high == inf:
        return ""
    if high == inf:
        return f"more than {spell_number(low)}" if open_low else f"at least {spell_number(low)}"
    return f"{spell_number(low)} to {spell_number(high)}"


def describe_range(p: Parameter) -> str:
    """The words that a parameter knows, or the range of its value, as the end of a sentence."""
    if p.words:
        return ": " + " or ".join(word for word, _ in p.words)
    bounds = _bounds(p.low, p.high, p.open_low)
    return f", {bounds}" if bounds else ""


def spelled(value: float, p: Parameter) -> str:
    """A value of a parameter as one would write it: a word, or a number with its unit."""
    word = next((w for w, number in p.words if number == value), None)
    return word or " ".join(spell(value, p.dimension)).rstrip()


def clock_of(model: Model) -> str:
    """What RUN counts in: `time` or `sweeps`."""
    return "sweeps" if model.clock is Dimension.SWEEPS else "time"


def describe_noise(model: Model) -> str:
    """What SIG means to a model, with the value before any SIG."""
    what = "the temperature" if model.noise is Dimension.NONE else f"a {model.noise}"
    return f"{what}, {' '.join(spell(model.noise_default, model.noise)).rstrip()} without it"


# --- pages ------------------------------------------------------------------------------------------


def instructions_page() -> str:
    """docs/instructions.md: every instruction with form, operands, prose and example."""
    intro = [
        "# Instructions", "", NOTICE, "",
        "Operands are separated by commas; those in brackets may be left out. A bare number is in SI units. "
        "`bioasm help MNEMONIC` prints the same on the command line.", "",
    ]  # fmt: skip
    index = _table(("instruction", "opcode", "does"), [(_link(r), f"0x{r.opcode:02x}", r.summary) for r in ROWS])
    return _page(intro + index + [line for group in GROUPS.values() for line in _group(group)])


def _link(row: Row) -> str:
    return f"[`{row.form}`](#{row.mnemonic.lower()})"


def _group(group: str) -> list[str]:
    rows = [row for row in ROWS if group_of(row) == group]
    return ["", f"## {group[0].upper()}{group[1:]}"] + [line for row in rows for line in _instruction(row)]


def _instruction(row: Row) -> list[str]:
    facts = f"Opcode 0x{row.opcode:02x}, since ISA version {row.since}. A driver needs the ability `{row.needs}`."
    operands = [_operand(slot) for slot in row.slots]
    table = ["", *_table(("operand", "is", "forms", "units", "range"), operands)] if operands else []
    example = ["", "```", *row.example.rstrip("\n").splitlines(), "```"]
    return ["", f"### {row.mnemonic}", "", f"`{row.form}`: {row.summary}. {facts}", *table, "", row.prose, *example]


def _operand(slot: Slot) -> tuple[str, ...]:
    kind = slot.kind
    numeric = "number" in kind.forms
    name = f"`{slot.name}`" + (" (optional)" if slot.optional else "")
    return name, kind.summary, ", ".join(kind.forms), _units(kind) if numeric else "", _range(kind) if numeric else ""


def models_page() -> str:
    """docs/models.md: every neuron model with its equations, parameters, variables and observables."""
    intro = [
        "# Neuron models", "", NOTICE, "",
        f"`MODEL NAME` chooses one; without it a program runs on `{DEFAULT_MODEL}`. "
        "`bioasm models NAME` prints the same on the command line.",
    ]  # fmt: skip
    return _page(intro + [line for model in MODELS.values() for line in _model(model)])


def _model(model: Model) -> list[str]:
    counts = f"RUN counts in {clock_of(model)}. SIG is {describe_noise(model)}."
    abilities = "Beyond the core it has the abilities " + ", ".join(f"`{a}`" for a in sorted(model.abilities)) + "."
    source = ["", f"Source: {model.source}"] if model.source else []
    head = ["", f"## {model.name}", "", f"{model.summary}.", "", model.prose, "", counts, abilities]
    return head + _model_tables(model) + source


def _model_tables(model: Model) -> list[str]:
    parameters = [
        (f"`{p.name}`", spelled(p.default, p), p.summary + describe_range(p), "before ALC" if p.structural else "")
        for p in model.parameters
    ]
    variables = [(f"`{v.name}`", v.dimension.symbol, v.summary) for v in model.variables]
    observables = [
        (f"`{o.name}`", o.dimension.symbol, "RD, GET" if o.register else "RD", o.summary) for o in model.observables
    ]
    return [
        "", *_table(("parameter", "default", "is", "set"), parameters),
        "", *_table(("variable", "unit", "is"), variables),
        "", *_table(("observable", "unit", "read by", "is"), observables),
    ]  # fmt: skip


def errors_page() -> str:
    """docs/errors.md: every error code with its explanation."""
    intro = ["# Errors", "", NOTICE, "", "`bioasm explain CODE` prints the same on the command line."]
    return _page(intro + [line for code in CODES for line in _code(code)])


def _code(code: str) -> list[str]:
    title, explanation = CODES[code]
    return ["", f"## {code}: {title}", "", explanation]


def limits_page() -> str:
    """docs/limits.md: every limit with its reason."""
    intro = ["# Limits", "", NOTICE, "", "What goes over one of these is refused with error B111.", ""]
    return _page(intro + _table(("limit", "number", "of"), [(k, f"{v.value:,}", v.reason) for k, v in LIMITS.items()]))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *(_row([cell.replace("|", "\\|") for cell in row]) for row in rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _page(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "instructions.md": instructions_page,
    "models.md": models_page,
    "errors.md": errors_page,
    "limits.md": limits_page,
}


# --- writing and checking ---------------------------------------------------------------------------


def write_pages(folder: Path) -> None:
    """Write every page into `folder`."""
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


def stale_pages(folder: Path) -> list[str]:
    """The difference of each page in `folder` to what the tables say; empty where all are fresh."""
    return [line for name, page in PAGES.items() for line in _difference(folder / name, page())]


def _difference(path: Path, fresh: str) -> list[str]:
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = (written.splitlines(keepends=True), fresh.splitlines(keepends=True))
    return list(difflib.unified_diff(*lines, str(path), "from the tables"))


def main(args: Sequence[str]) -> int:
    """Write the pages, or with --check compare them: 0 where all are fresh, 1 and a diff where one is not."""
    folder = Path(next((a for a in args if not a.startswith("-")), "docs"))
    if "--check" not in args:
        write_pages(folder)
        return 0
    difference = stale_pages(folder)
    sys.stdout.writelines(difference)
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
