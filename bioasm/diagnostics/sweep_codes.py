"""Error codes B6xx: lanes in pieces, values of the lanes' own, and sweeps."""

from __future__ import annotations

from bioasm.diagnostics.code import Code

SWEEP_CODES: dict[str, Code] = {
    "B601": Code(
        "program can't be cut over lanes",
        "A piece of the lanes runs alone only where no number that is read over all lanes (GET of an energy or of spikes, "
        "PEEK) reaches a jump or an operand. Arithmetic and OUT of such numbers are fine. Run all lanes in one.",
    ),
    "B602": Code(
        "pieces don't fit together",
        "Pieces of one whole are runs of one program, settings, seed and version; their lanes are all lanes, each once.",
    ),
    "B603": Code(
        "lanes can't have values of their own here",
        "A constant may differ from lane to lane where it is the level of SIG, the value that SET gives a parameter or state "
        "of neurons or connections or a projection's weight, that of INP, CUR or CLAMP, the rate of POI or RATE, or the weight "
        "of SPK, EVT, POI or RATE. Registers, times, which connections there are, random values and what is fixed before the "
        "run are alike in all lanes.",
    ),
    "B604": Code("folder of another sweep", "The folder is that of a sweep of another program, grid or version, or of none."),
    "B605": Code("job was lost", "The process of a sweep's job died, or the executor gave it up. Others go on."),
}
