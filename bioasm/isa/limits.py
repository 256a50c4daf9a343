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
    "all_lanes": Limit(1 << 24, "lanes of a whole that is run in pieces; each lane is a word of the noise's key"),
    "volumes": Limit(1 << 20, "CVs of one cell of cable; Python works them out before a run, in half a minute and 1 GB"),
    "cells": Limit(1 << 28, "neurons times lanes; the state of a run then fits a large workstation"),
    "instructions": Limit(1 << 20, "a program's length; data are not instructions"),
    "constants": Limit(1 << 20, "numbers in the constant pool of a program"),
    "data": Limit(1 << 12, "data blocks of a program"),
    "data_bytes": Limit(1 << 40, "bytes of one data block"),
    "data_entries": Limit(1 << 36, "entries of one data block"),
    "name_bytes": Limit(255, "bytes of a name in UTF-8"),
    "names": Limit(1 << 20, "labels, constants, data and emitted names of a program"),
    "metadata_bytes": Limit(1 << 24, "bytes of all metadata of a program, among them names of a problem's variables"),
    "models": Limit(1 << 8, "models and mechanisms that a program brings along"),
    "formula_bytes": Limit(4096, "bytes of the formula of a constant"),
    "model_bytes": Limit(1 << 20, "bytes of the text of one model or mechanism"),
    "model_depth": Limit(150, "levels of an expression in the text of a model, all that it needs put in"),
    "model_parts": Limit(20000, "parts of an expression of a model, all that it needs put in; definitions can double them"),
    "model_coupled": Limit(6, "exact equations solved together; products of their matrices are written out in the step"),
    "populations": Limit(1 << 10, "populations of one program (POP)"),
    "mechanisms": Limit(1 << 10, "mechanisms on the populations of one program (MECH)"),
    "projections": Limit(1 << 12, "projections of one program (SYN)"),
    "drawn_spikes": Limit(1 << 10, "random spikes that a neuron may expect in a step (POI, RATE); each has a place in a table"),
    "poisson_table": Limit(1 << 28, "entries of the table of one POI or RATE; neurons of one rate share theirs"),
    "delay_steps": Limit(1 << 20, "steps that a projection delays; spikes on their way are kept for as long"),
    "sections": Limit(64, "sections of a bytecode file"),
    "text_bytes": Limit(1 << 31, "bytes of one program text"),
    "inflated_bytes": Limit(1 << 29, "bytes that a compressed problem file inflates to"),
    "statement": Limit(1 << 12, "characters of one statement of a text, its data and quoted texts not counted"),
    "includes": Limit(64, "depth of nested includes"),
    "included_files": Limit(1 << 12, "files that one program includes in all; nesting alone could double them at each level"),
    "diagnostics": Limit(20, "errors shown in one go; more are rarely read"),
    "registers": Limit(32, "scalar registers, r0 to r31"),
    "block_width": Limit(16, "spins that stand in the table of a block at a time (BLK); it has two to that power of entries"),
    "block_bytes": Limit(1 << 32, "bytes of the choices of a block (BLK): two bits for each spin and entry of its table"),
    "steps": Limit((1 << 33) - 2, "steps or sweeps of a run: two share one 32-bit noise counter"),
    "term_order": Limit(64, "spins or neurons in one higher-order term"),
    "recorders": Limit(64, "variables recorded at a time"),
    "record_bytes": Limit(1 << 36, "bytes that one run records in memory"),
    "network_bytes": Limit(
        1 << 36, "bytes of the connections of one run, 2 to 12 each, and of the spikes that are under way on them"
    ),
    "candidate_pairs": Limit(1 << 40, "pairs of neurons that the conditions of one program look at; they take a day and more"),
    "spikes": Limit(1 << 31, "spikes kept in memory by one run"),
    "trace_entries": Limit(1 << 31, "energies kept in memory by one run"),
    "results": Limit(1 << 20, "results that one run emits by RD and OUT"),
}


def limit(name: str) -> int:
    """The number of the limit called `name`."""
    return LIMITS[name].value
