"""Every limit of the language, the bytecode and the machine, on one page, each with its reason."""

from __future__ import annotations

from typing import NamedTuple


class Limit(NamedTuple):
    """One row of the limits page: the number and the reason for it."""

    value: int
    reason: str


LIMITS: dict[str, Limit] = {
    "neurons": Limit(1 << 24, "ALC; indices stay far below 32 bits, also after scaling by lanes"),
    "lanes": Limit(1 << 16, "independent copies of one run"),
    "all_lanes": Limit(1 << 24, "lanes of a run in pieces, all together; the lane is a word of the noise's key"),
    "volumes": Limit(1 << 20, "CVs of one cell; Python computes them before a run, in half a minute and 1 GB"),
    "cells": Limit(1 << 28, "neurons times lanes; the state of such a run fits a large workstation"),
    "instructions": Limit(1 << 20, "a program's length; data are not instructions"),
    "constants": Limit(1 << 20, "numbers in the constant pool of a program"),
    "data": Limit(1 << 12, "data blocks of a program"),
    "data_bytes": Limit(1 << 40, "bytes of one data block"),
    "data_entries": Limit(1 << 36, "entries of one data block"),
    "name_bytes": Limit(255, "bytes of a name in UTF-8"),
    "names": Limit(1 << 20, "labels, constants, data and emitted names of a program"),
    "metadata_bytes": Limit(1 << 24, "bytes of all metadata of a program, including names of a problem's variables"),
    "models": Limit(1 << 8, "models and mechanisms defined in a program"),
    "formula_bytes": Limit(4096, "bytes of the formula of a constant"),
    "model_bytes": Limit(1 << 20, "bytes of the text of one model or mechanism"),
    "model_depth": Limit(150, "nesting levels of an expression in a model, with all definitions inlined"),
    "model_parts": Limit(
        20000, "nodes of an expression in a model, with all definitions inlined; each definition can double them"
    ),
    "model_coupled": Limit(6, "exact equations solved as one system; the matrix products are unrolled in the step"),
    "populations": Limit(1 << 10, "populations of one program (POP)"),
    "mechanisms": Limit(1 << 10, "mechanisms on the populations of one program (MECH)"),
    "projections": Limit(1 << 12, "projections of one program (SYN)"),
    "drawn_spikes": Limit(1 << 10, "expected random spikes of a neuron in a step (POI, RATE); each needs a table entry"),
    "poisson_table": Limit(1 << 28, "entries of the table of one POI or RATE; neurons of one rate share theirs"),
    "delay_steps": Limit(1 << 20, "delay of a projection in steps; the length of its ring buffer of spikes"),
    "sections": Limit(64, "sections of a bytecode file"),
    "text_bytes": Limit(1 << 31, "bytes of one program text"),
    "inflated_bytes": Limit(1 << 29, "bytes that a compressed problem file inflates to"),
    "statement": Limit(1 << 12, "characters of one statement of a text, without its data and strings"),
    "includes": Limit(64, "depth of nested includes"),
    "included_files": Limit(1 << 12, "files included by one program in total; nesting could double them at each level"),
    "diagnostics": Limit(20, "errors shown in one go; more are rarely read"),
    "registers": Limit(32, "scalar registers, r0 to r31"),
    "block_width": Limit(16, "spins in the table of a block at a time (BLK); the table has 2 to that power entries"),
    "block_bytes": Limit(1 << 32, "bytes of the stored choices of a block (BLK): two bits for each spin and table entry"),
    "steps": Limit((1 << 33) - 2, "steps or sweeps of a run: two share one 32-bit noise counter"),
    "term_order": Limit(64, "spins or neurons in one higher-order term"),
    "recorders": Limit(64, "variables recorded at a time"),
    "record_bytes": Limit(1 << 36, "bytes that one run records in memory"),
    "network_bytes": Limit(1 << 36, "bytes of the connections of one run, 2 to 12 each, and of the spikes in transit on them"),
    "candidate_pairs": Limit(1 << 40, "pairs of neurons tested by the conditions of one program; they take more than a day"),
    "spikes": Limit(1 << 31, "spikes kept in memory by one run"),
    "trace_entries": Limit(1 << 31, "energies kept in memory by one run"),
    "results": Limit(1 << 20, "results that one run emits by RD and OUT"),
}


def limit(name: str) -> int:
    """The number of the limit called `name`."""
    return LIMITS[name].value
