"""The part of the instruction table that concerns registers and jumps, which no neurons need."""

from __future__ import annotations

from bioasm.isa import kinds as k
from bioasm.isa.rows import LABEL, Row, Slot, Trait, arithmetic, branch, function

_T = Trait

ARITHMETIC_ROWS: tuple[Row, ...] = (
    function("MOV", 0x30, "copy a value into a register", "10 mV"),
    arithmetic("ADD", 0x31, "add", "+", "2, 3"),
    arithmetic("SUB", 0x32, "subtract", "-", "2, 3"),
    arithmetic("MUL", 0x33, "multiply", "*", "2, 3"),
    arithmetic("DIV", 0x34, "divide", "/", "2, 3"),
    arithmetic("MIN", 0x35, "the smaller of two", "min", "2, 3"),
    arithmetic("MAX", 0x36, "the larger of two", "max", "2, 3"),
    arithmetic("POW", 0x37, "raise to a power", "to the power of", "2, 0.5"),
    arithmetic("MOD", 0x38, "remainder, with the sign of b", "mod", "7, 3"),
    function("NEG", 0x39, "change the sign", "2"),
    function("ABS", 0x3A, "absolute value", "-2"),
    function("SQRT", 0x3B, "square root", "2"),
    function("EXP", 0x3C, "exponential", "1"),
    function("LOG", 0x3D, "natural logarithm", "2"),
    function("FLOOR", 0x3E, "round down", "2.7"),
)
CONTROL_ROWS: tuple[Row, ...] = (
    *ARITHMETIC_ROWS,
    Row(
        "JMP",
        0x40,
        (LABEL,),
        "jump",
        "Continues at the label.",
        "    JMP end\n    OUT 1\nend:\n    HLT\n",
        _T.JUMPS | _T.ENDS,
        "control",
    ),
    branch("JEQ", 0x41, "a = b"),
    branch("JNE", 0x42, "a is not b"),
    branch("JLT", 0x43, "a < b"),
    branch("JLE", 0x44, "a <= b"),
    branch("JGT", 0x45, "a > b"),
    branch("JGE", 0x46, "a >= b"),
    Row(
        "LOOP",
        0x48,
        (Slot("counter", k.DESTINATION), LABEL),
        "count down and jump",
        "Subtracts 1 from the register and jumps to the label if the result is above 0: the body between the label and LOOP "
        "is executed as many times as the register's initial value.",
        "    MOV r0, 3\nagain:\n    OUT r0\n    LOOP r0, again\n",
        _T.JUMPS | _T.UPDATES,
        "control",
    ),
)
