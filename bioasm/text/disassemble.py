"""Disassembler: a text that assembles to exactly the same Program."""

from __future__ import annotations

import binascii
from collections import Counter
from collections.abc import Iterator

from bioasm.diagnostics import Span, error
from bioasm.isa.formulas import lane_constants, work_out
from bioasm.isa.modeltext import check_model_text
from bioasm.isa.names import name_fault
from bioasm.isa.program import ConstantRef, DataRef, Instruction, Name, Operand, Program, Quantity, Register, Target
from bioasm.isa.table import Slot
from bioasm.network.subgroup import is_subgroup
from bioasm.text.document import Item, Line, Statement
from bioasm.text.printer import print_lines
from bioasm.text.spelling import spell_data, spell_quantity
from bioasm.text.strings import quote

_INLINE = 100  # longest unnamed data, in characters, that are written inline
_METADATA = ("title", "author", "source")


_NOTHING = "; a program without instructions\n"  # an empty text would be rejected


def disassemble(program: Program) -> str:
    """Disassemble a program; `assemble` of the text gives the same program.

    Jump targets without a label and data without a name get names that start with `@`, which assembling does not keep.
    Raises BioasmError for a program without a textual form: B015 and B008 for its names, B109 for numbers that are not
    finite, B112 for a jump out of it, B128 for the text of a model, B208 for a dangling operand.
    """
    return print_lines(list(_Disassembler(program).lines())) or _NOTHING


def _directive(name: str, *operands: Item, value: Item | None = None) -> Statement:
    return Statement((), Item("directive", f".{name}"), operands, value)


def _number(value: int) -> Item:
    return Item("number", str(value))


def _string(text: str) -> Item:
    return Item("string", quote(text))


class _Disassembler:
    """State of the disassembler: the data blocks to be written inline, and the labels of jump targets."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.labels = self._labels_by_place()
        self.data: list[Item] = [spell_data(block.value) for block in program.data]
        self.inline = self._inline_blocks()
        self.values = {*program.constants, *(block.name for block in program.data)}
        self._check_names()

    def lines(self) -> Iterator[Line]:
        """All lines; parts are separated by empty ones."""
        leading = self._metadata(), self._sections(), self._models(), self._constants(), self._leading_data()
        for part in (*leading, self._instructions()):
            for number, statement in enumerate(part):
                yield Line(statement, blank_before=number == 0)

    # --- names --------------------------------------------------------------------------------------

    def _check_names(self) -> None:
        named = [*self.program.constants, *self.program.labels]
        named += [block.name for block in self.program.data if block.name is not None]
        for name in named:
            why = name_fault(name)
            if why is not None:
                raise error("B015", f"the name {name!r} can't stand in text: {why}")
        if len(set(named)) < len(named):
            raise error("B008", "a name stands for two things of the program")

    def _labels_by_place(self) -> dict[int, list[str]]:
        """The labels at each instruction; targets without one get a local label."""
        count = len(self.program.instructions)
        places: dict[int, list[str]] = {}
        for name, index in self.program.labels.items():
            places.setdefault(index, []).append(name)
        targets = [o.index for i in self.program.instructions for o in i.operands if isinstance(o, Target)]
        for index in sorted({*targets} - {*places}):
            places[index] = [f"@{len(places)}"]
        for index in places:
            if not 0 <= index <= count:
                raise error("B112", f"instruction {index} is outside of the program, which has {count}")
        return places

    def _inline_blocks(self) -> set[int]:
        """The blocks written inline, as operands: short, unnamed, used once, and used in the order of their numbers."""
        used = [o.index for i in self.program.instructions for o in i.operands if isinstance(o, DataRef)]
        if any(not 0 <= index < len(self.data) for index in used):
            raise error("B208", "an operand points to data that the program does not have")
        uses = Counter(used)
        inline: set[int] = set()
        last = -1
        for index in used:
            short = self.program.data[index].name is None and len(self.data[index].text) <= _INLINE
            if short and index > last and uses[index] == 1:
                inline.add(index)
                last = index
        return inline

    # --- parts --------------------------------------------------------------------------------------

    def _metadata(self) -> Iterator[Statement]:
        for key, text in self.program.metadata.items():
            if key in _METADATA:
                yield _directive(key, _string(text))
            else:
                word = Item("word", key) if name_fault(key) is None else _string(key)
                yield _directive("meta", word, _string(text))

    def _sections(self) -> Iterator[Statement]:
        for section in self.program.sections:
            content = binascii.b2a_base64(section.content, newline=False).decode("ascii")
            numbers = Item("number", f"0x{section.kind:x}"), Item("number", f"0x{section.flags:x}")
            yield _directive("section", *numbers, _string(content))

    def _models(self) -> Iterator[Statement]:
        for model in self.program.models:
            for finding in check_model_text(model):
                raise error(finding.code, finding.message)
            yield _directive(model.kind, Item("word", model.name), value=Item("block", model.body))

    def _constants(self) -> Iterator[Statement]:
        above, of_lanes = dict[str, Quantity](), lane_constants(self.program)
        for name, quantity in self.program.constants.items():
            formula = self.program.formulas.get(name)
            # Another machine's last digit may differ; and a number can't represent values of the lanes' own.
            follows = formula is not None and (name in of_lanes or work_out(formula, above) == quantity)
            yield _directive("const", Item("word", name), value=_string(formula or "") if follows else spell_quantity(quantity))
            above[name] = quantity

    def _leading_data(self) -> Iterator[Statement]:
        """The data blocks before the first inline one."""
        return self._data(0, min(self.inline, default=len(self.data)))

    def _data(self, first: int, end: int) -> Iterator[Statement]:
        for index in range(first, end):
            yield _directive("data", Item("word", self._data_name(index)), value=self.data[index])

    def _data_name(self, index: int) -> str:
        return self.program.data[index].name or f"@data{index}"

    def _instructions(self) -> Iterator[Statement]:
        shown = min(self.inline, default=len(self.data))
        for place, instruction in enumerate(self.program.instructions):
            for operand in instruction.operands:
                if isinstance(operand, DataRef) and operand.index in self.inline:
                    yield from self._data(shown, operand.index)
                    shown = operand.index + 1
            if self.program.has_spans:
                yield _location(instruction.span)
            labels = tuple(Item("label", name) for name in self.labels.get(place, ()))
            yield self._instruction(instruction)._replace(labels=labels)
        yield from self._data(shown, len(self.data))
        yield from self._end()

    def _end(self) -> Iterator[Statement]:
        """Labels after the last instruction, and the `.loc` of a program without instructions."""
        count = len(self.program.instructions)
        if self.program.has_spans and not count:
            yield _location(None)
        if count in self.labels:
            yield Statement(tuple(Item("label", name) for name in self.labels[count]))

    # --- operands -----------------------------------------------------------------------------------

    def _instruction(self, instruction: Instruction) -> Statement:
        if len(instruction.operands) > len(instruction.row.slots):
            raise error("B003", f"an {instruction.mnemonic} has {len(instruction.operands)} operands")
        pairs = zip(instruction.row.slots, instruction.operands, strict=False)
        return Statement(
            head=Item("instruction", instruction.mnemonic),
            operands=tuple(self._operand(slot, operand) for slot, operand in pairs),
        )

    def _operand(self, slot: Slot, operand: Operand) -> Item:
        match operand:
            case Register(index):
                return Item("word", f"r{index}")
            case Quantity():
                return spell_quantity(operand)
            case ConstantRef(name):
                return Item("word", name)
            case Target(index):
                return Item("word", self.labels[index][0])
            case DataRef(index):
                return self.data[index] if index in self.inline else Item("word", self._data_name(index))
            case Name(text):
                return self._name(slot, text)

    def _name(self, slot: Slot, text: str) -> Item:
        """A word, in quotes where it would be read as something else in this operand."""
        taken = len(slot.kind.forms) > 1 and text in self.values
        bare = name_fault(text) is None or is_subgroup(text)
        return Item("word", text) if bare and not taken else _string(text)


def _location(span: Span | None) -> Statement:
    if span is None:
        return _directive("loc")
    numbers = [_number(span.line), _number(span.column), _number(span.end_column)]
    return _directive("loc", _string(span.source), *numbers)
