"""Writes the reference pages of docs/ and tables in others: `python -m bioasm.reference [--check] [FOLDER]`."""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from math import inf
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from bioasm.diagnostics import BioasmError
from bioasm.diagnostics.codes import CODES
from bioasm.files import whole
from bioasm.isa.kinds import Kind
from bioasm.isa.limits import LIMITS
from bioasm.isa.table import GROUPS, ROWS, Row, Slot, group_of
from bioasm.models import DEFAULT_MODEL, MODELS
from bioasm.models.base import MECHANISM, SYNAPSE, Model, Parameter
from bioasm.models.equations import equation_lines
from bioasm.network.network import variables_of
from bioasm.units import NO_UNIT, Dimension, Exponents, spell, spell_number, spell_unit

if TYPE_CHECKING:
    from bioasm.models.sections import Section

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


def unit_of(unit: Exponents) -> str:
    """A unit in words; empty for a pure number."""
    return "" if unit == NO_UNIT else spell_unit(unit)


def clock_of(model: Model) -> str:
    """The clock that RUN counts in: `time` or `sweeps`."""
    return "sweeps" if model.clock is Dimension.SWEEPS else "time"


def describe_noise(model: Model) -> str:
    """The meaning of SIG for a model, with the value before any SIG."""
    if not model.noise_name:
        return "not for it: it has no noise"
    what = "the temperature" if model.noise is Dimension.NONE else f"a {model.noise}"
    return f"{what}, {' '.join(spell(model.noise_default, model.noise)).rstrip()} without it"


def describe_counts(model: Model) -> str:
    """The meaning of RUN and SIG for a neuron model; the use of a mechanism or synapse."""
    if model.kind == MECHANISM:
        return "A mechanism: MECH inserts it into every neuron of a population."
    if model.kind == SYNAPSE:
        return "A synapse: VIA attaches it to the connections of a projection."
    return f"RUN counts in {clock_of(model)}. SIG is {describe_noise(model)}."


class Part(NamedTuple):
    """A table of a model's page: its title, the instructions that name its entries, and rows of name, unit, summary."""

    title: str
    named_by: str
    rows: list[tuple[str, str, str]]


def parts_of(model: Model) -> list[Part]:
    """All tables of a model's page that are not empty; what GET reads is marked by a star."""
    parameters = [(p.name, spelled(p.default, p), _note(p)) for p in model.parameters]
    ports = [(p.name or "(without a name)", unit_of(p.unit), p.summary) for p in model.ports]
    watched = [(v.name, v.dimension.symbol, v.summary) for v in variables_of(model)]
    observables = [(o.name + "*" * o.register, o.dimension.symbol, o.summary) for o in model.observables]
    parts = [
        Part("Parameters", "SET", parameters),
        Part("Inputs", "INP, PLAY", [(i.name, unit_of(i.unit), i.summary) for i in model.inputs]),
        Part("Ports", "SYN, EVT, RATE", ports),
        Part("Uses", "", [(u.name, unit_of(u.unit), _used(model)) for u in model.uses]),
        Part(
            "Delays", "SET", [(h.delay, "s", f"of `on {' '.join(filter(None, (h.event, h.name)))}:`") for h in model.handlers]
        ),
        Part("Variables", "REC, PEEK, RD", watched),
        Part("Observables", "RD; those marked * also GET", observables),
    ]
    return [part for part in parts if part.rows]


def _used(model: Model) -> str:
    return "of a neuron at one end" if model.kind == SYNAPSE else "read from its neuron or another mechanism on it"


def _note(p: Parameter) -> str:
    return p.summary + describe_range(p) + ("; before ALC only" if p.structural else "")


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
    table = ["", *_table(("operand", "meaning", "forms", "units", "range"), operands)] if operands else []
    example = ["", "```", *row.example.rstrip("\n").splitlines(), "```"]
    return ["", f"### {row.mnemonic}", "", f"`{row.form}`: {row.summary}. {facts}", *table, "", row.prose, *example]


def _operand(slot: Slot) -> tuple[str, ...]:
    kind = slot.kind
    numeric = "number" in kind.forms
    name = f"`{slot.name}`" + (" (optional)" if slot.optional else "")
    return name, kind.summary, ", ".join(kind.forms), _units(kind) if numeric else "", _range(kind) if numeric else ""


def models_page() -> str:
    """docs/models.md: every model and mechanism with its equations, parameters, variables and observables."""
    intro = [
        "# Models", "", NOTICE, "",
        f"`MODEL NAME` or `POP name, NAME, n` chooses a neuron model; without either a program runs on `{DEFAULT_MODEL}`. "
        "`MECH name, NAME, population` inserts a mechanism into a population. `bioasm models NAME` prints the same on the "
        "command line, and [language.md](language.md) describes how programs define their own.",
        "", *_table(("name", "kind", "summary"), [(f"[`{n}`](#{n})", MODELS.kind(n), MODELS.summary(n)) for n in MODELS]),
    ]  # fmt: skip
    return _page(intro + [line for model in MODELS.values() for line in _model(model)])


def _model(model: Model) -> list[str]:
    equations = equation_lines(model)
    shown = ["", "```", *equations, "```"] if equations else []
    source = ["", f"Source: {model.source}"] if model.source else []
    prose = ["", model.prose] if model.prose else []
    head = ["", f"## {model.name}", "", f"{model.summary}.", *prose, *shown, "", describe_counts(model)]
    return head + [line for part in parts_of(model) for line in _part(part)] + source


def _part(part: Part) -> list[str]:
    head = part.title + (f" ({part.named_by})" if part.named_by else "")
    second = "default" if part.title == "Parameters" else "unit"
    return [
        "",
        *_table((head, second, "meaning"), [(f"`{a}`", b, c) for a, b, c in part.rows]),
    ]


def errors_page() -> str:
    """docs/errors.md: every error code with its explanation."""
    intro = ["# Errors", "", NOTICE, "", "`bioasm explain CODE` prints the same on the command line."]
    return _page(intro + [line for code in CODES for line in _code(code)])


def _code(code: str) -> list[str]:
    title, explanation = CODES[code]
    return ["", f"## {code}: {title}", "", explanation]


def limits_page() -> str:
    """docs/limits.md: every limit with its reason."""
    intro = ["# Limits", "", NOTICE, "", "A program or file that exceeds a limit is refused with error B111.", ""]
    return _page(
        intro + _table(("limit", "value", "meaning and reason"), [(k, f"{v.value:,}", v.reason) for k, v in LIMITS.items()])
    )


def api_page() -> str:
    """docs/api.md: every public name of `import bioasm`, from its docstring."""
    import bioasm

    intro = [
        "# Python API", "", NOTICE, "",
        "The public names of `import bioasm` (`bioasm/api/` and the types it returns). [python.md](python.md) has examples.",
    ]  # fmt: skip
    names = [name for name in bioasm.__all__ if not name.startswith("_")]
    return _page(intro + [line for name in names for line in _public(f"bioasm.{name}", getattr(bioasm, name), 2)])


def _public(name: str, thing: Any, level: int) -> list[str]:
    """A function, a property or a class with what it defines itself."""
    said = inspect.getdoc(thing) or ""
    lines = ["", f"{'#' * level} {name}", "", *_signature(name, thing), *said.splitlines()]
    if inspect.isclass(thing) and not issubclass(thing, BaseException):
        kinds = (property, classmethod, FunctionType)
        public = {n: getattr(thing, n) for n, v in vars(thing).items() if not n.startswith("_") and isinstance(v, kinds)}
        return lines + [line for n, v in public.items() for line in _public(f"{name.rpartition('.')[2]}.{n}", v, level + 1)]
    return lines


def _signature(name: str, thing: Any) -> list[str]:
    """How a function is called; of a class where its constructor is written by hand."""
    is_data = inspect.isclass(thing) and hasattr(thing, "__dataclass_fields__")
    if isinstance(thing, property) or is_data or not callable(thing):
        return []
    parameters = list(inspect.signature(thing).parameters.values())
    parts = [re.sub(r": '([^']*)'", r": \1", str(p)) for p in parameters if p.name != "self"]
    kinds = [p.kind for p in parameters if p.name != "self"]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        parts.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    one = f"{name}({', '.join(parts)})"
    return ["```", one if len(one) < 100 else f"{name}(\n    " + ",\n    ".join(parts) + ",\n)", "```", ""]


def sections_table() -> list[str]:
    """The table of docs/model-language.md: every section of a model's text with its lines."""
    from bioasm.models.sections import KINDS, ROWS, Form  # with Lark, which takes long to import

    heads: dict[tuple[str, tuple[Form, ...]], list[Section]] = {}
    for row in (row for row in ROWS if row.name):
        heads.setdefault((row.field, row.forms), []).append(row)
    lines = []
    for (_, forms), rows in heads.items():
        names = [f"`{head}:`" for row in rows for head in (row.heads or (row.name, f"{row.name} NAME")[: 1 + row.labels])]
        kinds = [_having(kind, rows) for kind in KINDS if kind in rows[0].kinds]
        first = (", ".join(names), "all" if len(kinds) == len(KINDS) else ", ".join(kinds))
        lines += [(*(first if form is forms[0] else ("", "")), f"`{form.example}`", form.says) for form in forms]
    return _table(("section", "in", "line", "meaning"), lines)


def _having(kind: str, rows: Sequence[Section]) -> str:
    """A kind of text, with the one section that it has of several of one form."""
    return kind if all(kind in row.kinds for row in rows) else f"{kind} (`{rows[0].name}:` alone)"


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
    "api.md": api_page,
}


# Tables in pages that are written by hand, between two comments that name them.
TABLES: dict[str, tuple[str, Callable[[], list[str]]]] = {"model-language.md": ("sections", sections_table)}


# --- writing and checking ---------------------------------------------------------------------------


def write_pages(folder: Path) -> None:
    """Write every page and table into `folder`."""
    for path, fresh in _fresh(folder):
        with whole(path) as stream:
            stream.write(fresh.encode())


def _written(folder: Path) -> int:
    """Write the pages; 0, or 1 and why not."""
    try:
        write_pages(folder)
    except BioasmError as fault:
        sys.stderr.write(f"{fault}\n")
        return fault.exit_code
    return 0


def stale_pages(folder: Path) -> list[str]:
    """The difference of each page in `folder` to what the tables say; empty where all are fresh."""
    return [line for path, fresh in _fresh(folder) for line in _difference(path, fresh)]


def _fresh(folder: Path) -> Iterable[tuple[Path, str]]:
    """Every page as it has to be; of those written by hand the ones that are in `folder`."""
    yield from ((folder / name, page()) for name, page in PAGES.items())
    for name, (mark, table) in TABLES.items():
        if (folder / name).exists():
            yield folder / name, with_table((folder / name).read_text(encoding="utf-8"), mark, table())


def with_table(page: str, mark: str, table: list[str]) -> str:
    """A page with a table between its two comments `<!-- MARK: ... -->` and `<!-- end of MARK -->`."""
    found = re.fullmatch(rf"(.*<!-- {mark}: [^\n]*-->\n).*(<!-- end of {mark} -->.*)", page, re.DOTALL)
    assert found is not None, f"a page lacks the comments around its table `{mark}`"
    return found[1] + _page(table) + found[2]


def _difference(path: Path, fresh: str) -> list[str]:
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = (written.splitlines(keepends=True), fresh.splitlines(keepends=True))
    return list(difflib.unified_diff(*lines, str(path), "from the tables"))


def main(args: Sequence[str]) -> int:
    """Write the pages, or with --check compare them: 0 where all are fresh, 1 and a diff where one is not."""
    folder = Path(next((a for a in args if not a.startswith("-")), "docs"))
    if "--check" not in args:
        return _written(folder)
    difference = stale_pages(folder)
    sys.stdout.writelines(difference)
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
