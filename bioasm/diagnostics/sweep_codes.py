"""Error codes B6xx: lanes in pieces, values of the lanes' own, and sweeps."""

from __future__ import annotations

from bioasm.diagnostics.code import Code

SWEEP_CODES: dict[str, Code] = {
    "B601": Code(
        "program can't be cut over lanes",
        "A piece of the lanes can run separately only if no value read over all lanes (GET of an energy or of spikes, PEEK) "
        "reaches a jump or an operand. Arithmetic and OUT of such values are allowed. Run all lanes together.",
    ),
    "B602": Code(
        "pieces don't fit together",
        "Pieces must be runs of the same program, settings, seed and version, and together contain each lane exactly once.",
    ),
    "B603": Code(
        "lanes can't have values of their own here",
        "A constant may differ between lanes if it is the level of SIG, the value in SET of a parameter or state of neurons or "
        "connections or of a projection's weight, the value of INP, CUR or CLAMP, the rate of POI or RATE, or the weight of "
        "SPK, EVT, POI or RATE. Registers, times, the connectivity, random values and fixed parameters are the same in all "
        "lanes.",
    ),
    "B604": Code("folder of another sweep", "The folder belongs to a sweep of another program, grid or version, or to none."),
    "B605": Code("job was lost", "The process of a sweep's job died, or the executor abandoned it. Other jobs continue."),
}
