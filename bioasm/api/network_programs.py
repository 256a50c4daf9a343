"""Export of a program as a NIR graph, validated by a round trip: importing it must give the same instructions."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from bioasm.diagnostics import Diagnostic
from bioasm.frameworks.nir import ORDER, package
from bioasm.frameworks.nir.graph import graph_of
from bioasm.frameworks.nir.nodes import Network, Written, graph_for, network_of, no_place, values_of
from bioasm.frameworks.nir.program import program as text_of
from bioasm.isa.program import Instruction, Name, Program
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

_DRIVING = ("EVT", "RATE")
_UNSAID = "a NIR graph says nothing of {}: `bioasm import` writes 100 ms, and random spikes of 100 Hz in each input"


def write_nir(program: Program) -> tuple[bytes, tuple[Diagnostic, ...]]:
    """The bytes of a .nir file of a program, and warnings (B316) of omitted information.

    Raises BioasmError: B315 at the first instruction that a graph has no place for, B305 without the package nir.
    """
    nir = package()
    verify(program)
    network = network_of(program)
    written = graph_for(network)
    unsaid = _compare(program, _imported(written, program), network)
    graph = nir.NIRGraph(written.nodes, written.edges, metadata={ORDER: json.dumps(written.order)}, type_check=False)
    stream = io.BytesIO()
    nir.write(stream, graph)
    return stream.getvalue(), tuple(Diagnostic("B316", _UNSAID.format(what), severity="warning") for what in unsaid)


def _imported(written: Written, program: Program) -> str:
    """The program text that importing the graph gives."""
    source = program.metadata.get("source", "")
    return text_of(graph_of(written.nodes, written.edges, source, written.order))


# --- comparing ----------------------------------------------------------------------------------------


def _compare(program: Program, text: str, network: Network) -> list[str]:
    """Differences outside of the graph, by name. Raises BioasmError B315 at the first other instruction that differs."""
    expected = assemble(text)
    driving, length, given = _parts(program, network)
    usual_driving, usual_length, usual = _parts(expected, network)
    for one, other in zip_longest(given, usual):
        if one is None or other is None or not _same([one], program, [other], expected):
            raise _differs(one, other, text)
    unsaid = {
        "the spikes of inputs": _same(driving, program, usual_driving, expected),
        "how long a program runs": _same(length, program, usual_length, expected),
    }
    return [what for what, same in unsaid.items() if not same]


def _parts(program: Program, network: Network) -> tuple[list[Instruction], ...]:
    """Partition of the instructions: those that drive inputs, the run itself, and all others."""
    instructions, inputs = program.instructions, network.inputs
    run = next((k for k, one in enumerate(instructions) if one.mnemonic == "RUN"), len(instructions))
    before, after = instructions[:run], instructions[run + 1 :]
    driving = [one for one in before if _is_driving(one, inputs)]
    return driving, list(instructions[run : run + 1]), [*(one for one in before if not _is_driving(one, inputs)), *after]


def _is_driving(instruction: Instruction, inputs: Sequence[str]) -> bool:
    target = instruction.operands[0] if instruction.operands else None
    return instruction.mnemonic in _DRIVING and isinstance(target, Name) and target.text in inputs


def _same(given: Sequence[Instruction], program: Program, usual: Sequence[Instruction], expected: Program) -> bool:
    if [one.mnemonic for one in given] != [one.mnemonic for one in usual]:
        return False
    pairs = ((values_of(program, a.operands), values_of(expected, b.operands)) for a, b in zip(given, usual, strict=True))
    return all(_equal(a, b) for ours, theirs in pairs for a, b in zip_longest(ours, theirs))


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(np.asarray(a), np.asarray(b))
    return bool(a == b)


def _differs(given: Instruction | None, usual: Instruction | None, text: str) -> Exception:
    line = text.splitlines()[usual.span.line - 1].partition(";")[0].strip() if usual and usual.span else "nothing more"
    hint = f"the program of such a graph has here: {line}"
    if given is None:
        return no_place("it ends before that of a graph does", None, hint)
    return no_place(f"a graph has no place for this {given.mnemonic}", given.span, hint)
