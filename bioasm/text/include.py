"""Inclusion of files (`.include`): path lookup and detection of cycles."""

from __future__ import annotations

from pathlib import Path

from bioasm.diagnostics import BioasmError
from bioasm.files import reason, refuse_empty
from bioasm.isa.limits import limit
from bioasm.text.assembly import AssemblyState, Place
from bioasm.text.document import Document, Item
from bioasm.text.operands import Fault, read_string
from bioasm.text.parser import parse


def include(state: AssemblyState, place: Place, item: Item) -> None:
    """Process the file that `item` names, relative to the including file, in place of the directive. Raises Fault."""
    from bioasm.text.assemble import take_in

    try:
        path = place.folder / read_string(item)
        resolved = path.resolve()
        document = _document(state, path, resolved)
    except (Fault, BioasmError, OSError, ValueError, RuntimeError) as problem:
        state.incomplete = True
        raise _fault(problem, item) from None
    state.included += 1
    state.including.append(resolved)
    take_in(state, document, path.parent)
    state.including.pop()


def _document(state: AssemblyState, path: Path, resolved: Path) -> Document:
    if resolved in state.including:
        through = "" if resolved == state.including[-1] else " through other files"
        raise Fault("B012", f"{path} includes itself{through}")
    if len(state.including) > limit("includes"):
        raise Fault("B111", f"includes are nested more than {limit('includes')} deep")
    if state.included >= limit("included_files"):
        raise Fault("B111", f"a program includes at most {limit('included_files')} files")
    return parse(_text(path), str(path))


def _text(path: Path) -> str:
    if not path.exists():
        raise Fault("B301", f"there is no file {path}")
    if not path.is_file():
        raise Fault("B301", f"{path} is no file")
    if path.stat().st_size > limit("text_bytes"):
        raise Fault("B111", f"{path} is longer than {limit('text_bytes')} bytes")
    try:
        content = path.read_bytes()
        refuse_empty(content, path)
        return content.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise Fault("B013", f"{path} is not UTF-8 text (byte {fault.start})") from None


def _fault(problem: Exception, item: Item) -> Fault:
    if isinstance(problem, Fault):
        return Fault(problem.code, problem.message, problem.hint, item)
    if isinstance(problem, BioasmError):
        first = problem.diagnostics[0]
        return Fault(first.code, first.message, first.hint, item)
    why = reason(problem) if isinstance(problem, OSError) else problem
    return Fault("B301", f"{item.text} can't be read: {why}", None, item)
