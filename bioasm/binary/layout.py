"""Layout of a bytecode file: magic, records, codes. Little endian throughout."""

from __future__ import annotations

from struct import Struct

# A high byte detects 7-bit transfers, CR LF and LF conversions of line ends, ^Z stops a listing on old systems.
MAGIC = b"\x89BBC\r\n\x1a\n"
FORMAT_VERSION = 1

ALIGNMENT = 64
NONE = 0xFFFFFFFF  # "no name", "no file": an index beyond every table
CRITICAL = 1  # section flag: readers that don't know the section must refuse the file

# magic, format version, ISA version, number of sections, length of the file, zero
HEADER = Struct("<8sHHIQI")
# the CRC-32 of the header before it and of the section table after it
HEADER_CRC = Struct("<I")
HEADER_SIZE = HEADER.size + HEADER_CRC.size
# kind, flags, CRC-32, offset in the file, length
SECTION = Struct("<HHIQQ")

# The known kinds of section, in the order in which they are written.
CODE, CONSTANTS, DATA, NAMES, LABELS, METADATA, SPANS, MODELS, FORMULAS = range(1, 10)
SECTION_NAMES = {
    CODE: "code",
    CONSTANTS: "constants",
    DATA: "data",
    NAMES: "names",
    LABELS: "labels",
    METADATA: "metadata",
    SPANS: "spans",
    MODELS: "models",
    FORMULAS: "formulas",
}
CRITICAL_KINDS = frozenset({CODE, CONSTANTS, DATA, NAMES, MODELS, FORMULAS})

# opcode, number of operands, tags of 4 bits (the first operand's lowest), three values
WORD = Struct("<BBHIII")
TAG_NONE, TAG_REGISTER, TAG_CONSTANT, TAG_DATA, TAG_TARGET, TAG_NAME = range(6)

# value, dimension, index of the unit in names or zero, name
CONSTANT = Struct("<dB3sI")
COMPOUND = 255  # the dimension of a number whose unit is spelled in names
# name, index of an instruction
LABEL = Struct("<II")
# file, line, column, end column
SPAN = Struct("<IIII")
# a path of a source may be longer than a name
PATH_BYTES = 4096
# number of strings, bytes of all of them
STRINGS = Struct("<II")

# number of blocks, zero
BLOCKS = Struct("<II")
# kind, flags, number of dimensions, zero, name, two sides
BLOCK = Struct("<BBBBIQQ")
# type of the entries, seven zeros, offset in the section, number of entries; three of them in each block
ARRAY = Struct("<B7sQQ")
ARRAYS = 3
BLOCK_SIZE = BLOCK.size + ARRAYS * ARRAY.size
DENSE, SPARSE, TERMS, RANDOM = range(1, 5)
SYMMETRIC, PER_LANE = 1, 2
FLAGS = {DENSE: 0, SPARSE: SYMMETRIC, TERMS: 0, RANDOM: PER_LANE}  # the allowed flags of each kind of block

# Codes of entry types. Data of other types are widened exactly when written.
TYPES = {1: "<i1", 2: "<i2", 3: "<i4", 4: "<i8", 5: "<f4", 6: "<f8"}
TYPE_CODES = {name: code for code, name in TYPES.items()}
WIDENED = {"b1": "<i1", "u1": "<i2", "u2": "<i4", "u4": "<i8", "f2": "<f4"}
INDEX_TYPE = "<i4"  # every index of a neuron is below 2^24
START_TYPE = "<i8"


def section_name(kind: int) -> str:
    """The name of a kind of section in messages."""
    return SECTION_NAMES.get(kind, f"{kind:#x}")


def aligned(offset: int) -> int:
    """Round an offset up to the alignment."""
    return -(-offset // ALIGNMENT) * ALIGNMENT
